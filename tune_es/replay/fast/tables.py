"""Numbers that depend on the count of evaluations alone, worked out once by the live objects.

In a recorded trial the steps are 1, 2, 3, ... and each has the metric. So the clock of a
criterion reads the same in every trial, and what Python rounds need not be rounded in a kernel.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tune_es.replay.curves import Floats, Ints
from tune_es.signals import Clock

#: The clock of a trial with one evaluation a step; its spacing is 1 at any time.
CLOCK = Clock().tick(1)

#: A count that no trial reaches, and that a kernel can still add to.
NEVER = 2**62


def share_of(share: float, max_t: float) -> int:
    """That share of the budget in whole evaluations."""
    return CLOCK.share(share, max_t)


def counts(longest: int, at: Callable[[int], int]) -> Ints:
    """A whole number for every count of evaluations; entry 0 is not used."""
    return np.array([0, *(min(at(count), NEVER) for count in range(1, longest + 1))], np.int64)


def numbers(longest: int, at: Callable[[int], float]) -> Floats:
    """A number for every count of evaluations; entry 0 is not used."""
    return np.array([0.0, *(at(count) for count in range(1, longest + 1))], np.float64)
