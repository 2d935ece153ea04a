"""Successive halving in its stopping form: at each rung only the best share goes on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.rungs import check_rungs, last_rung
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.best import is_better
from tune_es.signals.clock import round_up


class _State(NamedTuple):
    best: float | None = None
    step: float = 0.0


@dataclass(frozen=True)
class SuccessiveHalving(Criterion):
    """Stops as HOPELESS at a rung where a trial is not among the best ``1 / reduction_factor``.

    Rungs are at ``grace_period * reduction_factor ** k``. A trial is judged at its first result at
    or past a rung, by its best so far, among the trials that have a result at that step: the first
    to arrive always goes on, so the order of arrival matters. Of ``n`` trials the best ``ceil(n /
    reduction_factor)`` stay, and ties stay together.

    This is asynchronous successive halving (Li et al., "A System for Massively Parallel
    Hyperparameter Tuning", MLSys 2020) without promotion, as Ray's ASHA is; Ray ranks by the
    value of the moment.

    Args:
        grace_period: The first rung, in units of the policy's ``time_attr``.
        reduction_factor: How many times fewer trials and more steps from rung to rung; above 1.

    Raises:
        ValueError: An argument is outside its range; said when the object is built.

    >>> from tune_es import Policy, Referee
    >>> referee = Referee(Policy("accuracy", "max", stop=SuccessiveHalving()))
    >>> results = {"a": 0.8, "b": 0.9, "c": 0.7}
    >>> [referee.report(trial, {"training_iteration": 1, "accuracy": value}).stop
    ...  for trial, value in results.items()]
    [False, False, True]
    """

    grace_period: float = 1
    reduction_factor: float = 3

    def __post_init__(self) -> None:
        check_rungs("SuccessiveHalving", self.grace_period, self.reduction_factor)

    @property
    def uses_peers(self) -> bool:
        return True

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        if observation.score is None:
            return state, self.silence()
        better = is_better(observation.score, state.best)
        best = observation.score if better else state.best
        rung = last_rung(observation.step, self.grace_period, self.reduction_factor)
        before = last_rung(state.step, self.grace_period, self.reduction_factor)
        crossed = rung > before  # both rounded alike
        state = _State(best, observation.step)
        if best is None or not crossed:
            return state, self.verdict(None, {"rung": rung})
        others, rank = peers.count(observation.step), peers.rank(observation.step, best)
        kept = round_up((others + 1) / self.reduction_factor)
        evidence = {
            "best": observation.sign * best,
            "rung": rung,
            "rank": rank + 1,
            "kept": kept,
            "trials": others + 1,
        }
        return state, self.verdict(Cause.HOPELESS if rank >= kept else None, evidence)
