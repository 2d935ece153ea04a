"""The period of a curve that comes and goes, as under cyclic learning rates."""

from __future__ import annotations

import math
from collections.abc import Sequence

#: An autocorrelation below this is taken for noise.
CLEAR = 0.5


def find_period(values: Sequence[float], *, shortest: int = 2) -> int | None:
    """The length of the cycle in evaluations, or None where there is no clear one.

    The first peak of the autocorrelation of the curve without its straight-line trend, if at
    least 0.5; needs two whole cycles of finite values.

    >>> find_period([0, 1, 2, 1] * 5)
    4
    >>> find_period([0.1 * step for step in range(20)]) is None
    True
    """
    finite = [value for value in values if math.isfinite(value)]
    flat = _without_trend(finite)
    largest = max(map(abs, finite), default=0.0)
    if max(map(abs, flat), default=0.0) <= 1e-9 * largest:
        return None
    longest = len(flat) // 2
    correlation = [_correlation(flat, lag) for lag in range(longest + 2)]
    for lag in range(max(shortest, 1), longest + 1):
        here = correlation[lag]
        is_peak = here > correlation[lag - 1] and here >= correlation[lag + 1]
        if is_peak and here >= CLEAR:
            return lag
    return None


def _without_trend(values: list[float]) -> list[float]:
    count = len(values)
    if count < 4:
        return []
    middle, mean = (count - 1) / 2, sum(values) / count
    spread = sum((index - middle) ** 2 for index in range(count))
    slope = sum((index - middle) * value for index, value in enumerate(values)) / spread
    return [value - mean - slope * (index - middle) for index, value in enumerate(values)]


def _correlation(values: list[float], lag: int) -> float:
    """Correlation of the curve with itself ``lag`` later, each part by its own power."""
    early, late = values[: len(values) - lag], values[lag:]
    power = math.sqrt(sum(v * v for v in early) * sum(v * v for v in late))
    return sum(a * b for a, b in zip(early, late, strict=True)) / power if power else 0.0
