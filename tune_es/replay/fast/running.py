"""Numbers that run along every trial: the best so far, and the seconds trained.

A column holds the rows of all trials one after the other, as in
:class:`tune_es.replay.curves.TaskCurves`.
"""

from __future__ import annotations

import numpy as np

from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast.compiled import compiled
from tune_es.replay.life import durations


def best_so_far(curves: TaskCurves, metric: str | None = None) -> Floats:
    """The best of the objective up to and with every row, oriented so that higher is better.

    A value that is not finite is passed over; before the first finite one the best is ``-inf``.
    ``metric`` is another metric with the mode of the objective, such as its test counterpart.

    >>> from tune_es.replay.curves import task_curves
    >>> best_so_far(task_curves([[np.nan, 0.5, 0.6], [0.5, 0.25]], "loss", "min")).tolist()
    [-inf, -0.5, -0.5, -0.5, -0.25]
    """
    column = curves.metrics[metric or curves.task.metric]
    oriented = np.multiply(column, float(curves.task.sign), dtype=np.float64)
    starts = np.ascontiguousarray(curves.starts, dtype=np.int64)
    return best_of(oriented, starts[:-1], starts[1:])


def best_of(oriented: Floats, starts: Ints, stops: Ints) -> Floats:
    """The best so far of a column whose trial ``i`` has rows ``starts[i]`` to ``stops[i]``."""
    bests = np.full(len(oriented), -np.inf)
    _follow(oriented, starts, stops, bests)
    return bests


@compiled
def _follow(oriented: Floats, starts: Ints, stops: Ints, bests: Floats) -> None:
    for trial in range(len(starts)):
        best = -np.inf
        for row in range(starts[trial], stops[trial]):
            value = oriented[row]
            if value > best and value != np.inf:
                best = value
            bests[row] = best


def elapsed(curves: TaskCurves, step_s: float = 1.0) -> Floats:
    """The seconds that a trial has trained at the end of every row.

    ``step_s`` is the duration of an evaluation where none was recorded.

    >>> from tune_es.replay.curves import task_curves
    >>> elapsed(task_curves([[3, 2, 1], [2, 1]], "loss", "min"), step_s=2.0).tolist()
    [2.0, 4.0, 6.0, 2.0, 4.0]
    """
    spent = np.array(durations(curves, step_s), dtype=np.float64)
    starts = np.ascontiguousarray(curves.starts, dtype=np.int64)
    _add_up(spent, starts[:-1], starts[1:])
    return spent


@compiled
def _add_up(spent: Floats, starts: Ints, stops: Ints) -> None:
    for trial in range(len(starts)):
        for row in range(starts[trial] + 1, stops[trial]):
            spent[row] += spent[row - 1]
