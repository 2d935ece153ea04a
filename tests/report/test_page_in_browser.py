"""The page as a reader meets it, in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.monitoring.experiments import foreign, odd, running, sweep
from tests.report.browser import DESKTOP, PHONE, WHERE, opened
from tune_es.report.groups import was_stopped
from tune_es.report.page import report_page

#: All in one process, which opens a browser.
pytestmark = pytest.mark.xdist_group("browser")

#: Sweeps, and how many charts they have: metrics, hyperparameters that vary, the workers.
SWEEPS = {"over": (sweep(30), 9), "running": (running(), 10), "foreign": (foreign(), 9)}


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", SWEEPS)
def test_every_chart_is_drawn_and_nothing_is_asked_of_the_network(
    browser: Browser, tmp_path: Path, name: str, screen: dict[str, Any]
) -> None:
    made, charts = SWEEPS[name]
    with opened(browser, report_page(made), tmp_path, **screen) as seen:
        assert seen.charts == charts
        assert min(seen.inked) > 200
        wide = seen.value("() => document.documentElement.scrollWidth")
        assert wide <= screen["viewport"]["width"]
        seen.page.wait_for_timeout(200)
    assert seen.complaints == []
    assert seen.requests == []


def test_pointing_at_a_stop_says_why(browser: Browser, tmp_path: Path) -> None:
    made = sweep(30)
    stopped = next(at for at, each in enumerate(made.trials) if was_stopped(each))
    why = made.trials[stopped].why
    assert why is not None
    with opened(browser, report_page(made), tmp_path) as seen:
        assert seen.charts
        told = {
            "curve": seen.point_at(seen.figure("lines", "y0"), "stops", stopped),
            "another metric": seen.point_at(seen.figure("lines", "y2"), "stops", stopped),
            "hyperparameter": seen.point_at(seen.figure("points", "p0"), "p0", stopped),
            "worker": seen.point_at(seen.figure("bars"), "bars", stopped),
        }
        for place, text in told.items():
            assert made.trials[stopped].name in text, place
            assert f"{why.sentence.partition(' (')[0]} at step {why.step:g}" in text, place
            for name, value in why.evidence.items():
                assert f"{name}\n{value:.4g}" in text, (place, name)
        seen.page.mouse.move(2, 2)
        assert seen.value("() => document.getElementById('tip').hidden")


def test_a_line_is_found_between_its_points(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, report_page(sweep(1)), tmp_path) as seen:
        assert seen.charts
        x, y = seen.value(
            """() => {
              const [view] = window.views;
              const {data} = view.model.renderers.find((each) => each.name === "lines").data_source;
              const box = view.canvas_view.el.getBoundingClientRect();
              const x = (data.xs[0][4] + data.xs[0][5]) / 2;
              const y = (data.y0[0][4] + data.y0[0][5]) / 2;
              return [box.left + view.frame.x_scale.compute(x),
                      box.top + view.frame.y_scale.compute(y)];
            }"""
        )
        seen.page.mouse.move(x, y + 3)
        seen.page.wait_for_timeout(60)
        assert "train_00000" in seen.tip


def test_a_row_lights_its_curve(browser: Browser, tmp_path: Path) -> None:
    lit = """() => window.views.filter((view) => view.model.tags[0] === "lines").map((view) =>
        view.model.renderers.find((each) => each.name === "lit").data_source.data.xs.length)
    """
    with opened(browser, report_page(sweep(6)), tmp_path) as seen:
        assert seen.charts
        assert seen.value(lit) == [0, 0, 0]
        seen.page.click("#t3 td:nth-child(2)")
        assert seen.value(lit) == [1, 1, 1]
        seen.page.click("#t3 td:nth-child(2)")
        assert seen.value(lit) == [0, 0, 0]


def test_the_table_says_why_on_one_line_and_more_on_hover(browser: Browser, tmp_path: Path) -> None:
    made = sweep(30)
    stopped = next(at for at, each in enumerate(made.trials) if was_stopped(each))
    with opened(browser, report_page(made), tmp_path) as seen:
        heights = "[...document.querySelectorAll('#table tbody tr')].map((row) => row.offsetHeight)"
        assert max(seen.value(heights)) < 40
        seen.page.locator(f"#t{stopped}").scroll_into_view_if_needed()
        seen.page.wait_for_timeout(100)  # a scroll hides what was said
        seen.page.hover(f"#t{stopped} td.why")
        assert "misses\n3" in seen.tip
        seen.page.hover("h1")
        assert not seen.page.is_visible("#tip")


def test_the_table_is_sorted_and_filtered(browser: Browser, tmp_path: Path) -> None:
    made = sweep(30)
    rows = "() => [...document.querySelectorAll('#table tbody tr:not(.out)')].map((row) => row.id)"
    failed = [f"t{at}" for at, each in enumerate(made.trials) if each.error]
    with opened(browser, report_page(made), tmp_path) as seen:
        seen.page.select_option("#ended", "FAILED")
        assert seen.value(rows) == failed
        assert seen.page.inner_text("#shown") == f"{len(failed)} of 30 trials"
        seen.page.select_option("#ended", "")
        seen.page.fill("#filter", "train_00017")
        assert seen.value(rows) == ["t17"]
        seen.page.fill("#filter", "")
        seen.page.click("#table th:nth-child(5) button")
        best = [float(each) for each in seen.value(CELLS)]
        assert best == sorted(best)
        seen.page.click("#table th:nth-child(5) button")
        assert [float(each) for each in seen.value(CELLS)] == sorted(best, reverse=True)


CELLS = "() => [...document.querySelectorAll('#table td:nth-child(5)')].map((c) => c.dataset.v)"


def finger(page: Page, x: int, ys: Iterable[int]) -> None:
    """Touch the screen and move along these heights."""
    session = page.context.new_cdp_session(page)
    for at, y in enumerate(ys):
        session.send(
            "Input.dispatchTouchEvent",
            {"type": "touchMove" if at else "touchStart", "touchPoints": [{"x": x, "y": y}]},
        )
        page.wait_for_timeout(16)
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def test_a_finger_on_a_chart_scrolls_the_page(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, report_page(sweep(6)), tmp_path, **PHONE) as seen:
        assert seen.charts
        for figure in (0, 2):
            seen.value(f"() => window.views[{figure}].el.scrollIntoView({{block: 'center'}})")
            before = seen.value("() => window.scrollY")
            finger(seen.page, 190, range(420, 200, -20))
            seen.page.wait_for_timeout(200)
            assert seen.value("() => window.scrollY") > before + 100


def test_a_tap_says_why(browser: Browser, tmp_path: Path) -> None:
    made = sweep(12)
    stopped = next(at for at, each in enumerate(made.trials) if was_stopped(each))
    with opened(browser, report_page(made), tmp_path, **PHONE) as seen:
        assert seen.charts
        assert seen.point_at(0, "stops", stopped)
        seen.page.mouse.move(1, 1)
        assert not seen.page.is_visible("#tip")
        x, y = seen.page.evaluate(WHERE, [0, "stops", stopped])
        seen.page.touchscreen.tap(x, y)
        seen.page.wait_for_timeout(60)
        assert made.trials[stopped].name in seen.tip
        box = seen.value("() => document.getElementById('tip').getBoundingClientRect().toJSON()")
        assert box["left"] >= 0
        assert box["right"] <= 375


def test_without_scripts_the_texts_are_there(browser: Browser, tmp_path: Path) -> None:
    options = {**DESKTOP, "java_script_enabled": False}
    with opened(browser, report_page(sweep(150, workers=8)), tmp_path, **options) as seen:
        text = seen.page.inner_text("body")
        assert "Stopping early saved" in text
        assert "The charts need JavaScript" in text
        assert "stalled: Patience at step" in text
        assert "train_00149" in text
        assert "max_gap: 0.25" in text
        assert not seen.page.is_visible("#filter")


#: Those whose pages differ in what is drawn; all of them are drawn by test_plots.
ODD = ("no trials", "no results", "only NaN", "mixed config", "long names", "huge and tiny")


@pytest.mark.parametrize("name", ODD)
def test_odd_sweeps_make_whole_pages(browser: Browser, tmp_path: Path, name: str) -> None:
    with opened(browser, report_page(odd()[name]), tmp_path) as seen:
        drawn = seen.inked
        assert not drawn or min(drawn) > 50
        assert seen.value("() => document.documentElement.scrollWidth") <= 1280
        assert seen.value("() => document.querySelector('footer').innerText")
    assert seen.complaints == []
    assert seen.requests == []


@pytest.mark.parametrize("name", odd())
def test_every_odd_sweep_has_a_page(name: str) -> None:
    html = report_page(odd()[name])
    assert html.endswith("</html>")
    assert "nan" not in html[: html.index("<main>")].lower()


def test_two_thousand_trials_do_not_freeze_it(browser: Browser, tmp_path: Path) -> None:
    """Times are bounded from far above: machines differ, a frozen page does not."""
    made = sweep(2000, steps=50, workers=32)
    began = time.perf_counter()
    html = report_page(made)
    assert time.perf_counter() - began < 30
    assert len(html) < 12e6
    stopped = [at for at, each in enumerate(made.trials) if was_stopped(each)]
    began = time.perf_counter()
    with opened(browser, html, tmp_path) as seen:
        assert seen.charts == 9
        assert min(seen.inked) > 200
        assert time.perf_counter() - began < 40
        began = time.perf_counter()
        assert made.trials[stopped[-1]].name.startswith("train_")
        assert "at step" in seen.point_at(0, "stops", stopped[-1])
        assert time.perf_counter() - began < 8
        assert seen.page.inner_text("#shown") == "100 of 2000 trials"
        heights = "[...document.querySelectorAll('#table tbody tr')].map((row) => row.offsetHeight)"
        assert sum(height > 0 for height in seen.value(heights)) == 100
        seen.page.click("#more")
        assert seen.page.inner_text("#shown") == "2000 trials"
    assert seen.complaints == []
