"""Recorded validation curves, one by one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tune_es.replay import TaskCurves, load_tasks


@dataclass(frozen=True)
class Curve:
    """One trial's objective, evaluation by evaluation, in the user's own sign.

    ``values`` end before the first non-finite value; ``broken`` says that there was one.
    ``max_t`` is the budget of the task, in evaluations; a curve may be shorter or longer.
    """

    source: str
    task: str
    trial_id: str
    mode: str
    max_t: int
    values: tuple[float, ...]
    broken: bool

    @property
    def sign(self) -> int:
        """What turns a value into one where higher is better."""
        return 1 if self.mode == "max" else -1


def load_curves(folder: Path) -> list[Curve]:
    """Every curve of every set below ``folder`` that begins with a finite value.

    Raises:
        ValueError: There is no set there.
    """
    return [curve for task in load_tasks(folder) for curve in _curves_of(task) if curve.values]


def _curves_of(curves: TaskCurves) -> Iterator[Curve]:
    task = curves.task
    bounds = zip(curves.starts, curves.starts[1:], strict=False)  # past the budget, too
    for trial_id, (start, end) in zip(curves.trial_ids, bounds, strict=True):
        recorded = curves.metrics[task.metric][start:end]
        broken = np.flatnonzero(~np.isfinite(recorded))
        values = tuple((recorded[: broken[0]] if len(broken) else recorded).tolist())
        source, budget = task.source, task.max_t
        yield Curve(source, task.name, trial_id, task.mode, budget, values, len(broken) > 0)
