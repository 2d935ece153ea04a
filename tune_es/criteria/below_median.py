"""The median rule: worse than half of the trials that have been here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.best import is_better


class _State(NamedTuple):
    best: float | None = None


@dataclass(frozen=True)
class BelowMedian(Criterion):
    """Stops as HOPELESS when the best so far is below the median best of the other trials.

    Trials are compared at equal steps, on the policy's score. Golovin et al., "Google Vizier",
    KDD 2017, compare with running averages; best-so-far values are used here, because a trial is
    worth its best checkpoint.

    Args:
        grace_period: First step at which the rule may fire.
        min_trials: Other trials needed at that step.

    >>> from tune_es import Policy, Referee
    >>> referee = Referee(Policy("accuracy", "max", stop=BelowMedian(grace_period=1, min_trials=2)))
    >>> results = {"a": 0.8, "b": 0.9, "c": 0.7}
    >>> [referee.report(trial, {"training_iteration": 1, "accuracy": value}).stop
    ...  for trial, value in results.items()]
    [False, False, True]
    """

    grace_period: float = 1
    min_trials: int = 3

    def __post_init__(self) -> None:
        check_number("BelowMedian", "grace_period", self.grace_period, least=0)
        check_count("BelowMedian", "min_trials", self.min_trials)

    @property
    def uses_peers(self) -> bool:
        return True

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        if observation.score is None:
            return state, self.silence()
        if is_better(observation.score, state.best):
            state = _State(observation.score)
        count, median = peers.count(observation.step), peers.median(observation.step)
        early = observation.step < self.grace_period or count < self.min_trials
        if state.best is None or median is None or early:
            return state, self.verdict(None, {"trials": count})
        sign = observation.sign
        evidence = {"best": sign * state.best, "median": sign * median, "trials": count}
        return state, self.verdict(Cause.HOPELESS if state.best < median else None, evidence)
