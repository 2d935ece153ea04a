"""How much a curve jumps about its own trend."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass

from tune_es.checks import check_count
from tune_es.signals.base import Signal

#: Median absolute deviation to standard deviation of a normal distribution.
MAD_TO_SD = 1.4826


#: Second differences below which there is no estimate.
FEWEST = 3


@dataclass(frozen=True)
class NoiseLevel(Signal):
    """Standard deviation of the evaluation noise, from the last ``window`` values.

    The median of the absolute second differences, which neither a trend nor a few jumps move; the
    variance of one is 6 times that of the noise. ``None`` below 3 second differences.

    >>> signal = NoiseLevel()
    >>> state = signal.init()
    >>> for value in (0.0, 1.0, 2.0, 3.0, 4.0):  # a straight line has no noise
    ...     state, noise = signal.step(state, value)
    >>> noise
    0.0
    """

    window: int = 20

    def __post_init__(self) -> None:
        check_count("NoiseLevel", "window", self.window, least=5)

    def init(self) -> tuple[float, ...]:
        return ()

    def step(
        self, state: tuple[float, ...], value: float
    ) -> tuple[tuple[float, ...], float | None]:
        if math.isfinite(value):
            state = (*state, value)[-self.window :]
        bends = [abs(a - 2 * b + c) for a, b, c in zip(state, state[1:], state[2:], strict=False)]
        if len(bends) < FEWEST:
            return state, None
        return state, MAD_TO_SD * statistics.median(bends) / math.sqrt(6)
