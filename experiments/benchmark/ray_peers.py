"""Schedulers and a stopper of Ray Tune, as they are, driven by a replay instead of a cluster.

The trials that they see are Ray's own `Trial` objects. What stands between them and the replay
makes their calls in the order of Ray 2.60: the result, what was decided on it, and for a trial
that is over `on_trial_complete`.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from experiments.benchmark import BUDGET, PeerFactory, filled, written
from experiments.extras import require
from tune_es.records import Action
from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task

PENDING, RUNNING, PAUSED = "PENDING", "RUNNING", "PAUSED"
TERMINATED, ERROR = "TERMINATED", "ERROR"
NOOP = "NOOP"
TIME_ATTR = "training_iteration"


@contextmanager
def _no_numpy_warnings() -> Iterator[None]:
    """About values that are not finite."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


class Controller:
    """What a scheduler asks of Ray's `TuneController`: the trials, and to stop one of them."""

    def __init__(self, scheduler: Any) -> None:
        self.results: dict[str, Mapping[str, Any]] = {}
        self._scheduler = scheduler
        self._trials: list[Any] = []
        self._live: set[Any] = set()

    def get_trials(self) -> list[Any]:
        """All trials, in the order in which they were added."""
        return self._trials

    def get_live_trials(self) -> set[Any]:
        """Those that were not stopped."""
        return self._live

    def add_trial(self, trial: Any) -> None:
        """A trial joins, or joins again after it was lost: then behind all others."""
        if trial in self._live:
            self._trials.remove(trial)
        self._trials.append(trial)
        self._live.add(trial)
        self._scheduler.on_trial_add(self, trial)

    def stop_trial(self, trial: Any) -> None:
        """End a trial in any state; the scheduler is told whether it ran or waited."""
        if trial.status in (ERROR, TERMINATED):
            return
        if trial.status == RUNNING:
            result = self.results.get(trial.trial_id, {})
            self._scheduler.on_trial_complete(self, trial, result)
        else:
            self._scheduler.on_trial_remove(self, trial)
        trial.status = TERMINATED
        self._live.discard(trial)


class RayScheduler:
    """A scheduler of Ray Tune in a replay.

    Which trial goes on is the scheduler's choice alone. On a cluster it decides who gets an actor
    that became free; where actors are not reused, all waiting trials queue for new ones.

    A trial that is paused at its last step counts as paused until the scheduler resumes it, as a
    function would in Ray that then returns at once. Here that takes no time of a worker. A trial
    that was lost and waits again is reported as an error and added anew, as Ray does.

    A trial that the scheduler stops while it is paused is never chosen again; the replay counts
    it among its paused ones to the end.

    HyperBand looks at a bracket when a trial of it ends by itself, but not once a round of it is
    over. Where a curve is shorter than the budget, the others of that round may stay paused for
    good: the replay then gives them up, while in Ray nothing ends the wait.

    Args:
        scheduler: One that nothing was run with; its metric and mode are set.
    """

    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler
        self._controller = Controller(scheduler)
        self._new_trial = importlib.import_module("ray.tune.experiment").Trial
        self._trials: dict[str, Any] = {}
        self._over: set[str] = set()

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        trial = self._new_trial("replayed", config=dict(config), trial_id=trial_id, stub=True)
        self._trials[trial_id] = trial
        self._controller.add_trial(trial)

    @_no_numpy_warnings()
    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        trial = self._trials[trial_id]
        if trial.is_finished():  # the scheduler stopped it while its next step ran
            return Action.STOP
        flat = dict(result)
        said = self.scheduler.on_trial_result(self._controller, trial, flat)
        self._controller.results[trial_id] = flat
        if said == Action.PAUSE.value:
            trial.status = PAUSED
        action = _by_status(trial) if said == NOOP else Action(said)
        self._finish_resumed()
        return action

    @_no_numpy_warnings()
    def end(self, trial_id: str, failed: bool) -> None:
        trial = self._trials[trial_id]
        if trial.status == PAUSED:
            self._over.add(trial_id)
        elif failed:
            self.scheduler.on_trial_error(self._controller, trial)
            trial.status = ERROR
        else:
            self._controller.stop_trial(trial)
        self._finish_resumed()

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        self._requeue_lost(pending)
        self._finish_resumed()
        trial = self.scheduler.choose_trial_to_run(self._controller)
        if trial is None:
            return None
        trial.status = RUNNING
        return str(trial.trial_id)

    def _requeue_lost(self, pending: Sequence[str]) -> None:
        for trial in [self._trials[name] for name in pending]:
            if trial.status == RUNNING:
                trial.status = ERROR
                self.scheduler.on_trial_error(self._controller, trial)
                trial.status = PENDING
                self._controller.add_trial(trial)

    def _finish_resumed(self) -> None:
        """What is resumed and has no step left is complete."""
        while self._over:
            trial = self.scheduler.choose_trial_to_run(self._controller)
            if trial is None or trial.trial_id not in self._over:
                return
            self._over.remove(trial.trial_id)
            trial.status = RUNNING
            self._controller.stop_trial(trial)


