"""Recorded configurations as a problem for a searcher: a point runs as the nearest one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import optuna

from tune_es.replay import TaskCurves
from tune_es.replay.curves import Floats

#: TaskSet draws these of Adam on a logarithmic scale, the betas as their distance from 1.
BETAS = ("beta1", "beta2")


class Tabular:
    """A task with the hyperparameters of its trials, searched over the box around them.

    Every hyperparameter is searched on a logarithmic scale, scaled to (0, 1) for the distance; the
    trial of the nearest recorded configuration that has not run is what then runs, and what the
    study is told to have run. So the best is known: the best value of all recorded curves.

    Args:
        curves: Trials whose configurations hold positive numbers.
    """

    def __init__(self, curves: TaskCurves) -> None:
        self.curves = curves
        self.names = [
            name for name, value in curves.configs[0].items() if isinstance(value, (int, float))
        ]
        rows = [
            [_searched(name, float(each[name])) for name in self.names] for each in curves.configs
        ]
        logs = self._logs = np.log(np.array(rows))
        self._low, self._high = logs.min(axis=0), logs.max(axis=0)
        self._points = (logs - self._low) / (self._high - self._low)

    def space(self) -> dict[str, optuna.distributions.FloatDistribution]:
        """The box, as Optuna's distributions."""
        bounds = zip(np.exp(self._low).tolist(), np.exp(self._high).tolist(), strict=True)
        return {
            name: optuna.distributions.FloatDistribution(low, high, log=True)
            for name, (low, high) in zip(self.names, bounds, strict=True)
        }

    def correct(self, searcher: Any, trial_id: str, curve: int) -> None:
        """Write what runs into the searcher's study, in place of the point that was suggested.

        Otherwise a model would learn from hyperparameters that nothing was run with.
        """
        storage, asked = searcher._ot_study._storage, searcher._ot_trials[trial_id]
        space = self.space()
        for name, value in zip(self.names, np.exp(self._logs[curve]).tolist(), strict=True):
            domain = space[name]
            storage.set_trial_param(
                asked._trial_id, name, min(max(value, domain.low), domain.high), domain
            )

    def nearest(self, config: Mapping[str, float], ran: Collection[int] = ()) -> int:
        """The trial whose configuration is the nearest one, of those that have not run."""
        log = np.log([config[name] for name in self.names])
        point = (log - self._low) / (self._high - self._low)
        distance = ((self._points - point) ** 2).sum(axis=1)
        distance[list(ran)] += len(self.names)
        return int(distance.argmin())

    @cached_property
    def best(self) -> float:
        """The best value of all curves, oriented: higher is better."""
        return float(self._oriented.max())

    @cached_property
    def scale(self) -> float:
        """How far the median of the last values is from the best one."""
        last = self._oriented[self.curves.starts[:-1] + self.curves.lengths - 1]
        return self.best - float(np.median(last))

    @cached_property
    def _oriented(self) -> Floats:
        values = self.curves.task.sign * self.curves.metrics[self.curves.task.metric]
        return np.where(np.isfinite(values), values, -np.inf)

    def bests(self, trials: Sequence[int], steps: Sequence[int]) -> Floats:
        """The best value so far after each of these evaluations, oriented."""
        rows = self.curves.starts[np.array(trials)] + np.array(steps) - 1
        return np.maximum.accumulate(self._oriented[rows])


def _searched(name: str, value: float) -> float:
    return 1 - value if name in BETAS else value
