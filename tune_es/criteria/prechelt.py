"""Prechelt's three criteria: generalisation loss, its quotient with progress, strips in a row.

L. Prechelt, "Early Stopping - But When?", in: Neural Networks: Tricks of the Trade, 1998.

Errors there are positive and lower is better. Written for oriented values, a distance is divided
by the absolute value of the best: the same numbers for a loss, and defined for an accuracy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict


def _loss(best: float, value: float) -> float:
    """Generalisation loss in percent: how far below the best so far; 0 at the best."""
    if value == best:
        return 0.0
    return 100.0 * (best - value) / abs(best) if best else math.inf


def _progress(train: tuple[float, ...]) -> float:
    """Training progress in thousandths: how far the mean of a strip lies below its best."""
    best, mean = max(train), sum(train) / len(train)
    if mean == best:
        return 0.0
    return 1000.0 * (best - mean) / abs(best) if best else math.inf


class _Best(NamedTuple):
    best: float | None = None


@dataclass(frozen=True)
class GeneralizationLoss(Criterion):
    """GL: stops when the value is more than ``alpha`` percent worse than the best so far.

    One noisy evaluation is enough to fire it. Non-finite values are passed over.

    >>> from tune_es import fired_at
    >>> fired_at(GeneralizationLoss(alpha=5), [-1.0, -0.5, -0.52, -0.53])
    3
    """

    alpha: float = 5.0
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("GeneralizationLoss", "alpha", self.alpha, least=0)

    def init(self) -> _Best:
        return _Best()

    def step(self, state: _Best, observation: Observation, peers: Peers) -> tuple[_Best, Verdict]:
        value = observation.value(self.metric)
        if value is None or not math.isfinite(value):
            return state, self.silence()
        best = value if state.best is None else max(value, state.best)
        loss, sign = _loss(best, value), observation.sign_of(self.metric)
        evidence = {"value": sign * value, "best": sign * best, "loss_percent": loss}
        evidence["limit"] = self.alpha
        cause = Cause.OVERFIT if loss > self.alpha else None
        return _Best(best), self.verdict(cause, evidence, 1)


class _Strip(NamedTuple):
    best: float | None = None
    train: tuple[float, ...] = ()
    evaluations: int = 0


@dataclass(frozen=True)
class ProgressQuotient(Criterion):
    """PQ: stops when the generalisation loss is over ``alpha`` times the training progress.

    Looked at where a strip of ``strip`` evaluations ends. Progress is measured on
    ``train_metric``, which the policy has to know (with its own mode); training that has come to a
    halt counts as no progress, so any loss fires.

    >>> ProgressQuotient(train_metric="train_loss").metric_names
    frozenset({'train_loss'})
    """

    train_metric: str
    alpha: float = 0.5
    strip: int = 5
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("ProgressQuotient", "alpha", self.alpha, least=0)
        check_count("ProgressQuotient", "strip", self.strip, least=2)

    def init(self) -> _Strip:
        return _Strip()

    def step(self, state: _Strip, observation: Observation, peers: Peers) -> tuple[_Strip, Verdict]:
        value, train = observation.value(self.metric), observation.value(self.train_metric)
        if value is None or train is None or not math.isfinite(value + train):
            return state, self.silence()
        best = value if state.best is None else max(value, state.best)
        state = _Strip(best, (*state.train, train)[-self.strip :], state.evaluations + 1)
        if state.evaluations % self.strip:
            return state, self.silence(self.strip - state.evaluations % self.strip)
        loss, progress = _loss(best, value), _progress(state.train)
        evidence = {"loss_percent": loss, "progress": progress, "limit": self.alpha}
        fires = loss > self.alpha * progress
        return state, self.verdict(Cause.OVERFIT if fires else None, evidence, self.strip)


class _Strips(NamedTuple):
    last: float | None = None
    worse: int = 0
    evaluations: int = 0


@dataclass(frozen=True)
class UninterruptedProgress(Criterion):
    """UP: stops when the value at the end of a strip fell in ``strips`` successive strips.

    A strip is ``strip`` evaluations long. Non-finite values count towards no strip.

    >>> from tune_es import fired_at
    >>> fired_at(UninterruptedProgress(strips=2, strip=2), [1, 5, 6, 4, 6, 3])
    5
    """

    strips: int = 3
    strip: int = 5
    metric: str | None = None

    def __post_init__(self) -> None:
        check_count("UninterruptedProgress", "strips", self.strips)
        check_count("UninterruptedProgress", "strip", self.strip)

    def init(self) -> _Strips:
        return _Strips()

    def step(
        self, state: _Strips, observation: Observation, peers: Peers
    ) -> tuple[_Strips, Verdict]:
        value = observation.value(self.metric)
        if value is None or not math.isfinite(value):
            return state, self.silence()
        count, worse, last = state.evaluations + 1, state.worse, state.last
        if count % self.strip == 0:
            worse = worse + 1 if last is not None and value < last else 0
            last = value
        state = _Strips(last, worse, count)
        evidence = {"worse_strips": worse, "limit": self.strips}
        left = (self.strips - worse) * self.strip - count % self.strip
        fires = worse >= self.strips
        return state, self.verdict(Cause.OVERFIT if fires else None, evidence, left)
