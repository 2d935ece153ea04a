"""Training goes on improving while validation gets worse."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.gap import generalisation_gap


class _State(NamedTuple):
    best: float = -math.inf
    gap_at_best: float = 0.0
    bad: int = 0


@dataclass(frozen=True)
class OverfitGap(Criterion):
    """Stops as OVERFIT when validation is below its best and the gap to training has widened.

    The gap is training minus validation, both oriented, so overfitting makes it positive. It
    fires after ``patience`` evaluations in a row at which validation is below its best and the gap
    exceeds the one at the best by over ``max_gap`` of the absolute best. A model that merely
    stalls, with a steady gap, is left to the other rules.

    Args:
        train_metric: The training counterpart; the policy has to know it.
        max_gap: Widening that is too much, as a share of the absolute best validation value.
        patience: Evaluations in a row.
        metric: The validation metric; the policy's score where none is named.

    >>> from tune_es import Policy
    >>> policy = Policy(metric="val", mode="min", other_metrics={"train": "min"},
    ...                 stop=OverfitGap("train", max_gap=0.2, patience=2))
    >>> curve = zip([1.0, 0.5, 0.6, 0.7, 0.8], [1.0, 0.5, 0.4, 0.3, 0.2])
    >>> policy.first_stop([{"val": val, "train": train} for val, train in curve]).step
    4
    """

    train_metric: str
    max_gap: float = 0.1
    patience: int = 3
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("OverfitGap", "max_gap", self.max_gap, least=0)
        check_count("OverfitGap", "patience", self.patience)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value, train = observation.value(self.metric), observation.value(self.train_metric)
        if value is None or train is None or not math.isfinite(value + train):
            return state, self.silence()
        gap = generalisation_gap(train, value)
        if value > state.best:
            return _State(value, gap), self.verdict(None, {"gap": gap}, self.patience)
        widened = gap - state.gap_at_best
        count = state.bad + 1 if self._is_worse(state, value, widened) else 0
        sign = observation.sign_of(self.metric)
        evidence = {"value": sign * value, "best": sign * state.best, "gap": gap}
        evidence.update(gap_at_best=state.gap_at_best, bad=count, limit=self.patience)
        cause = Cause.OVERFIT if count >= self.patience else None
        return state._replace(bad=count), self.verdict(cause, evidence, self.patience - count)

    def _is_worse(self, state: _State, value: float, widened: float) -> bool:
        return value < state.best and widened > self.max_gap * abs(state.best)
