"""Signals on curves short enough to work out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import late, refusal
from tune_es import BestSoFar, Exponential, MovingMean, MovingMedian, NoiseLevel, Slope
from tune_es.signals import (
    Clock,
    Line,
    Regression,
    Series,
    Signal,
    Spread,
    find_period,
    generalisation_gap,
)

NAN, INF = math.nan, math.inf


def numbers(signal: Signal, values: list[float]) -> list[float | None]:
    state, found = signal.init(), []
    for value in values:
        state, number = signal.step(state, value)
        found.append(number)
    return found


@pytest.mark.parametrize(
    ("signal", "values", "expected"),
    [
        (BestSoFar(), [1, 3, 2, 3, NAN, 4], [1, 3, 3, 3, 3, 4]),
        (BestSoFar(), [NAN, INF, -INF, -5], [None, None, None, -5]),
        (BestSoFar(1), [0, 1, 1.5, 2, 3], [0, 0, 1.5, 1.5, 3]),
        (MovingMean(2), [1, 3, 5, 9], [1, 2, 4, 7]),
        (MovingMean(1), [1, 3, 5], [1, 3, 5]),
        (MovingMean(3), [NAN, 3, NAN, 5, INF], [None, 3, 3, 4, 4]),
        (MovingMedian(3), [1, 50, 2, 3, 4], [1, 25.5, 2, 3, 3]),
        (MovingMedian(4), [4, 3, 2, 1, 0], [4, 3.5, 3, 2.5, 1.5]),
        (Exponential(0.5), [2, 4, 4, NAN, 0], [2, 3, 3.5, 3.5, 1.75]),
        (Exponential(1), [2, 4, 9], [2, 4, 9]),
        (Slope(3), [9, 1, 2, 3], [None, None, -3.5, 1]),
        (Slope(3), [1, NAN, 2, NAN, NAN], [None] * 5),
        (Slope(5), [0, NAN, 2, NAN, 4], [None, None, None, None, 1]),
        (Slope(10), [1, 1, 1, 1], [None, None, 0, 0]),
        (NoiseLevel(), [0, 1, 2, 3], [None] * 4),
    ],
)
def test_numbers(signal: Signal, values: list[float], expected: list[float | None]) -> None:
    assert numbers(signal, values) == expected


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(BestSoFar, -1), "BestSoFar.min_delta must be a number at least 0, got -1"),
        (late(MovingMean, 0), "MovingMean.window must be a whole number of at least 1, got 0"),
        (late(MovingMedian, 2.0), "MovingMedian.window must be a whole number of at least 1"),
        (late(Exponential, 0), "Exponential.alpha must be a number above 0 and at most 1, got 0"),
        (late(Exponential, 1.1), "got 1.1"),
        (late(Exponential, NAN), "got nan"),
        (late(Slope, 2), "Slope.window must be a whole number of at least 3, got 2"),
        (late(NoiseLevel, 2), "NoiseLevel.window must be a whole number of at least"),
        (late(MovingMean, True), "got True"),
        (late(MovingMean, "3"), "got '3'"),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)


@pytest.mark.parametrize(
    ("steps", "spacing", "total", "remaining"),
    [
        ([], 1.0, 100.0, 100.0),
        ([1], 1.0, 100.0, 99.0),
        ([50], 50.0, 2.0, 1.0),
        ([0], 1.0, 100.0, 100.0),
        ([0, 10], 10.0, 10.0, 9.0),
        ([1, 2, 6], 2.5, 40.0, 37.6),
        ([50, 100, 150], 50.0, 2.0, 0.0),
        ([5, 5, 5], 5.0, 20.0, 19.0),
        ([0, 0], 1.0, 100.0, 100.0),
        ([0.5, 1.0], 0.5, 200.0, 198.0),
    ],
)
def test_a_clock(steps: list[float], spacing: float, total: float, remaining: float) -> None:
    clock = Clock()
    for step in steps:
        clock = clock.tick(step)
    assert clock.evaluations == len(steps)
    assert clock.spacing == spacing
    assert clock.total(100) == pytest.approx(total)
    assert clock.remaining(100) == pytest.approx(remaining)


def test_the_gap_of_overfitting_is_positive() -> None:
    losses = {"train": -0.1, "validation": -0.4}
    assert generalisation_gap(**losses) == pytest.approx(0.3)
    accuracies = {"train": 0.99, "validation": 0.8}
    assert generalisation_gap(**accuracies) == pytest.approx(0.19)
    assert generalisation_gap(train=0.7, validation=0.8) == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("values", "period"),
    [
        ([0, 1] * 8, 2),
        ([0, 1, 2] * 6, 3),
        ([0, 1, 2, 1] * 5, 4),
        ([math.sin(2 * math.pi * at / 7) for at in range(35)], 7),
        ([0.3 * at + math.sin(2 * math.pi * at / 7) for at in range(35)], 7),
        ([1 / (1 + at % 5) for at in range(30)], 5),
        ([0.1 * at for at in range(30)], None),
        ([0.5] * 30, None),
        ([1 - 0.9**at for at in range(30)], None),
        ([0, 1, 0], None),
        ([], None),
        ([NAN] * 20, None),
        ([0, 1, 2, 1, 0, 1, 2], None),
    ],
)
def test_a_period(values: list[float], period: int | None) -> None:
    assert find_period(values) == period


def test_a_period_below_the_shortest_is_not_looked_for() -> None:
    assert find_period([0, 1, 2, 1] * 6, shortest=5) == 8


def test_a_spread() -> None:
    spread = Spread()
    assert (spread.range, spread.deviation) == ((0.0, 0.0), (0.0, 0.0))
    for value in (2.0, NAN, 4.0, INF, 6.0):
        spread = spread.add(value)
    assert spread.seen == 3
    assert spread.range == (2.0, 4.0)
    assert spread.deviation == pytest.approx((4.0, math.sqrt(8 / 3)))
    assert Spread().add(7.0).range == (7.0, 0.0)


def test_a_regression_keeps_the_place_of_what_is_not_finite() -> None:
    sums = Regression()
    for value in (0.0, NAN, 4.0, INF, 8.0):
        sums = sums.append(value)
    assert len(sums) == 5
    assert sums.line(0) == Line(slope=2.0, error=0.0)
    assert sums.line(1) is None
    assert sums.line(-7) == sums.line(0)
    assert sums.line(9) is None


def test_the_error_of_a_slope_by_hand() -> None:
    """y = 0, 1, 0 at x = 0, 1, 2: slope 0, residuals -1/3, 2/3, -1/3, error sqrt(2/3 / 1 / 2)."""
    sums = Regression()
    for value in (0.0, 1.0, 0.0):
        sums = sums.append(value)
    line = sums.line(0)
    assert line is not None
    assert line.slope == 0.0
    assert line.error == pytest.approx(math.sqrt((2 / 3) / 1 / 2))


def test_a_series_is_a_sequence_that_shares_its_storage() -> None:
    short = Series([1, 2])
    long = short.append(3)
    branch = short.append(9)
    assert [list(each) for each in (short, long, branch)] == [[1, 2], [1, 2, 3], [1, 2, 9]]
    assert (len(long), long[0], long[-1], long[1:], long[-2:]) == (3, 1, 3, [2, 3], [2, 3])
    assert short[1:] == [2]
    assert short[-1] == 2
    assert (short.last(5), long.last(2), long.last(0)) == ([1, 2], [2, 3], [])
    assert long == Series([1, 2, 3]) != branch
    assert hash(long) == hash(Series([1, 2, 3]))
    assert 3 in long
    assert 3 not in short
    assert repr(long) == "Series([1, 2, 3])"
    assert list(reversed(long)) == [3, 2, 1]
    assert not Series()


@pytest.mark.parametrize("index", [2, -3, 99])
def test_a_series_ends_where_it_ends_and_not_where_a_longer_one_does(index: int) -> None:
    short = Series([1, 2])
    short.append(3)
    with pytest.raises(IndexError, match="out of range for length 2"):
        short[index]
