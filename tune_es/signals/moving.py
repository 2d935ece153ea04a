"""Smoothing: moving mean, moving median, exponential smoothing."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from tune_es.checks import check_count, check_number
from tune_es.signals.base import Signal

Window = tuple[float, ...]


@dataclass(frozen=True)
class _Moving(Signal):
    window: int = 5

    def __post_init__(self) -> None:
        check_count(type(self).__name__, "window", self.window)

    def init(self) -> Window:
        return ()

    def _step(
        self, state: Window, value: float, summary: Callable[[Window], float]
    ) -> tuple[Window, float | None]:
        if math.isfinite(value):
            state = (*state, value)[-self.window :]
        return state, summary(state) if state else None


@dataclass(frozen=True)
class MovingMean(_Moving):
    """The mean of the last ``window`` finite values, of fewer at the start.

    >>> signal = MovingMean(window=2)
    >>> state, first = signal.step(signal.init(), 1.0)
    >>> signal.step(state, 4.0)[1]
    2.5
    """

    def step(self, state: Window, value: float) -> tuple[Window, float | None]:
        return self._step(state, value, _mean)


@dataclass(frozen=True)
class MovingMedian(_Moving):
    """The median of the last ``window`` finite values: one spike does not move it.

    >>> signal, state = MovingMedian(window=3), ()
    >>> for value in (1.0, 50.0, 2.0):
    ...     state, median = signal.step(state, value)
    >>> median
    2.0
    """

    def step(self, state: Window, value: float) -> tuple[Window, float | None]:
        return self._step(state, value, statistics.median)


def _mean(values: Window) -> float:
    return sum(values) / len(values)


@dataclass(frozen=True)
class Exponential(Signal):
    """Exponential smoothing: ``alpha`` of the new value, ``1 - alpha`` of what was.

    >>> signal = Exponential(alpha=0.5)
    >>> signal.step(2.0, 4.0)[1]
    3.0
    """

    alpha: float = 0.3

    def __post_init__(self) -> None:
        check_number("Exponential", "alpha", self.alpha, above=0, most=1)

    def init(self) -> float | None:
        return None

    def step(self, state: float | None, value: float) -> tuple[float | None, float | None]:
        if not math.isfinite(value):
            return state, state
        smooth = value if state is None else state + self.alpha * (value - state)
        return smooth, smooth
