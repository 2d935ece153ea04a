"""Bounds against tables, and against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from benchmarks.certificate_coverage import NAIVE, VALID, WORLDS, broken
from tune_es.meta import chernoff, clopper_pearson, in_order, interval, tail, union

TIMES = 2000


@pytest.mark.parametrize(
    ("events", "of", "confidence", "known"),
    [
        (0, 10, 0.95, 1 - 0.05 ** (1 / 10)),
        (0, 59, 0.95, 0.0495),
        (1, 20, 0.95, 0.2161),
        (5, 50, 0.975, 0.2181),
        (3, 3, 0.9, 1.0),
        (0, 0, 0.9, 1.0),
    ],
)
def test_clopper_pearson_is_that_of_the_tables(
    events: int, of: int, confidence: float, known: float
) -> None:
    assert clopper_pearson(events, of, confidence) == pytest.approx(known, abs=1e-4)


@given(st.integers(1, 200), st.data(), st.floats(0.5, 0.99))
def test_at_the_bound_so_few_events_are_as_rare_as_said(
    of: int, data: st.DataObject, confidence: float
) -> None:
    events = data.draw(st.integers(0, of - 1))
    bound = clopper_pearson(events, of, confidence)
    assert binom.cdf(events, of, bound) == pytest.approx(1 - confidence, abs=1e-6)
    assert bound > events / of


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.floats(0.5, 0.99))
def test_chernoff_is_no_tighter_than_the_exact_bound(flags: list[bool], confidence: float) -> None:
    exact = clopper_pearson(sum(flags), len(flags), confidence)
    assert chernoff([float(each) for each in flags], confidence) >= exact - 1e-9


def test_chernoff_holds_for_shares() -> None:
    random = np.random.default_rng(0)
    for first, second in ((0.3, 2.7), (2.0, 8.0), (0.05, 0.45)):
        shares = random.beta(first, second, size=(TIMES, 12))
        failed = sum(chernoff(row, 0.9) < first / (first + second) for row in shares.tolist())
        assert failed <= most(0.1)


def most(share: float) -> int:
    """What a procedure that fails at most this often does not exceed, but once in 10,000 tests."""
    return int(binom.ppf(0.9999, TIMES, share))


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("procedure", VALID)
def test_a_certificate_is_wrong_no_more_often_than_it_says(procedure: str, world: str) -> None:
    assert broken(VALID[procedure], WORLDS[world], TIMES) <= most(0.1)


@pytest.mark.parametrize("procedure", NAIVE)
def test_without_the_correction_it_would_be(procedure: str) -> None:
    assert broken(NAIVE[procedure], WORLDS["cheaper is riskier"], TIMES) > 2 * most(0.1)


def test_a_fixed_order_ends_at_the_first_that_fails() -> None:
    assert in_order([0, 0, 30, 0], 60, 0.9, 0.1) == [0, 1]
    assert in_order([30], 60, 0.9, 0.1) == []
    assert union(0.9, 1) == pytest.approx(0.9)


@given(st.lists(st.floats(0, 10), min_size=1, max_size=40), st.floats(0.5, 0.99), st.floats(0, 10))
def test_the_tail_is_within_exactly_where_few_enough_tasks_are_over(
    regrets: list[float], confidence: float, limit: float
) -> None:
    over = sum(regret > limit for regret in regrets)
    allowed = over <= (1 - confidence) * len(regrets) + 1e-9
    assert (tail(regrets, confidence) <= limit) == allowed


def test_one_of_ten_may_be_over_at_nine_tenths() -> None:
    assert tail([5.0] + [0.0] * 9, 0.9) == 0.0  # 1 - 0.9 is not quite 0.1


def test_an_interval_holds_its_mean_and_needs_more_than_one_task() -> None:
    found = interval([0.1, 0.2, 0.6, 0.3])
    assert found.value == pytest.approx(0.3)
    assert found.low < found.value < found.high
    assert interval([0.4]).low == interval([0.4]).high == pytest.approx(0.4)


def test_mistakes_are_said() -> None:
    with pytest.raises(ValueError, match=r"clopper_pearson\.of must be a whole number"):
        clopper_pearson(3, 2, 0.9)
    with pytest.raises(ValueError, match=r"clopper_pearson\.confidence must be a number"):
        clopper_pearson(1, 2, 9.0)
    assert chernoff([], 0.9) == 1.0
