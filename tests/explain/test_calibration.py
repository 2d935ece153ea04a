"""The shares: what few stops say, what tasks that are alike say, and what is shipped."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta

from tune_es.report.explain import calibration as one
from tune_es.report.explain.beta import cumulative, shortest
from tune_es.report.explain.calibration import (
    Calibration,
    Cell,
    Counts,
    counted,
    from_plain,
    likeness,
    share_of,
    shipped,
    to_plain,
)
from tune_es.report.explain.rules import COMPARING, EXACT, GUARDS, PATIENCES

sizes = st.floats(0.01, 1000)


@given(st.floats(0, 1), sizes, sizes)
def test_the_beta_distribution_is_that_of_scipy(x: float, a: float, b: float) -> None:
    assert cumulative(x, a, b) == pytest.approx(float(beta.cdf(x, a, b)), abs=1e-8)


@given(st.floats(0.01, 0.99), st.floats(1, 500))
def test_an_interval_holds_what_it_says(mean: float, worth: float) -> None:
    low, high = shortest(mean, worth)
    mass = beta.cdf(high, mean * worth, (1 - mean) * worth)
    mass -= beta.cdf(low, mean * worth, (1 - mean) * worth)
    assert 0 <= low <= high <= 1
    assert mass >= 0.9 - 1e-3


def test_few_stops_are_drawn_towards_their_rule_and_many_are_not() -> None:
    whole = counted([(40, 80)] * 5, likeness=0.0)
    few, many = counted([(4, 4)], 0.0), counted([(4000, 4000)], 0.0)
    assert 0.5 < share_of(few, whole).value < 0.7
    assert share_of(many, whole).value > 0.99
    assert share_of(few, whole).low < share_of(many, whole).low


def test_stops_of_tasks_that_differ_say_less() -> None:
    apart, alike = [(100, 100), (0, 100)] * 3, [(50, 100)] * 6
    assert likeness(apart) > 0.9
    assert likeness(alike) == 0.0
    torn, even = (counted(some, likeness(some)) for some in (apart, alike))
    assert (torn.right, torn.stops, torn.tasks) == (even.right, even.stops, even.tasks)
    assert torn.effective < 7
    assert even.effective == 600
    assert share_of(torn, torn).low < 0.1
    assert share_of(even, even).low > 0.45


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), max_size=8))
def test_no_counts_give_a_share_outside_its_interval(pairs: list[tuple[int, int]]) -> None:
    tasks = [(min(pair), max(pair)) for pair in pairs]
    counts = counted(tasks, likeness(tasks))
    if counts.stops:
        share = share_of(counts, counts)
        assert 0 < share.value < 1
        assert 0 <= share.low <= share.high <= 1


def test_what_was_hardly_seen_is_said_of_the_rule_and_what_was_never_seen_is_not_known() -> None:
    many, few = Counts(80, 100, 9, 40.0, 0.1), Counts(3, 4, 2, 3.0, 0.1)
    cells = {Cell("Rule"): many, Cell("Rule", "min", 1): many, Cell("Rule", "min", 2): few}
    table = Calibration(cells, "here")
    assert table.find("Rule", "min", 1) == Cell("Rule", "min", 1)
    assert table.find("Rule", "min", 2) == Cell("Rule")
    assert table.find("Rule", "min", 3) is None
    assert table.find("Rule", "max", 1) is None
    assert table.find("Other", "min", 1) is None


def test_the_package_brings_counts_of_every_rule_and_they_are_small() -> None:
    table = shipped()
    bands = {f"Patience to {top}" for top in PATIENCES}
    assert {cell.rule for cell in table.cells} == {
        *EXACT,
        *bands,
        *COMPARING,
        *GUARDS,
        "OverfitGap",
    }
    assert all(Cell(cell.rule) in table.cells for cell in table.cells)
    assert all(0 <= counts.right <= counts.stops for counts in table.cells.values())
    assert from_plain(to_plain(table)) == table
    path = Path(one.__file__).with_name(one.SHIPPED)
    assert len(path.read_bytes()) < 10_000
    assert "37 public tasks" in table.source
    assert math.isfinite(table.budgets[1])
