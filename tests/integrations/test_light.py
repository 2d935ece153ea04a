"""Nothing is imported before it is asked for, and no framework but the one that is."""

from __future__ import annotations

import pytest

from tests.architecture.test_import_rule import FRAMEWORKS, loaded_by


def test_the_package_and_what_the_callbacks_share_load_no_framework() -> None:
    code = "import tune_es.integrations, tune_es.integrations.run"
    assert loaded_by(code) & FRAMEWORKS == set()


@pytest.mark.parametrize("name", ["best", "rates"])
def test_a_loop_of_ones_own_needs_torch_at_most(name: str) -> None:
    loaded = loaded_by(f"import tune_es.integrations.{name}") & FRAMEWORKS
    assert loaded - {"torch", "numpy"} == set()
