"""What the scheduler, the stopper and the callback share: a referee that bears what trials do."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any
from weakref import WeakValueDictionary

from tune_es.criteria.private import check_reported
from tune_es.monitoring import columns
from tune_es.monitoring.log import log_decision
from tune_es.params import params_of
from tune_es.policy import Policy
from tune_es.promotion import Saved
from tune_es.reading import ODDITIES, lookup, read_number
from tune_es.records import Decision
from tune_es.referee import Referee

logger = logging.getLogger("tune_es")

#: Which EarlyStopper judges a trial: Ray gives callbacks no way to the stopper of their sweep.
judges: WeakValueDictionary[str, Judge] = WeakValueDictionary()


class Judge:
    """Judges results of trials by a policy; nothing that a trial reports makes it raise."""

    def __init__(self, policy: Policy) -> None:
        check_reported(policy.criterion)
        self.referee = Referee(policy)
        #: What each trial has been warned of.
        self._warned: dict[str, set[str]] = {}
        #: True once a trial may have run: from then on bad parameters of a trial end no sweep.
        self.started = False
        #: Who is told how many seconds each decision took, where somebody asks.
        self.on_decision: Callable[[float], None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Ray pickles stoppers and schedulers: those who listen stay here."""
        return {**self.__dict__, "on_decision": None}

    def admit(self, trial_id: str, config: object) -> None:
        """Take in a trial with the stopping parameters in its config.

        Raises:
            ValueError: Parameters that the policy refuses, where nothing has run yet. Later a
                trial with such parameters gets the common policy, and a warning says so.
        """
        try:
            self.referee.admit(trial_id, params_of(config if isinstance(config, Mapping) else {}))
        except ODDITIES as error:
            if not self.started:
                raise ValueError(f"trial {trial_id}: {error}") from error
            logger.warning("trial %s: %s; it gets the policy of the sweep", trial_id, error)
            self.referee.admit(trial_id)
        self.started = True

    def expect(self, trials: int | None) -> None:
        """Begin again, knowing how many trials will come."""
        self.referee = Referee(self.referee.policy, trials)

    def judge(
        self, trial_id: str, result: Mapping[str, Any], saved: Saved = Saved.HERE
    ) -> Decision | None:
        """The decision on a result; None where its step cannot be read, and the trial goes on."""
        begun = perf_counter()
        policy = self.referee.admit(trial_id)
        reading = policy.read(trial_id, result)
        for name, problem in reading.problems.items():
            self._warn(trial_id, name, problem)
        if reading.observation is None:
            return None
        if self.referee.stands_still(reading.observation):
            self._warn(trial_id, policy.time_attr, "did not grow, so a result was not judged")
        before = self.referee.judged
        decision = self.referee.observe(reading.observation, saved)
        if self.referee.judged > before:
            if self.on_decision is not None:
                self.on_decision(perf_counter() - begun)
            log_decision(decision)
        return decision

    def columns(self, trial_id: str, result: Mapping[str, Any]) -> dict[str, str | float]:
        """What the ``es`` entry of this result is to hold.

        ``order`` is how many results of the sweep had been judged by then, this one included.
        """
        decision = self.judge(trial_id, result)
        words = self._words(decision)
        if result.get("done") and not words["code"]:
            words["reason"] = "ended by another rule"
        return words

    def parting(self, trial_id: str) -> dict[str, str | float]:
        """The ``es`` entry of a trial that promotion has let go while it was paused: why."""
        decision = self.referee.last(trial_id)
        if decision is not None:
            log_decision(decision)
        return self._words(decision)

    def _words(self, decision: Decision | None) -> dict[str, str | float]:
        words = columns(decision) | {"order": self.referee.judged}
        if self.referee.policy.budget_price is not None:
            worth = None if decision is None else self.referee.policy.utility(decision)
            words["utility"] = math.nan if worth is None else worth
        return words

    def step_of(self, result: Mapping[str, Any]) -> float | None:
        """The step of a result that Ray has kept; None where there is none."""
        return read_number(lookup(result, self.referee.policy.time_attr))

    def forget(self, trial_id: str, failed: bool = False) -> None:
        """Drop the history of a trial that has ended."""
        self.referee.forget(trial_id, failed)
        self._warned.pop(trial_id, None)

    def _warn(self, trial_id: str, name: str, problem: str) -> None:
        warned = self._warned.setdefault(trial_id, set())
        if name not in warned:
            warned.add(name)
            logger.warning(
                "trial %s: result key %r %s; said once per trial", trial_id, name, problem
            )
