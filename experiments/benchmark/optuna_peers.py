"""Pruners of Optuna, as they are, on a study in memory that a replay fills instead of an objective.

Every replayed trial is one of the study's own. As in Optuna's documents, steps count from 0: the
first evaluation is step 0, so ``n_warmup_steps=3`` lets 3 evaluations pass unjudged, and halving
with ``min_resource=1`` judges the second one first.
"""

from __future__ import annotations

import importlib
import logging
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from experiments.benchmark import BUDGET, PeerFactory, filled, written
from experiments.extras import require
from tune_es.records import Action
from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task

TIME_ATTR = "training_iteration"
DIRECTION = {"min": "minimize", "max": "maximize"}


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of Optuna or numpy: about values that are not finite, steps told twice."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class OptunaPruner:
    """A pruner of Optuna in a replay, first come first served.

    A trial is asked of the study when a worker takes it, so its number is its place in that order.
    At its end it is told: PRUNED where the pruner stopped it, at its last step too; FAIL where it
    failed or never reported a number; else COMPLETE with the best value it reported, which is what
    a trial is worth in the scorecard.

    What might surprise: NaN may be reported. A percentile looks at the best value so far and
    prunes only a trial that never had one, halving prunes at a NaN on a rung, the Wilcoxon test
    never prunes a trial with one. A step that is run again after a failure is ignored by Optuna,
    which keeps what it was told first. Nothing is ever paused.

    Args:
        task: Its mode is the study's direction; its names name the study, from which Hyperband
            draws the bracket of each trial.
        pruner: One that nothing was run with.
    """

    def __init__(self, task: Task, pruner: Any) -> None:
        optuna = importlib.import_module("optuna")
        self._states = optuna.trial.TrialState
        self._metric = task.metric
        self._better = min if task.mode == "min" else max
        with _no_log_lines(optuna):
            self.study = optuna.create_study(
                direction=DIRECTION[task.mode],
                pruner=pruner,
                sampler=optuna.samplers.RandomSampler(seed=0),
                study_name=f"{task.source}/{task.name}",
            )
        self._trials: dict[str, Any] = {}
        self._best: dict[str, float] = {}
        self._pruned: set[str] = set()

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        """Optuna is asked for a trial when it starts."""

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        trial, value = self._trials[trial_id], result[self._metric]
        if not math.isnan(value):
            self._best[trial_id] = self._better(value, self._best.get(trial_id, value))
        with _quiet():
            trial.report(value, result[TIME_ATTR] - 1)
            if not trial.should_prune():
                return Action.CONTINUE
        self._pruned.add(trial_id)
        return Action.STOP

    def end(self, trial_id: str, failed: bool) -> None:
        trial = self._trials.pop(trial_id, None)
        best = self._best.pop(trial_id, None)
        if trial is None:  # it never started
            return
        if failed or (best is None and trial_id not in self._pruned):
            self.study.tell(trial, state=self._states.FAIL)
        elif trial_id in self._pruned:
            self.study.tell(trial, state=self._states.PRUNED)
        else:
            self.study.tell(trial, best)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        if not pending:
            return None
        if pending[0] not in self._trials:
            self._trials[pending[0]] = self.study.ask()
        return pending[0]


@contextmanager
def _no_log_lines(optuna: Any) -> Iterator[None]:
    """Without the line that says that a study was created."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)


def _peer(kind: str, wrapped: str | None = None, **arguments: Any) -> PeerFactory:
    """A pruner by the name of its class, around another one with its defaults if one is named."""

    def build(task: Task, trials: int) -> Scheduler:
        require("peers", "optuna", "scipy")
        pruners = importlib.import_module("optuna.pruners")
        inner = [getattr(pruners, wrapped)()] if wrapped else []
        with _quiet():  # some are experimental, and say so
            return OptunaPruner(task, getattr(pruners, kind)(*inner, **filled(arguments, task)))

    shown = {"wrapped_pruner": f"{wrapped}()", **arguments} if wrapped else arguments
    return PeerFactory(written(kind, shown), build)


PEERS: Mapping[str, PeerFactory] = {
    "optuna-median": _peer("MedianPruner", n_startup_trials=5, n_warmup_steps=0),
    "optuna-percentile-25": _peer("PercentilePruner", percentile=25.0, n_startup_trials=5),
    "optuna-halving": _peer("SuccessiveHalvingPruner", min_resource="auto", reduction_factor=4),
    "optuna-hyperband": _peer(
        "HyperbandPruner", min_resource=1, max_resource=BUDGET, reduction_factor=3
    ),
    "optuna-patient": _peer("PatientPruner", wrapped="MedianPruner", patience=1),
    "optuna-wilcoxon": _peer("WilcoxonPruner", p_threshold=0.1, n_startup_steps=2),
}
"""By name. Arguments that are not written out are the defaults of Optuna 5.0; Patient is as in its
documents. Wilcoxon is outside its purpose here: it is for averages over problem instances, which
it pairs by step; the evaluations of a curve are paired by step, too, but depend on each other."""
