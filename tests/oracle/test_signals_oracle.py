"""Every incremental signal against NumPy or the standard library over the whole history."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.strategies import bad
from tune_es import Exponential, MovingMean, MovingMedian, NoiseLevel, Slope
from tune_es.signals import Clock, Regression, Signal, Spread

moderate = st.floats(-1e3, 1e3)
#: A large mean over a small noise, a spike that leaves the window, gaps: what breaks raw sums.
far = st.floats(-1.0, 1.0).map(lambda value: 1e9 + value)
curves = st.one_of(
    st.lists(moderate | bad, max_size=60),
    st.lists(far | bad, max_size=60),
    st.lists(moderate | st.sampled_from([1e12, -1e12]), max_size=60),
)


def last_number(signal: Signal, values: list[float]) -> float | None:
    state, number = signal.init(), None
    for value in values:
        state, number = signal.step(state, value)
    return number


def finite(values: list[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]


def total(terms: Iterable[Fraction]) -> Fraction:
    return sum(terms, Fraction(0))


def fitted(values: list[float], start: int) -> tuple[float, float, float] | None:
    """Slope, its standard error and the size of the numbers, by exact fractions."""
    points = [
        (Fraction(at), Fraction(value))
        for at, value in enumerate(values)
        if at >= start and math.isfinite(value)
    ]
    count = len(points)
    if count < 3:
        return None
    mean_x = total(x for x, _ in points) / count
    mean_y = total(y for _, y in points) / count
    xx = total((x - mean_x) * (x - mean_x) for x, _ in points)
    slope = total((x - mean_x) * (y - mean_y) for x, y in points) / xx
    residuals = [y - mean_y - slope * (x - mean_x) for x, y in points]
    squares = total(residual * residual for residual in residuals)
    spread = max(abs(y - mean_y) for _, y in points)
    return float(slope), math.sqrt(squares / (count - 2) / xx), float(spread)


@given(values=curves, window=st.integers(3, 70))
def test_a_slope_and_its_error_are_those_of_least_squares(values: list[float], window: int) -> None:
    sums = Regression()
    for value in values:
        sums = sums.append(value)
    start = len(values) - window
    line, exact = sums.line(start), fitted(values, start)
    if exact is None:
        assert line is None
    else:
        assert line is not None
        slope, error, spread = exact
        rounding = 1e-9 * spread + 1e-15 * max(map(abs, finite(values)))
        assert line.slope == pytest.approx(slope, rel=1e-9, abs=rounding)
        assert line.error == pytest.approx(error, rel=1e-6, abs=2e-5 * spread + rounding)


@given(values=curves.filter(lambda values: len(values) >= 3))
def test_a_slope_over_the_whole_curve_is_that_of_polyfit(values: list[float]) -> None:
    y = np.array(values)
    x = np.flatnonzero(np.isfinite(y))
    assume(len(x) >= 3)
    slope = np.polyfit(x - x.mean(), y[x] - y[x].mean(), 1)[0]
    scale = float(np.ptp(y[x])) + 1e-6 * float(np.abs(y[x]).max())
    assert last_number(Slope(window=100), values) == pytest.approx(
        slope, rel=1e-6, abs=1e-9 * scale
    )


def test_a_spike_that_left_the_window_leaves_nothing_behind() -> None:
    values = [1e15, *[0.25 * at for at in range(40)]]
    assert last_number(Slope(window=10), values) == pytest.approx(0.25, rel=1e-12)


@pytest.mark.parametrize("length", [3, 4, 7, 8, 9, 31, 32, 33, 100, 257])
def test_a_straight_line_far_from_zero_has_its_slope_and_no_error(length: int) -> None:
    sums = Regression()
    for at in range(length):
        sums = sums.append(1e6 + 0.5 * at)
    for start in {0, (length - 3) // 2, length - 3}:
        line = sums.line(start)
        assert line is not None
        assert line.slope == pytest.approx(0.5, rel=1e-9)
        assert line.error == pytest.approx(0.0, abs=1e-6)


@given(values=curves, window=st.integers(1, 10))
def test_a_moving_mean_and_median_are_those_of_the_last_finite_values(
    values: list[float], window: int
) -> None:
    kept = finite(values)[-window:]
    mean, median = (
        last_number(MovingMean(window), values),
        last_number(MovingMedian(window), values),
    )
    if not kept:
        assert mean is None
        assert median is None
    else:
        assert mean == pytest.approx(float(np.mean(kept)), rel=1e-9, abs=1e-3)
        assert median == float(np.median(kept))


@given(values=curves, alpha=st.floats(0.01, 1.0))
def test_exponential_smoothing_is_a_weighted_sum_of_the_history(
    values: list[float], alpha: float
) -> None:
    kept = finite(values)
    smooth = last_number(Exponential(alpha), values)
    if not kept:
        assert smooth is None
        return
    weights = [alpha * (1 - alpha) ** age for age in range(len(kept) - 1)]
    weights.append((1 - alpha) ** (len(kept) - 1))
    assert math.fsum(weights) == pytest.approx(1.0)
    weighted = math.fsum(w * value for w, value in zip(weights, reversed(kept), strict=True))
    assert smooth == pytest.approx(weighted, rel=1e-9, abs=1e-9 * max(map(abs, kept)))


@given(values=curves, window=st.integers(5, 20))
def test_noise_is_the_median_of_the_second_differences(values: list[float], window: int) -> None:
    bends = np.abs(np.diff(finite(values)[-window:], n=2))
    noise = last_number(NoiseLevel(window), values)
    if len(bends) < 3:
        assert noise is None
    else:
        scale = max(map(abs, finite(values)))
        median = float(np.median(bends))
        assert noise == pytest.approx(1.4826 * median / math.sqrt(6), abs=1e-12 * scale)


@pytest.mark.parametrize("trend", [0.0, 0.5, -3.0])
@pytest.mark.parametrize("seed", range(3))
def test_noise_is_the_standard_deviation_of_normal_noise_whatever_the_trend(
    trend: float, seed: int
) -> None:
    noise = np.random.default_rng(seed).normal(0.0, 0.2, 400)
    curve = trend * np.arange(400) + noise
    assert last_number(NoiseLevel(window=400), curve.tolist()) == pytest.approx(0.2, rel=0.2)


def test_a_zigzag_is_noise_and_a_few_jumps_are_none() -> None:
    zigzag = [0.0, 4.0, 1.0, 5.0, 2.0, 6.0, 3.0]
    assert last_number(NoiseLevel(), zigzag) == pytest.approx(1.4826 * 7 / math.sqrt(6))
    steps = [0.0] * 8 + [5.0] * 8
    assert last_number(NoiseLevel(), steps) == 0.0


@given(values=curves)
def test_spread_is_the_range_and_the_population_deviation(values: list[float]) -> None:
    spread, kept = Spread(), finite(values)
    for value in values:
        spread = spread.add(value)
    if not kept:
        assert (spread.range, spread.deviation) == ((0.0, 0.0), (0.0, 0.0))
        return
    assert spread.range == (min(kept), max(kept) - min(kept))
    scale = max(map(abs, kept))
    mean, deviation = spread.deviation
    assert mean == pytest.approx(statistics.fmean(kept), rel=1e-9, abs=1e-12 * scale)
    assert deviation == pytest.approx(statistics.pstdev(kept), rel=1e-6, abs=1e-7 * scale + 1e-150)


@given(first=st.integers(0, 50), gaps=st.lists(st.integers(1, 9), max_size=20))
def test_a_clock_knows_the_mean_spacing(first: int, gaps: list[int]) -> None:
    clock = Clock().tick(first)
    step = first
    for gap in gaps:
        step += gap
        clock = clock.tick(step)
    assert clock.evaluations == len(gaps) + 1
    spacing = statistics.fmean(gaps) if gaps else float(first or 1)
    assert clock.spacing == pytest.approx(spacing)
    assert clock.total(100) == pytest.approx(100 / spacing)
    assert clock.remaining(100) == pytest.approx(max(0, 100 - step) / spacing)
