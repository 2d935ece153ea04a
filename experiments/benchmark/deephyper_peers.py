"""Stoppers of DeepHyper 0.13, as they are, driven by a replay instead of its evaluator.

The jobs and their storage are DeepHyper's own. `LCModelStopper` is left out: it fits a curve by
MCMC on every result (with jax and numpyro), and took 22 seconds for the 15 results of one trial.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any

from experiments.benchmark import PeerFactory
from experiments.extras import require
from tune_es.records import Action
from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task
from tune_es.replay.judged import InOrder

TIME_ATTR = "training_iteration"
FAILED = "F"


class DeepHyperScheduler(InOrder):
    """A stopper of DeepHyper in a replay: each job has its copy, and all share one storage.

    DeepHyper maximises, so a metric of mode min is negated. A value that is not finite is recorded
    as a failure, ``"F"``: DeepHyper's evaluator turns such a result into one, and its Redis
    storage keeps no NaN. The stoppers end a failed job and no longer compare others with it.

    Args:
        task: Gives the metric and its mode.
        stopper: One that nothing was run with.
    """

    def __init__(self, task: Task, stopper: Any) -> None:
        self.task = task
        self.stopper = stopper
        self._new_job = importlib.import_module("deephyper.evaluator").Job
        storage: Any = importlib.import_module("deephyper.evaluator.storage")
        self._storage = storage.MemoryStorage().connect()
        self._search = self._storage.create_new_search()
        self._jobs: dict[str, Any] = {}
        self._budget: dict[str, float] = {}

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        value = self.task.sign * float(result.get(self.task.metric, math.nan))
        self._budget[trial_id] = result[TIME_ATTR]
        job = self._job(trial_id)
        job.record(result[TIME_ATTR], value if math.isfinite(value) else FAILED)
        return Action.STOP if job.stopped() else Action.CONTINUE

    def end(self, trial_id: str, failed: bool) -> None:
        job = self._jobs.pop(trial_id, None)
        if job is None:
            return
        if failed:
            job.record(self._budget[trial_id] + 1, FAILED)
            job.stopped()
        self._storage.store_job_out(job.id, job.objective)

    def _job(self, trial_id: str) -> Any:
        """Its running job; DeepHyper creates a job when a worker takes it."""
        if trial_id not in self._jobs:
            job_id = self._storage.create_new_job(self._search)
            job = self._new_job(job_id, {}, None, self._storage)
            self._jobs[trial_id] = job.create_running_job(self.stopper)
        return self._jobs[trial_id]


def _stopper(name: str, settings: str, arguments: Callable[[Task], dict[str, Any]]) -> PeerFactory:
    def build(task: Task, trials: int) -> Scheduler:
        require("peers", "deephyper")
        stoppers: Any = importlib.import_module("deephyper.stopper")
        stopper = getattr(stoppers, name)(max_steps=task.max_t, **arguments(task))
        return DeepHyperScheduler(task, stopper)

    return PeerFactory(f"{name}(max_steps=T, {settings})", build)


def _halving(min_steps: int) -> PeerFactory:
    return _stopper(
        "SuccessiveHalvingStopper",
        f"min_steps={min_steps}, reduction_factor=3",
        lambda task: {"min_steps": min_steps, "reduction_factor": 3},
    )


def _median(min_steps: int) -> PeerFactory:
    return _stopper(
        "MedianStopper",
        f"min_steps={min_steps}, min_competing=10, interval_steps=1",
        lambda task: {"min_steps": min_steps},
    )


PEERS: Mapping[str, PeerFactory] = {
    "deephyper-sha": _halving(min_steps=1),
    "deephyper-sha-5": _halving(min_steps=5),
    "deephyper-median": _median(min_steps=1),
    "deephyper-median-3": _median(min_steps=3),
    "deephyper-constant": _stopper(
        "ConstantStopper", "stop_step=T/2", lambda task: {"stop_step": math.ceil(task.max_t / 2)}
    ),
}
"""By name, with the arguments written out; what is not named is the default of DeepHyper 0.13.

The rungs of ``min_steps=5`` are 5, 7, 13 and 31: DeepHyper adds ``min_steps - 1`` to the powers of
the factor, where ASHA multiplies. The median stopper moves to its next rung only after it has
compared a job with ten others; until then a job overwrites its value with that of a later step, so
the first ones are compared at steps that differ."""
