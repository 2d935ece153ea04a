"""The two adaptive variants of the guide this project started from, exactly as given.

They are two different rules under one name there: the formula shrinks delta, the listing grows
it. Both are here to be compared with; :class:`tune_es.Adaptive` beats them on recorded curves.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.best import is_better

#: Share of the budget after which the listing begins to shrink patience.
LATE = 0.7


class _State(NamedTuple):
    best: float | None = None
    misses: int = 0


@dataclass(frozen=True)
class _Scheduled(Criterion):
    """Patience whose limit and delta are functions of the progress ``step / max_t``."""

    patience: int = 5
    min_delta: float = 1e-3
    metric: str | None = None

    def __post_init__(self) -> None:
        name = type(self).__name__
        check_count(name, "patience", self.patience)
        check_number(name, "min_delta", self.min_delta, least=0)

    @property
    def needs_max_t(self) -> bool:
        return True

    @abstractmethod
    def schedule(self, progress: float) -> tuple[int, float]:
        """Patience and delta at a progress from 0 to 1."""

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None or observation.max_t is None:
            return state, self.silence()
        limit, delta = self.schedule(observation.step / observation.max_t)
        improved = is_better(value, state.best, delta)
        state = _State(value, 0) if improved else _State(state.best, state.misses + 1)
        evidence = {"misses": state.misses, "limit": limit, "min_delta": delta}
        if state.best is not None:
            evidence["best"] = observation.sign_of(self.metric) * state.best
        cause = Cause.STALLED if state.misses >= limit else None
        return state, self.verdict(cause, evidence, max(0, limit - state.misses))


@dataclass(frozen=True)
class DecayingDelta(_Scheduled):
    """The formula: patience with ``delta_t = min_delta * exp(-alpha * t / T)``.

    >>> from tune_es import fired_at
    >>> fired_at(DecayingDelta(patience=2, min_delta=0.1), [0.5, 0.52, 0.53, 0.9], max_t=4)
    2
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("DecayingDelta", "alpha", self.alpha, least=0)

    def schedule(self, progress: float) -> tuple[int, float]:
        return self.patience, self.min_delta * math.exp(min(-self.alpha * progress, 700.0))


@dataclass(frozen=True)
class ShrinkingPatience(_Scheduled):
    """The listing: past 70 % of the budget, less patience and a larger delta.

    Then ``patience = max(2, int(p0 * (1 - progress)))`` and ``delta = delta0 * (1 + progress)``.

    >>> from tune_es import fired_at
    >>> fired_at(ShrinkingPatience(patience=5, min_delta=0.0), [1.0] * 10, max_t=10)
    5
    >>> fired_at(ShrinkingPatience(patience=8, min_delta=0.0), [1.0] * 10, max_t=10)
    7
    """

    def schedule(self, progress: float) -> tuple[int, float]:
        if progress <= LATE:
            return self.patience, self.min_delta
        return max(2, int(self.patience * (1 - progress))), self.min_delta * (1 + progress)
