"""Whatever a user calls things, it is shown and nothing else comes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.monitoring.experiments import HOSTILE, hostile, sweep
from tests.report.browser import DESKTOP, PHONE, opened
from tune_es.report.page import report_page
from tune_es.report.text import literal

#: All in one process, which opens a browser.
pytestmark = pytest.mark.xdist_group("browser")

#: Elements of the page that a text could have made.
FOREIGN = (
    "() => document.querySelectorAll('img, svg, a, iframe, object, embed, form, base, link:not("
    "[rel=icon]), b > *, td b, [onerror], [onload], [href^=javascript]').length"
)


@pytest.fixture(scope="module")
def html() -> str:
    return report_page(hostile())


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_name_runs_loads_or_adds_anything(
    browser: Browser, html: str, tmp_path: Path, screen: dict[str, Any]
) -> None:
    with opened(browser, html, tmp_path, **screen) as seen:
        # metrics but for the one that counts steps, hyperparameters, and the workers
        assert seen.charts == len(HOSTILE) - 1 + len(HOSTILE) + 1
        assert min(seen.inked) > 50
        assert seen.value("() => window.hacked") is None
        assert seen.value(FOREIGN) == 0
        scripts = seen.value("() => document.scripts.length")
        assert scripts == html.count("<script>") + 1 == 4
        assert (
            seen.value("() => document.documentElement.scrollWidth") == screen["viewport"]["width"]
        )
    assert seen.complaints == []
    assert seen.requests == []


def test_every_name_is_shown_as_it_is(browser: Browser, html: str, tmp_path: Path) -> None:
    made = hostile()
    with opened(browser, html, tmp_path) as seen:
        seen.page.evaluate("() => document.querySelectorAll('.tools button')[0]?.click()")
        texts = {
            "trials": seen.value(TEXTS.replace("WHAT", "#table td:nth-child(1)")),
            "headings": seen.value(TEXTS.replace("WHAT", "figcaption b")),
            "columns": seen.value(TEXTS.replace("WHAT", "#table th")),
        }
        assert texts["trials"] == [literal(each) for each in HOSTILE]
        assert set(texts["headings"]) == {literal(each, 60) for each in HOSTILE}
        assert set(texts["columns"]) > {literal(each, 40) for each in HOSTILE[:8]}
        why = "\n".join(seen.value(TEXTS.replace("WHAT", "#table td:nth-child(3)")))
        for each, text in zip(made.trials, HOSTILE, strict=True):
            assert literal(each.error or f"stalled: {text}") in why
        body = seen.page.inner_text("body")
        assert HOSTILE[2] in seen.page.title() == literal(made.name, 120)
        for text in (made.name, str(made.folder), made.metric, made.time_attr):
            assert literal(text) in body
        assert HOSTILE[2] in seen.page.inner_text("pre")


TEXTS = "() => [...document.querySelectorAll('WHAT')].map((each) => each.textContent)"


def test_what_is_said_on_hover_is_text(browser: Browser, html: str, tmp_path: Path) -> None:
    made = hostile()
    with opened(browser, html, tmp_path) as seen:
        assert seen.charts
        for at, each in enumerate(made.trials[:5]):
            told = seen.point_at(seen.figure("bars"), "bars", at)
            assert re.sub(r"\s+", " ", literal(each.name)) in re.sub(r"\s+", " ", told)
        assert seen.value("() => document.querySelectorAll('#tip > :not(b, p, dl)').length") == 0
        assert seen.value(FOREIGN) == 0
        assert seen.value("() => window.hacked") is None
    assert seen.complaints == []


def test_a_script_that_got_in_would_not_run(browser: Browser, tmp_path: Path) -> None:
    """The page's security policy names its scripts; what escaping missed would be stopped by it."""
    bad = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"
    html = report_page(sweep(3)).replace("<main>", f"<main>{bad}")
    with opened(browser, html, tmp_path) as seen:
        assert seen.charts
        assert seen.value("() => window.hacked") is None
    assert any("Content Security Policy" in each for each in seen.complaints)


def test_the_figures_are_json_that_ends_no_script(html: str) -> None:
    found = re.search(
        r'<script type="application/json" id="figures">(.*?)</script>', html, re.DOTALL
    )
    assert found is not None
    assert "<" not in found[1]
    figures = json.loads(found[1])
    plain = [each for each in texts(figures) if "hacked" in each or "$$" in each]
    assert plain
    assert {each for each in wrapped(figures) if "hacked" in each or "$$" in each} >= set(plain)


def texts(data: Any) -> list[str]:
    """Every text in the figures."""
    if isinstance(data, dict):
        return [text for each in data.values() for text in texts(each)]
    if isinstance(data, list):
        return [text for each in data for text in texts(each)]
    return [data] if isinstance(data, str) else []


def wrapped(data: Any) -> list[str]:
    """Those that Bokeh is told to show as plain text."""
    if isinstance(data, dict):
        own = [data["attributes"]["text"]] if data.get("name") == "PlainText" else []
        return own + [text for each in data.values() for text in wrapped(each)]
    return [text for each in data for text in wrapped(each)] if isinstance(data, list) else []
