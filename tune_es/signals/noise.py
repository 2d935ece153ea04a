"""How much a curve jumps about its own trend."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count
from tune_es.signals.base import Signal

#: Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SD = 1.4826


class _State(NamedTuple):
    last: float | None = None
    steps: tuple[float, ...] = ()


@dataclass(frozen=True)
class NoiseLevel(Signal):
    """Standard deviation of the evaluation noise, from the last ``window`` differences.

    The median absolute deviation of the differences, which a trend only shifts, divided by
    sqrt(2) because a difference holds the noise of two evaluations. ``None`` below 3 differences.

    >>> signal = NoiseLevel()
    >>> state = signal.init()
    >>> for value in (0.0, 1.0, 2.0, 3.0, 4.0):  # a straight line has no noise
    ...     state, noise = signal.step(state, value)
    >>> noise
    0.0
    """

    window: int = 20

    def __post_init__(self) -> None:
        check_count("NoiseLevel", "window", self.window, least=3)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, value: float) -> tuple[_State, float | None]:
        if math.isfinite(value):
            steps = state.steps if state.last is None else (*state.steps, value - state.last)
            state = _State(value, steps[-self.window :])
        return state, _spread(state.steps) if len(state.steps) >= 3 else None


def _spread(steps: tuple[float, ...]) -> float:
    centre = statistics.median(steps)
    return MAD_TO_SD * statistics.median([abs(step - centre) for step in steps]) / math.sqrt(2)
