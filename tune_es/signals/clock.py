"""How evaluations lie on the step axis: the first step, the spacing, the number in a budget."""

from __future__ import annotations

import math
from typing import NamedTuple

#: A number of evaluations that no run has.
MOST = 1e15


def round_up(evaluations: float) -> int:
    """Whole evaluations; 7.000000000000001, which 0.07 * 100 is, counts as 7.

    >>> round_up(0.07 * 100), round_up(7.1)
    (7, 8)
    """
    return math.ceil(round(evaluations, 9))


class Clock(NamedTuple):
    """Counts evaluations and knows their mean spacing in steps.

    Budgets are given in steps (``max_t``), windows are counted in evaluations; the spacing turns
    one into the other, whether a trial reports every step, every 50 steps, or starts at step 0.

    >>> clock = Clock().tick(50).tick(100).tick(150)
    >>> clock.spacing, clock.total(max_t=1000), clock.remaining(max_t=1000)
    (50.0, 20.0, 17.0)
    """

    evaluations: int = 0
    first: float = 0.0
    now: float = 0.0

    def tick(self, step: float) -> Clock:
        """The clock after one more evaluation, at ``step``."""
        return Clock(self.evaluations + 1, step if self.evaluations == 0 else self.first, step)

    @property
    def spacing(self) -> float:
        """Mean number of steps between evaluations; 1 where it cannot be known."""
        if self.evaluations > 1 and self.now > self.first:
            return (self.now - self.first) / (self.evaluations - 1)
        return self.now if self.now > 0 else 1.0

    def total(self, max_t: float) -> float:
        """How many evaluations a run of ``max_t`` steps has at this spacing."""
        return min(max_t / self.spacing, MOST)

    def share(self, share: float, max_t: float) -> int:
        """That share of the budget in whole evaluations, rounded up."""
        return round_up(share * self.total(max_t))

    def remaining(self, max_t: float) -> float:
        """How many evaluations are still to come before ``max_t``; never negative."""
        return max(0.0, (max_t - self.now) / self.spacing)
