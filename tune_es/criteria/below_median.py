"""The median rule and its like: worse than a share of the trials that have been here."""

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
class BelowPercentile(Criterion):
    """Stops as HOPELESS when the best so far is below a percentile of the other trials' bests.

    Percentiles are counted from the worst trial up, for losses as for accuracies: 25 stops the
    worst quarter, 75 all but the best quarter, and 0 a trial that is worse than every other.
    (Optuna's ``PercentilePruner(25.0)`` keeps the best quarter: it is 75 here.) Trials are compared
    at equal steps, on the policy's score; the percentile is interpolated as in
    ``numpy.percentile``, and a trial that equals it goes on. As each trial is judged when it
    reports, the first ``min_trials`` to come are not.

    Args:
        percentile: From 0 (the worst of the others) to 100 (their best).
        grace_period: First step at which the rule may fire.
        min_trials: Other trials needed at that step.

    Raises:
        ValueError: An argument is outside its range; said when the object is built.

    >>> from tune_es import Policy, Referee
    >>> referee = Referee(Policy("loss", "min", stop=BelowPercentile(25, min_trials=4)))
    >>> results = {"a": 0.1, "b": 0.2, "c": 0.3, "d": 0.4, "e": 0.32, "f": 0.33}
    >>> [referee.report(trial, {"training_iteration": 1, "loss": value}).stop
    ...  for trial, value in results.items()]
    [False, False, False, False, False, True]
    """

    percentile: float = 25
    grace_period: float = 1
    min_trials: int = 3

    def __post_init__(self) -> None:
        check_number("BelowPercentile", "percentile", self.percentile, least=0, most=100)
        _check(self)

    @property
    def uses_peers(self) -> bool:
        return True

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        return _below(self, self.percentile, "to_beat", state, observation, peers)


@dataclass(frozen=True)
class BelowMedian(Criterion):
    """Stops as HOPELESS when the best so far is below the median best of the other trials.

    Trials are compared at equal steps, on the policy's score. Golovin et al., "Google Vizier",
    KDD 2017, compare with running averages; best-so-far values are used here, because a trial is
    worth its best checkpoint. :class:`BelowPercentile` has the same rule for other shares.

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
        _check(self)

    @property
    def uses_peers(self) -> bool:
        return True

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        return _below(self, 50, "median", state, observation, peers)


def _check(rule: BelowMedian | BelowPercentile) -> None:
    name = type(rule).__name__
    check_number(name, "grace_period", rule.grace_period, least=0)
    check_count(name, "min_trials", rule.min_trials)


def _below(
    rule: BelowMedian | BelowPercentile,
    percentile: float,
    called: str,
    state: _State,
    observation: Observation,
    peers: Peers,
) -> tuple[_State, Verdict]:
    """The step of both rules; ``called`` is the name of the percentile in the evidence."""
    if observation.score is None:
        return state, rule.silence()
    if is_better(observation.score, state.best):
        state = _State(observation.score)
    count, limit = peers.count(observation.step), peers.percentile(observation.step, percentile)
    early = observation.step < rule.grace_period or count < rule.min_trials
    if state.best is None or limit is None or early:
        return state, rule.verdict(None, {"trials": count})
    sign = observation.sign
    evidence = {"best": sign * state.best, called: sign * limit, "trials": count}
    return state, rule.verdict(Cause.HOPELESS if state.best < limit else None, evidence)
