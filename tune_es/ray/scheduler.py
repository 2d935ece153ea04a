"""The scheduler: tells Ray Tune to stop a trial when the policy says so."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from tune_es.checks import check_count, check_fields
from tune_es.criteria.private import check_reported
from tune_es.policy import Policy
from tune_es.ray.callback import (
    bring_callback,
    callbacks_of,
    find_callback,
    withdraw_callback,
)
from tune_es.ray.judge import Judge, logger
from tune_es.ray.queue import Queue
from tune_es.ray.restoring import gap, leave_policy, take_up
from tune_es.ray.sweep import shield_searcher, trials_to_come, warn_of_limit
from tune_es.ray.transfer import Transfer
from tune_es.records import Action
from tune_es.spec import from_spec, promotion_from_spec

RAY_WORD = {
    Action.CONTINUE: TrialScheduler.CONTINUE,
    Action.STOP: TrialScheduler.STOP,
    Action.PAUSE: TrialScheduler.PAUSE,
}


class EarlyStoppingScheduler(TrialScheduler):
    """Runs trials in order and stops each when its policy says that more is not worth it.

    One line does it: Ray is given the callback that writes ``es/*`` and saves the state, too. The
    arguments are those of :class:`tune_es.Policy`, or one ready policy. ``metric`` and ``mode`` may
    come from ``TuneConfig`` instead, and ``max_t`` from ``RunConfig(stop={time_attr: n})``.

    A trial may bring its own stopping parameters under ``es`` in its config: ``{"lr": ..., "es":
    {"patience": 5}}``, so a searcher can tune them. A result that lacks the metric, or holds
    something that is no number, ends neither the sweep nor the trial; it is named in a warning
    once per trial, and searchers beside it see NaN. Ray's own strict check of metrics is switched
    off for the sweep. One scheduler serves one sweep at a time.

    Raises:
        ValueError: An unknown argument or an impossible value, when built; a missing ``metric``,
            ``mode`` or ``max_t``, when the sweep is set up, before anything runs.

    >>> scheduler = EarlyStoppingScheduler(metric="eval_loss", mode="min", stop="safe", max_t=20)
    >>> EarlyStoppingScheduler(metric="eval_loss", mode="min", max_t=20, grace_period=3)
    Traceback (most recent call last):
    ValueError: EarlyStoppingScheduler has no field 'grace_period'; it is called 'not_before' \
here. Valid: budget_price, cost_attr, explosion_factor, max_t, metric, mode, nonfinite_patience, \
not_before, other_metrics, price_per_hour, promotion, stop, ties, time_attr
    """

    def __init__(
        self, policy: Policy | None = None, trials: int | None = None, **policy_fields: Any
    ) -> None:
        TrialScheduler.__init__(self)
        if trials is not None:
            check_count(type(self).__name__, "trials", trials)
        self._trials = trials
        self._fields = _checked(type(self).__name__, policy, policy_fields)
        self._judge: Judge | None = None
        self._queue: Queue | None = None
        self._adopted = self._resumes = False
        self._failure: str | None = None
        self._transfer: Transfer | None = None

    @classmethod
    def from_file(
        cls, path: str | Path, trials: int | None = None, **changes: Any
    ) -> EarlyStoppingScheduler:
        """The scheduler for a policy in a YAML file.

        Other values for fields of the policy may be given, such as ``metric``, ``mode`` and
        ``max_t``. Where the file has a certificate, as ``tune-es tune`` writes it, a warning says
        what of the sweep lies outside of what it covers.
        """
        scheduler = cls(Policy.from_file(path, **changes), trials=trials)
        scheduler._transfer = Transfer.from_file(path)
        return scheduler

    @property
    def policy(self) -> Policy | None:
        """The policy in force; None until the sweep is set up."""
        return None if self._judge is None else self._judge.referee.policy

    @property
    def metric(self) -> str | None:
        """None: Ray would end the sweep at a result without the metric it is told here."""
        return None

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        """Complete the policy from what the sweep is given; False where the two contradict."""
        given = {"metric": metric, "mode": mode}
        own = {name: self._fields.get(name) for name in given}
        if any(given[name] and own[name] not in (None, given[name]) for name in given):
            logger.warning(
                "TuneConfig and EarlyStoppingScheduler name different metrics or modes; to search "
                "on another metric than the one to stop on, give it to the searcher alone"
            )
            return False
        filled = {**self._fields, **{name: value for name, value in given.items() if value}}
        for name in given:
            if name not in filled:
                raise ValueError(
                    f"EarlyStoppingScheduler.{name} must be given, here or in TuneConfig, got none"
                )
        stop = spec.get("stop")
        if isinstance(stop, Mapping) and filled.get("max_t") is None:
            filled["max_t"] = stop.get(filled.get("time_attr", "training_iteration"))
        self._begin(Policy(**filled))
        return True

    def _begin(self, policy: Policy) -> None:
        self._judge, self._adopted, self._failure = Judge(policy), False, None
        self._queue = Queue(self._judge)
        withdraw_callback()
        bring_callback()

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        judge = self._the_judge()
        if not self._adopted:
            self._adopt(judge, tune_controller)
        if not trial.is_finished():
            if self._resumes:
                self._failure = self._failure or gap(judge, trial)
            judge.admit(trial.trial_id, trial.config)
            self._the_queue().add(trial)
        else:  # the saved state may be older than its end: nobody is to wait for it
            judge.referee.forget(trial.trial_id, failed=trial.status == Trial.ERROR)

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        queue = self._the_queue()
        saved = queue.saved(trial, result)
        decision = self._the_judge().judge(trial.trial_id, result, saved)
        queue.noted(trial)
        shield_searcher(tune_controller, result)
        if self._transfer is not None:
            self._transfer.note(trial.trial_id, result)
        return TrialScheduler.CONTINUE if decision is None else RAY_WORD[decision.action]

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        if result:  # a stopper beside this scheduler has kept this one from it
            self._the_judge().judge(trial.trial_id, result)
        self._drop(trial)

    def on_trial_remove(self, tune_controller: TuneController, trial: Trial) -> None:
        self._drop(trial)

    def on_trial_error(self, tune_controller: TuneController, trial: Trial) -> None:
        """Keep the history: a retry goes through its steps again and gets the same decisions.

        Where trials wait for each other, one that has failed for good is not waited for.
        """
        if trial.status != Trial.ERROR:  # else it will be added again
            self._the_queue().fail(trial)

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        if self._failure is not None:
            raise RuntimeError(self._failure)
        if self._resumes:
            self._resumes = False
            self._the_queue().line_up(tune_controller)
        return self._the_queue().choose(tune_controller)

    def debug_string(self) -> str:
        ended = self._the_judge().referee.ended.values()
        causes = Counter(each.verdict.cause.name for each in ended if each.verdict.cause)
        counts = ", ".join(f"{name} {count}" for name, count in sorted(causes.items()))
        return f"EarlyStopping: {counts or 'no trial stopped yet'}"

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).write_bytes(pickle.dumps(self._the_judge().referee.snapshot()))

    def restore(self, checkpoint_path: str) -> None:
        self._the_judge().referee.restore(pickle.loads(Path(checkpoint_path).read_bytes()))

    def _the_judge(self) -> Judge:
        if self._judge is None:
            self.set_search_properties(None, None)
        if self._judge is None:
            raise RuntimeError("EarlyStoppingScheduler was not set up: it has no metric and mode")
        return self._judge

    def _the_queue(self) -> Queue:
        self._the_judge()
        if self._queue is None:
            raise RuntimeError("EarlyStoppingScheduler was not set up: nothing waits in it")
        return self._queue

    def _adopt(self, judge: Judge, controller: TuneController) -> None:
        """Give the sweep's callback the judge, and the judge the state of before a crash."""
        self._adopted = True
        trials = self._trials or trials_to_come(controller)
        if judge.referee.policy.promotion is not None:
            judge.expect(trials)
            warn_of_limit(controller, trials)
        if self._transfer is not None:
            self._transfer.begin(judge.referee.policy, trials)
        withdraw_callback()
        callback = find_callback(callbacks_of(controller))
        if callback is None:
            return
        callback.attach(judge, partial(self._the_queue().settle, controller), controller)
        leave_policy(controller, judge.referee.policy)
        self._failure = take_up(judge, callback, controller)
        self._resumes = callback.restored is not None
        self._the_queue().recall(judge.referee.trials)

    def _drop(self, trial: Trial) -> None:
        self._the_judge().forget(trial.trial_id)
        self._the_queue().drop(trial.trial_id)


def _checked(owner: str, policy: Policy | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of the policy so far, refused as early as they can be."""
    names = [each.name for each in fields(Policy)]
    check_fields(owner, given, names)
    if policy is not None:
        if given:
            raise ValueError(f"{owner} takes a policy or its fields, got both: {sorted(given)}")
        given = {name: getattr(policy, name) for name in names}
    later = ("metric", "mode", "max_t")  # None here: the sweep may give it
    known = {name: value for name, value in given.items() if value is not None or name not in later}
    if "metric" in known:
        check_reported(Policy(**{"mode": "min", "max_t": 1, **known}).criterion)
    else:
        check_reported(from_spec(known.get("stop", "none")))
        if known.get("promotion") is not None:
            promotion_from_spec(known["promotion"])
    return known
