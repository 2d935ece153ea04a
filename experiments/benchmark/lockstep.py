"""The median rule where all trials run side by side and are judged after all have reported.

Ray's rule judges a trial when it reports, by the trials that were there before. The methods note
gives a figure that no number of workers of ours brings about; this reading of the rule does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tune_es.replay import Cluster, Run, Score, TaskCurves, stream
from tune_es.replay.curves import Floats, Ints

NAME = "median-lockstep-3"


def lockstep_scores(tasks: Sequence[TaskCurves], trials: int, seeds: int) -> list[Score]:
    """The median rule in lockstep on every stream; curves of a task have to be equally long."""
    return [_score(curves, trials, seed) for curves in tasks for seed in range(seeds)]


def _score(curves: TaskCurves, trials: int, seed: int) -> Score:
    drawn = stream(curves, trials, seed, Cluster(trials))
    values = drawn.curves.metrics[curves.task.metric].reshape(len(drawn.curves), -1)
    reached = reached_in_lockstep(curves.task.sign * values)
    span = float(reached.max())
    return drawn.score(Run(reached, reached, reached.astype(float), (), span, (), ()), NAME)


def reached_in_lockstep(oriented: Floats, grace_period: int = 3) -> Ints:
    """Where each trial ends: its best so far is below the median of the running means.

    The means are of the trials that are still alive, itself included; values that are not finite
    count as the worst of the stream.

    >>> reached_in_lockstep(np.array([[1.0, 1, 1, 1], [2.0, 2, 2, 2], [3.0, 3, 3, 3]]))
    array([3, 4, 4])
    """
    worst = oriented[np.isfinite(oriented)].min()
    values = np.where(np.isfinite(oriented), oriented, worst)
    best = np.maximum.accumulate(values, axis=1)
    mean = np.cumsum(values, axis=1) / np.arange(1, values.shape[1] + 1)
    reached = np.full(len(values), values.shape[1])
    alive = np.ones(len(values), dtype=bool)
    for step in range(grace_period - 1, values.shape[1]):
        stopped = alive & (best[:, step] < np.median(mean[alive, step]))
        reached[stopped] = step + 1
        alive &= ~stopped
    return reached
