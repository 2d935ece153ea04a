"""What the trials of these sweeps report: a function of the seed and of the trial's number."""

from __future__ import annotations

import math
import random

STEPS = 14
#: Of so many trials one is hopeless, and it is never among the first ones.
BAD_EVERY = 4
#: What a good trial comes to by :data:`SETTLED`, all alike: whoever comes first, none is below the
#: median of the others.
FLOOR, SETTLED = 0.3, 5


def curve(kind: str, seed: int, at: int) -> list[float]:
    """The losses of one trial; ``kind`` is ``compared``, ``raced`` or anything else."""
    rng = random.Random(f"{kind}/{seed}/{at}")
    if kind == "compared":
        return _compared(rng, at)
    if kind == "raced":
        return _raced(rng)
    return _alone(rng)


def _alone(rng: random.Random) -> list[float]:
    """Noisy, falling for a while; one in six breaks."""
    end, until = rng.uniform(0.02, 0.6), rng.randint(2, STEPS)
    broken = rng.randint(4, STEPS) if rng.random() < 1 / 6 else STEPS + 1
    steps = range(1, STEPS + 1)
    falls = [1 - (1 - end) * min(step, until) / until + rng.uniform(0, 0.1) for step in steps]
    return [math.nan if step >= broken else loss for step, loss in enumerate(falls, 1)]


def _compared(rng: random.Random, at: int) -> list[float]:
    if at % BAD_EVERY == BAD_EVERY - 1:
        start = rng.uniform(5, 9)
        return [start - 0.1 * step for step in range(STEPS)]
    found = rng.randint(2, SETTLED)
    return [
        FLOOR if step == found else FLOOR + rng.uniform(0.01, 0.5) for step in range(1, STEPS + 1)
    ]


def _raced(rng: random.Random) -> list[float]:
    """Curves that cross: some that begin well end badly."""
    start, end = rng.uniform(0.6, 1), rng.uniform(0.05, 0.6)
    bend = rng.uniform(0.5, 2)
    return [
        end + (start - end) * (1 - step / STEPS) ** bend + rng.uniform(0, 0.02)
        for step in range(1, STEPS + 1)
    ]
