"""A searcher of Ray Tune in a replay, told what Ray tells it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ray._private.dict import flatten_dict, unflatten_dict

from experiments.searchers.tabular import Tabular
from tune_es import Action, Policy
from tune_es.params import KEY
from tune_es.ray.judge import Judge
from tune_es.replay import InOrder, Scheduler


class Judging(InOrder):
    """What `EarlyStoppingScheduler` and its callback do: every trial by its own rule."""

    def __init__(self, policy: Policy) -> None:
        self._judge = Judge(policy)

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        self._judge.admit(trial_id, unflatten_dict(dict(config)))

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        decision = self._judge.judge(trial_id, result)
        return Action.CONTINUE if decision is None else decision.action

    def end(self, trial_id: str, failed: bool) -> None:
        self._judge.forget(trial_id, failed)

    def columns(self, trial_id: str, result: Mapping[str, Any]) -> dict[str, Any]:
        """What the callback adds to a result that loggers and, at the end, searchers see."""
        words = self._judge.columns(trial_id, result)
        return {f"{KEY}/{name}": value for name, value in words.items()}


class Beside:
    """A scheduler, and the searcher whose trials it judges.

    Ray asks the searcher when a trial is to join; tells it every result but the one at which the
    scheduler stops the trial; and at the end of the trial its last result.

    Args:
        scheduler: What decides.
        searcher: A searcher of Ray Tune that nothing was run with.
        budget: Results after which it is asked no more.
        problem: What a suggestion runs as.
    """

    def __init__(self, scheduler: Scheduler, searcher: Any, budget: int, problem: Tabular) -> None:
        self._scheduler, self._searcher = scheduler, searcher
        self._left, self._problem = budget, problem
        self._last: dict[str, dict[str, Any]] = {}
        self.suggested: list[Mapping[str, Any]] = []

    def asked(self) -> Iterator[int]:
        """The curves that the searcher chooses, while there is budget and one that has not run."""
        followed = dict[int, None]()
        while self._left > 0 and len(followed) < len(self._problem.curves):
            trial_id = str(len(followed))
            config = flatten_dict(self._searcher.suggest(trial_id))
            curve = self._problem.nearest(config, followed)
            self._problem.correct(self._searcher, trial_id, curve)
            self.suggested.append(config)
            followed[curve] = None
            yield curve

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        self._scheduler.add(trial_id, {**config, **self.suggested[int(trial_id)]})

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        self._left -= 1
        action = self._scheduler.report(trial_id, result)
        self._last[trial_id] = dict(result)
        if action is not Action.STOP:
            self._searcher.on_trial_result(trial_id, dict(result))
        return action

    def end(self, trial_id: str, failed: bool) -> None:
        last = self._last.pop(trial_id, None)
        if last is not None and isinstance(self._scheduler, Judging):
            last |= self._scheduler.columns(trial_id, last)
        self._scheduler.end(trial_id, failed)
        self._searcher.on_trial_complete(trial_id, result=last, error=failed)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        return self._scheduler.choose(pending, paused)
