"""Small tasks with a known best policy, and quick searches on them."""

from __future__ import annotations

import numpy as np

from tune_es.meta import Bench, Split
from tune_es.replay import TaskCurves, task_curves

STEPS, TRIALS = 12, 10


def early(name: str, seed: int = 0, source: str = "early") -> TaskCurves:
    """Ranks are final from the first step: one step of all, then the best, loses nothing."""
    random = np.random.default_rng(seed)
    ends = random.permutation(np.linspace(0.2, 0.9, TRIALS))
    curves = [[end + 0.5 / (step + 1) for step in range(STEPS)] for end in ends.tolist()]
    return task_curves(curves, "val_loss", "min", source=source, name=name)


def late(name: str, seed: int = 0, source: str = "late") -> TaskCurves:
    """The winner is the worst until the last two steps: nothing but full training finds it."""
    random = np.random.default_rng(seed)
    ends = random.permutation(np.linspace(0.4, 0.5, TRIALS)).tolist()
    curves = [[end] * STEPS for end in ends]
    curves[0] = [2.0 - 0.05 * step for step in range(STEPS - 2)] + [0.1, 0.05]
    return task_curves(curves, "val_loss", "min", source=source, name=name)


def split_of(tuning: int, held_out: int) -> Split:
    """Early tasks on both sides."""
    made = [early(f"e{at:02}", at) for at in range(tuning + held_out)]
    return Split(tuple(made[:tuning]), tuple(made[tuning:]))


def bench(tasks: int = 3) -> Bench:
    """A quick one."""
    return Bench(tuple(early(f"e{at}", at) for at in range(tasks)), trials=8, seeds=2)
