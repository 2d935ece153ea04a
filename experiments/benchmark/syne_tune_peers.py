"""Schedulers of Syne Tune 0.16, as they are, driven by a replay instead of its own tuner.

The adapter makes the calls of Syne Tune's `Tuner.run` in their order. Of its schedulers only
`AsynchronousSuccessiveHalving` and `MedianStoppingRule` stop a trial by comparing it with others,
and none answers PAUSE: the promoting and the synchronous Hyperband, which its docstrings still
mention, are not in the package.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

import numpy as np
from numpy.random import mtrand

from experiments.benchmark import PeerFactory
from experiments.extras import require
from tune_es.records import Action
from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task
from tune_es.replay.judged import InOrder

TIME_ATTR = "training_iteration"
TRIAL = "trial"
STOP = "STOP"
EPOCH = datetime(2020, 1, 1, tzinfo=timezone.utc)


class SyneTuneScheduler(InOrder):
    """A scheduler of Syne Tune in a replay.

    The stream of trials is fixed, so nothing is asked of its searcher; the only hyperparameter
    that it knows of is the number of the trial. What Syne Tune draws from NumPy's global generator
    (the bracket of a trial) comes from a generator of this object, and the global one is left
    alone. A value that is not finite is passed on: Syne Tune has no rule for one.

    Args:
        scheduler: One that nothing was run with; its metric and mode are set.
        seed: Of the brackets.

    Raises:
        ValueError: The scheduler pauses a trial; 0.16 has none that does.
    """

    def __init__(self, scheduler: Any, seed: int = 0) -> None:
        self.scheduler = scheduler
        self._new_trial = importlib.import_module("syne_tune.backend.trial_status").Trial
        self._chance = np.random.PCG64(seed)
        self._trials: dict[str, Any] = {}
        self._last: dict[str, dict[str, Any]] = {}
        self._stopped: set[str] = set()

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        number = len(self._trials)
        trial = self._new_trial(trial_id=number, config={TRIAL: number}, creation_time=EPOCH)
        self._trials[trial_id] = trial
        with _global_chance(self._chance):
            self.scheduler.on_trial_add(trial)

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        self._last[trial_id] = dict(result)
        with np.errstate(all="ignore"):  # means of values that are not finite
            said = self.scheduler.on_trial_result(self._trials[trial_id], dict(result))
        action = Action(said)
        if action is Action.PAUSE:
            name = type(self.scheduler).__name__
            raise ValueError(f"{name} paused trial {trial_id!r}; the adapter cannot resume it")
        if action is Action.STOP:
            self._stopped.add(trial_id)
        return action

    def end(self, trial_id: str, failed: bool) -> None:
        trial, last = self._trials[trial_id], self._last.pop(trial_id, None)
        if failed:
            self.scheduler.on_trial_error(trial)
        elif trial_id in self._stopped or last is None:
            self.scheduler.on_trial_remove(trial)
        else:
            self.scheduler.on_trial_complete(trial, last)


@contextmanager
def _global_chance(generator: np.random.BitGenerator) -> Iterator[None]:
    """NumPy's global functions draw from ``generator`` in here."""
    others = mtrand.get_bit_generator()
    mtrand.set_bit_generator(generator)
    try:
        yield
    finally:
        mtrand.set_bit_generator(others)


def asha(task: Task, grace_period: int = 1, brackets: int = 1) -> Any:
    """Syne Tune's ASHA, the form that stops, with a reduction factor of 3.

    A grace period beyond the budget is cut to the budget. With several brackets a trial draws the
    one whose rungs it meets: asynchronous Hyperband.
    """
    return _syne_tune("schedulers.asha").AsynchronousSuccessiveHalving(
        config_space=_config_space(),
        metric=task.metric,
        do_minimize=task.mode == "min",
        time_attr=TIME_ATTR,
        max_t=task.max_t,
        grace_period=min(grace_period, task.max_t),
        reduction_factor=3,
        brackets=brackets,
        random_seed=0,
    )


def median_rule(task: Task, grace_time: int = 1) -> Any:
    """Syne Tune's median rule over its random search.

    It ranks the mean of the values so far, not the best of them.
    """
    random_search = _syne_tune("baselines").RandomSearch(
        config_space=_config_space(),
        metrics=[task.metric],
        do_minimize=task.mode == "min",
        random_seed=0,
    )
    return _syne_tune("schedulers.median_stopping_rule").MedianStoppingRule(
        random_search,
        time_attr=TIME_ATTR,
        metric=task.metric,
        do_minimize=task.mode == "min",
        grace_time=grace_time,
        random_seed=0,
    )


def _config_space() -> dict[str, Any]:
    space: Any = importlib.import_module("syne_tune.config_space")
    return {TRIAL: space.randint(0, 2**31 - 1)}


def _syne_tune(module: str) -> Any:
    require("peers", "syne_tune")
    return importlib.import_module(f"syne_tune.optimizer.{module}")


def _asha(grace_period: int, brackets: int = 1) -> PeerFactory:
    def build(task: Task, trials: int) -> Scheduler:
        return SyneTuneScheduler(asha(task, grace_period, brackets))

    return PeerFactory(
        f"AsynchronousSuccessiveHalving(max_t=T, grace_period={grace_period}, "
        f"reduction_factor=3, brackets={brackets})",
        build,
    )


def _median(grace_time: int) -> PeerFactory:
    def build(task: Task, trials: int) -> Scheduler:
        return SyneTuneScheduler(median_rule(task, grace_time))

    return PeerFactory(
        f"MedianStoppingRule(grace_time={grace_time}, grace_population=5, running_average=True)",
        build,
    )


PEERS: Mapping[str, PeerFactory] = {
    "syne-tune-asha-1-3": _asha(grace_period=1),
    "syne-tune-asha-3-3": _asha(grace_period=3),
    "syne-tune-asha-5-3": _asha(grace_period=5),
    "syne-tune-hyperband-3": _asha(grace_period=1, brackets=3),
    "syne-tune-median": _median(grace_time=1),
    "syne-tune-median-3": _median(grace_time=3),
}
"""By name, with the arguments written out; what is not named is the default of Syne Tune 0.16."""
