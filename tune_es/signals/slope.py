"""The slope of a curve over its last values, with a standard error, in logarithmic time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count
from tune_es.signals.base import Signal
from tune_es.signals.series import Series


class Moments(NamedTuple):
    """Count, means and centred sums of points (x, y): what a straight-line fit needs.

    Kept centred and merged by the parallel update of Chan, Golub and LeVeque (1983), because raw
    sums lose the noise of a curve whose mean is large.
    """

    n: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets of points together."""
        if self.n == 0 or other.n == 0:
            return other if self.n == 0 else self
        n = self.n + other.n
        dx, dy, share = other.x - self.x, other.y - self.y, other.n / n
        weight = self.n * share
        return Moments(
            n,
            self.x + dx * share,
            self.y + dy * share,
            self.xx + other.xx + dx * dx * weight,
            self.xy + other.xy + dx * dy * weight,
            self.yy + other.yy + dy * dy * weight,
        )


class Line(NamedTuple):
    """Slope of the least-squares line per evaluation, and its standard error; inf if unknown."""

    slope: float
    error: float


class Regression(NamedTuple):
    """Every value of a curve, summed in aligned blocks of 1, 2, 4, ... evaluations.

    A straight line over any range of evaluations is then a merge of at most ``2 log2(n)`` blocks:
    no subtraction, so a spike that left the window leaves no rounding behind. Non-finite values
    keep their place on the x axis and are otherwise passed over.

    >>> sums = Regression()
    >>> for value in (5.0, 1.0, 2.0, 3.0, float("nan"), 5.0):
    ...     sums = sums.append(value)
    >>> sums.line(start=1)
    Line(slope=1.0, error=0.0)
    """

    levels: tuple[Series[Moments], ...] = ()

    def __len__(self) -> int:
        return len(self.levels[0]) if self.levels else 0

    def append(self, value: float) -> Regression:
        """The sums with one more evaluation."""
        index = len(self)
        block = Moments(1, float(index), value) if math.isfinite(value) else Moments()
        levels = list(self.levels)
        height = 0
        while True:
            if height == len(levels):
                levels.append(Series())
            levels[height] = levels[height].append(block)
            if (index + 1) % (2 << height):
                return Regression(tuple(levels))
            left, right = levels[height].last(2)
            block, height = left.merge(right), height + 1

    def line(self, start: int) -> Line | None:
        """The line over evaluations ``start`` to the last; None below 3 finite values."""
        moments, position, end = Moments(), max(0, start), len(self)
        while position < end:
            height = (end - position).bit_length() - 1
            if position:
                height = min(height, (position & -position).bit_length() - 1)
            moments = moments.merge(self.levels[height][position >> height])
            position += 1 << height
        if moments.n < 3:
            return None
        slope = moments.xy / moments.xx
        residual = moments.yy - slope * moments.xy
        if not math.isfinite(residual):  # squares of values above 1e154
            return Line(slope, math.inf)
        residual = max(0.0, residual)
        return Line(slope, math.sqrt(residual / (moments.n - 2) / moments.xx))


@dataclass(frozen=True)
class Slope(Signal):
    """The least-squares slope over the last ``window`` values, per evaluation.

    >>> signal = Slope(window=3)
    >>> state = signal.init()
    >>> for value in (9.0, 1.0, 2.0, 3.0):
    ...     state, slope = signal.step(state, value)
    >>> slope
    1.0
    """

    window: int = 10

    def __post_init__(self) -> None:
        check_count("Slope", "window", self.window, least=3)

    def init(self) -> Regression:
        return Regression()

    def step(self, state: Regression, value: float) -> tuple[Regression, float | None]:
        state = state.append(value)
        line = state.line(len(state) - self.window)
        return state, None if line is None else line.slope
