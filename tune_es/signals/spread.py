"""Running range and standard deviation of one metric."""

from __future__ import annotations

import math
from typing import NamedTuple


class Spread(NamedTuple):
    """Range and deviation of the finite values so far (deviation by Welford's update).

    >>> spread = Spread().add(1.0).add(float("nan")).add(3.0)
    >>> spread.range, spread.deviation
    ((1.0, 2.0), (2.0, 1.0))
    """

    seen: int = 0
    low: float = math.inf
    high: float = -math.inf
    mean: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> Spread:
        """The spread with one more value; non-finite ones are passed over."""
        if not math.isfinite(value):
            return self
        seen = self.seen + 1
        mean = self.mean + (value - self.mean) / seen
        squares = self.squares + (value - self.mean) * (value - mean)
        return Spread(seen, min(self.low, value), max(self.high, value), mean, squares)

    @property
    def range(self) -> tuple[float, float]:
        """The lowest value, and the distance from it to the highest; 0 before two differ."""
        return (self.low, self.high - self.low) if self.seen else (0.0, 0.0)

    @property
    def deviation(self) -> tuple[float, float]:
        """The mean, and the population standard deviation."""
        if not self.seen:
            return 0.0, 0.0
        overflown = not self.squares >= 0  # NaN too
        return self.mean, math.nan if overflown else math.sqrt(self.squares / self.seen)