class RayStopper:
    """A stopper of Ray Tune in a replay: it judges every trial alone, first come first served.

    A trial that ends by itself is shown to it a second time, with ``done``, as Ray does.

    Args:
        stopper: One that nothing was run with. Its `stop_all` is not asked.
    """

    def __init__(self, stopper: Callable[[str, dict[str, Any]], bool]) -> None:
        self.stopper = stopper
        self._last: dict[str, dict[str, Any]] = {}

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        """A stopper is not told."""

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        nested = dict(result)
        if self._asked(trial_id, nested):
            self._last.pop(trial_id, None)
            return Action.STOP
        self._last[trial_id] = nested
        return Action.CONTINUE

    def end(self, trial_id: str, failed: bool) -> None:
        last = self._last.pop(trial_id, None)
        if last is not None and not failed:
            self._asked(trial_id, {**last, "done": True})

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        return pending[0] if pending else None

    def _asked(self, trial_id: str, result: dict[str, Any]) -> bool:
        with _no_numpy_warnings():
            return bool(self.stopper(trial_id, result))


def _by_status(trial: Any) -> Action:
    """What a scheduler that answers NOOP has made of the trial itself."""
    if trial.is_finished():
        return Action.STOP
    return Action.PAUSE if trial.status == PAUSED else Action.CONTINUE


def _scheduler(kind: str, **arguments: Any) -> PeerFactory:
    def build(task: Task, trials: int) -> Scheduler:
        new = getattr(_ray("schedulers"), kind)
        given = filled(arguments, task)
        return RayScheduler(new(time_attr=TIME_ATTR, metric=task.metric, mode=task.mode, **given))

    return PeerFactory(written(kind, arguments), build)


def _stopper(kind: str, **arguments: Any) -> PeerFactory:
    def build(task: Task, trials: int) -> Scheduler:
        given = filled(arguments, task)
        return RayStopper(getattr(_ray("stopper"), kind)(metric=task.metric, **given))

    return PeerFactory(written(kind, arguments), build)


def _ray(module: str) -> Any:
    require("peers", "ray")
    logging.getLogger("ray.tune.schedulers").setLevel(logging.WARNING)  # a line for every bracket
    return importlib.import_module(f"ray.tune.{module}")


PEERS: Mapping[str, PeerFactory] = {
    "ray-asha-1-3": _scheduler("ASHAScheduler", max_t=BUDGET, grace_period=1, reduction_factor=3),
    "ray-asha-3-3": _scheduler("ASHAScheduler", max_t=BUDGET, grace_period=3, reduction_factor=3),
    "ray-asha-5-3": _scheduler("ASHAScheduler", max_t=BUDGET, grace_period=5, reduction_factor=3),
    "ray-hyperband": _scheduler("HyperBandScheduler", max_t=BUDGET, reduction_factor=3),
    "ray-median-3": _scheduler(
        "MedianStoppingRule", grace_period=3, min_samples_required=3, min_time_slice=0
    ),
    "ray-plateau": _stopper("TrialPlateauStopper", std=0.01, num_results=4, grace_period=4),
}
"""By name. Arguments that are not written out are the defaults of Ray 2.60."""
