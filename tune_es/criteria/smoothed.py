"""A rule on a smoothed curve."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.combine import check_own_curve
from tune_es.records import Observation, Verdict
from tune_es.signals import MovingMean
from tune_es.signals.base import Signal


class _State(NamedTuple):
    signal: Any
    inner: Any


@dataclass(frozen=True)
class Smoothed(Criterion):
    """Gives a rule the smoothed value of a metric instead of the raw one.

    Smoothing brought nothing over plain patience on the recorded curves, and it delays a rule by
    about half its window; it is here for curves noisier than those. The best value that a decision
    reports stays the raw one. NaN does not enter the average; the policy's guard sees it.

    Args:
        rule: The rule to be given the smoothed value.
        by: :class:`tune_es.MovingMean`, ``MovingMedian`` or ``Exponential``.
        metric: The metric to smooth and to be judged; the policy's score where none is named.

    >>> from tune_es import MovingMedian, Patience, fired_at
    >>> spike = [1, 2, 9, 3, 4, 5, 6]
    >>> fired_at(Patience(3), spike)
    5
    >>> fired_at(Smoothed(Patience(3), by=MovingMedian(3)), spike) is None
    True
    """

    rule: Criterion
    by: Signal = field(default_factory=MovingMean)
    metric: str | None = None

    def __post_init__(self) -> None:
        check_own_curve("Smoothed", self.rule)
        if not isinstance(self.by, Signal):
            raise ValueError(f"Smoothed.by must be a signal such as MovingMean(3), got {self.by!r}")

    def init(self) -> _State:
        return _State(self.by.init(), self.rule.init())

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value, signal = observation.value(self.metric), state.signal
        if value is not None:
            signal, smooth = self.by.step(signal, value)
            observation = self._with(observation, value if smooth is None else smooth)
        inner, verdict = self.rule.step(state.inner, observation, peers)
        return _State(signal, inner), verdict

    def _with(self, observation: Observation, smooth: float) -> Observation:
        if self.metric is None:
            return replace(observation, score=smooth)
        values = {**observation.values, self.metric: smooth}
        sign = observation.sign_of(self.metric)
        return replace(observation, score=smooth, sign=sign, values=values)
