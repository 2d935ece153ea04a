"""The trials of a sweep that have not ended: who is started next, who is held, who is let go."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from ray.tune import Trainable
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.result import SHOULD_CHECKPOINT
from ray.tune.trainable.function_trainable import FunctionTrainable

from tune_es.promotion import Saved
from tune_es.ray.judge import Judge, logger


class Queue:
    """What Ray asks for whenever something may be started, in the order in which trials joined.

    Under promotion a paused trial that was sent on and did not start goes first, and one that was
    let go is ended here: nothing else would.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._trials: dict[str, Trial] = {}
        self._news = 0
        self._asked: tuple[list[str], list[str], int] | None = None
        self._answer: str | None = None
        self._is_function: dict[str, bool] = {}
        self._has_warned = False

    def add(self, trial: Trial) -> None:
        """A trial joins, or comes again after a failure, to the end then.

        After a crash Ray has every trial that had not ended wait to be started; those that were
        paused are paused again, which Ray takes from a trial that is being added.
        """
        is_new = self._trials.pop(trial.trial_id, None) is None
        self._trials[trial.trial_id] = trial
        self._news += 1
        if is_new and trial.status == Trial.PENDING and self._is_held(trial.trial_id):
            trial.set_status(Trial.PAUSED)

    def drop(self, trial_id: str) -> None:
        """A trial has ended."""
        self._trials.pop(trial_id, None)
        self._news += 1

    def choose(self, controller: TuneController) -> Trial | None:
        """The trial to start next, if any; ends those that were let go."""
        pending = [name for name, each in self._trials.items() if each.status == Trial.PENDING]
        paused = [name for name, each in self._trials.items() if each.status == Trial.PAUSED]
        promotes = self._judge.referee.policy.promotion is not None
        stranded = [name for name in paused if promotes and not self._is_held(name)]
        name = stranded[0] if stranded else self._choose(pending, paused)
        chosen = None if name is None else self._trials[name]
        for each in paused:
            if each in self._judge.referee.let_go:
                _end(controller, self._trials[each])
        return chosen

    def noted(self) -> None:
        """A result has come, so that the next choice may be another one."""
        self._news += 1
        if not self._has_warned and self._has_turned():
            self._has_warned = True
            logger.warning(
                "a trial came to a rung without any checkpoint: it would start from step 1 after a "
                "pause, so no trial is paused from now on, and each is stopped at a rung or goes "
                "on. To have trials paused and promoted, report a checkpoint with every result, "
                "tune.report(metrics, checkpoint=...); a class needs save_checkpoint"
            )

    def saved(self, trial: Trial, result: Mapping[str, Any]) -> Saved:
        """Where a trial would go on if it paused at this result."""
        if not self._judge.referee.pauses:
            return Saved.NEVER
        name = trial.trainable_name
        if name not in self._is_function:
            kind = trial.get_trainable_cls()
            self._is_function[name] = issubclass(kind, FunctionTrainable)
            if kind.save_checkpoint is Trainable.save_checkpoint:
                return Saved.NEVER
        if not self._is_function[name] or result.get(SHOULD_CHECKPOINT):
            return Saved.HERE
        return Saved.NEVER if trial.checkpoint is None else Saved.EARLIER

    def _choose(self, pending: list[str], paused: list[str]) -> str | None:
        """Ray asks many times a second; only after news the answer can be another one."""
        asked = (pending, paused, self._news)
        if asked != self._asked:
            self._asked, self._answer = asked, self._judge.referee.choose(pending, paused)
        return self._answer

    def _has_turned(self) -> bool:
        referee = self._judge.referee
        return referee.policy.promotion is not None and not referee.pauses

    def _is_held(self, trial_id: str) -> bool:
        return self._judge.referee.is_held(trial_id)


def trials_to_come(controller: TuneController) -> int | None:
    """How many trials the sweep will have; None where its searcher has no end."""
    total = controller.search_alg.total_samples
    return total if 0 < total < sys.maxsize else None


def warn_of_limit(controller: TuneController, trials: int | None) -> None:
    """Say that a limit on trials at a time counts paused ones, where there is such a limit."""
    searcher: Any = controller.search_alg
    limits = []
    while searcher is not None:
        limits.append(getattr(searcher, "max_concurrent", 0))
        searcher = getattr(searcher, "searcher", None)
    limit = min((each for each in limits if each), default=0)
    if limit and (trials is None or limit < trials):
        logger.warning(
            "max_concurrent=%s counts paused trials, too: trials are compared by %s at a time. "
            "Leave it out, and limit what runs at once by the resources of a trial",
            limit,
            limit,
        )


def _end(controller: TuneController, trial: Trial) -> None:
    """End a paused trial as one that was stopped at its last result.

    Ray gives searchers no result of a trial that is ended while it is paused, and does not save
    that it ended.
    """
    inner: TuneController = getattr(controller, "_tune_controller", controller)
    inner._set_trial_status(trial, Trial.RUNNING)
    inner.stop_trial(trial)
    inner._mark_trial_to_checkpoint(trial)
