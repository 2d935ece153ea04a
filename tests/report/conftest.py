"""One browser for the tests of a file: while it is open no other event loop may run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.report.browser import browsing, chromium


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without a window; a test that needs it is skipped where it is not installed."""
    if chromium() is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    with browsing() as found:
        yield found
