"""Our own schedulers in a replay: the same Referee as live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tune_es.params import params_of
from tune_es.policy import Policy
from tune_es.promotion import Saved
from tune_es.records import Action
from tune_es.referee import Referee
from tune_es.replay.life import SAVED


class InOrder:
    """Every trial to its end, first come first served; what the other schedulers add to."""

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        """Nothing to prepare."""

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        """Go on, whatever it was."""
        return Action.CONTINUE

    def end(self, trial_id: str, failed: bool) -> None:
        """Nothing to tidy."""

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        """New trials before paused ones, as :class:`tune_es.ray.EarlyStoppingScheduler` does."""
        return pending[0] if pending else paused[0] if paused else None


class PolicyScheduler(InOrder):
    """What :class:`tune_es.ray.EarlyStoppingScheduler` decides, without Ray.

    Args:
        policy: What is judged.
        own_params: Judge a trial that has stopping parameters under ``es`` in its config by them,
            as a live sweep does. Off by default: those parameters were of the sweep that was
            recorded.
        trials: How many trials will come, for a policy with promotion.
    """

    def __init__(self, policy: Policy, own_params: bool = False, trials: int | None = None) -> None:
        self.referee = Referee(policy, trials)
        self._own_params = own_params
        self._have_saved: set[str] = set()

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        self.referee.admit(trial_id, params_of(config) if self._own_params else None)

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        return self.referee.report(trial_id, result, self._saved(trial_id, result)).action

    def end(self, trial_id: str, failed: bool) -> None:
        self.referee.forget(trial_id, failed)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        return self.referee.choose(pending, paused)

    def _saved(self, trial_id: str, result: Mapping[str, Any]) -> Saved:
        """Where the trial would go on after a pause: a replay saves anywhere if not told."""
        if result.get(SAVED, 1) == 1:
            self._have_saved.add(trial_id)
            return Saved.HERE
        return Saved.EARLIER if trial_id in self._have_saved else Saved.NEVER
