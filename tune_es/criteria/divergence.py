"""Runs that went wrong: values that are not numbers, values far below what was."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict


@dataclass(frozen=True)
class NonFinite(Criterion):
    """Stops as BROKEN after a NaN or infinity and ``patience`` more of them in a row.

    Every policy has this guard by default, with a patience of 2: none of 378 recorded runs with a
    non-finite value ever recovered. A finite value starts the count again.

    >>> from tune_es import fired_at
    >>> nan = float("nan")
    >>> fired_at(NonFinite(patience=2), [0.5, nan, 0.5, nan, nan, nan])
    5
    """

    patience: int = 2
    metric: str | None = None

    def __post_init__(self) -> None:
        check_count("NonFinite", "patience", self.patience, least=0)

    def init(self) -> int:
        return 0

    def step(self, state: int, observation: Observation, peers: Peers) -> tuple[int, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            return state, self.silence()
        if math.isfinite(value):
            return 0, self._fine
        count = state + 1
        evidence = {"non_finite": count, "limit": self.patience + 1}
        cause = Cause.BROKEN if count > self.patience else None
        return count, self.verdict(cause, evidence, self.patience + 1 - count)

    @cached_property
    def _fine(self) -> Verdict:
        return self.verdict(None, {"non_finite": 0})


class _State(NamedTuple):
    best: float | None = None
    bad: int = 0


@dataclass(frozen=True)
class Divergence(Criterion):
    """Stops as HOPELESS when values stay far below the best, or below a threshold.

    Args:
        drop: Share of the absolute best that a value has to fall by.
        threshold: Value that is too bad in any case, in the user's sign.
        patience: Evaluations in a row that have to be that bad.
        metric: The metric to judge; the policy's score where none is named.

    The best value so far remains what the trial is worth. NaN is left to :class:`NonFinite`.

    >>> from tune_es import fired_at
    >>> fired_at(Divergence(drop=2.0, patience=2), [-1.0, -0.5, -9.0, -0.6, -9.0, -9.0])
    5
    """

    drop: float | None = 2.0
    threshold: float | None = None
    patience: int = 2
    metric: str | None = None

    def __post_init__(self) -> None:
        if self.drop is None and self.threshold is None:
            raise ValueError("Divergence.drop or Divergence.threshold must be given, got neither")
        if self.drop is not None:
            check_number("Divergence", "drop", self.drop, above=0)
        if self.threshold is not None:
            check_number("Divergence", "threshold", self.threshold)
        check_count("Divergence", "patience", self.patience)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None or not math.isfinite(value):
            return state, self.silence()
        best = value if state.best is None else max(value, state.best)
        sign = observation.sign_of(self.metric)
        floor = self._floor(best, sign)
        count = state.bad + 1 if value < floor else 0
        evidence = {"value": sign * value, "best": sign * best, "floor": sign * floor}
        evidence.update(bad=count, limit=self.patience)
        cause = Cause.HOPELESS if count >= self.patience else None
        return _State(best, count), self.verdict(cause, evidence, self.patience - count)

    def _floor(self, best: float, sign: int) -> float:
        by_drop = -math.inf if self.drop is None else best - self.drop * abs(best)
        return by_drop if self.threshold is None else max(by_drop, sign * self.threshold)


class _Start(NamedTuple):
    first: float | None = None
    best: float = -math.inf
    bad: int = 0


@dataclass(frozen=True)
class Explosion(Criterion):
    """Stops as HOPELESS when a loss stays over ``factor`` times what it began with.

    Every policy has this guard by default: of 7,346 recorded losses 80 met it, and none of those
    came back to beat its best by over 0.5 %. It is for losses, whose values are positive and the
    better the nearer they are to 0; on an accuracy or a positive reward it never fires.

    A first value near 0 is no measure of what follows: a reward that begins at -0.01 and falls to
    -4 has only left 0. One nearer to 0 than ``least_start`` counts as that far from it. Rewards in
    the hundreds that may begin just below 0 want a larger one, losses far below 1 a smaller one: in
    ``stop``, beside ``explosion_factor=None``.

    Args:
        factor: How many times the first finite value is too bad.
        patience: Evaluations in a row that have to be that bad.
        least_start: The least a first value counts for, in the metric's own unit.
        metric: The metric to judge; the policy's score where none is named.

    >>> from tune_es import Policy
    >>> policy = Policy("loss", "min", stop=Explosion(factor=100, patience=2))
    >>> policy.first_stop([1.0, 0.7, 500.0, 0.9, 500.0, 900.0]).step
    6
    """

    factor: float = 300.0
    patience: int = 5
    least_start: float = 1.0
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("Explosion", "factor", self.factor, above=1)
        check_count("Explosion", "patience", self.patience)
        check_number("Explosion", "least_start", self.least_start, least=0)

    def init(self) -> _Start:
        return _Start()

    def step(self, state: _Start, observation: Observation, peers: Peers) -> tuple[_Start, Verdict]:
        value = observation.value(self.metric)
        if value is None or not math.isfinite(value):
            return state, self.silence()
        first = value if state.first is None else state.first
        best = max(value, state.best)
        limit = self.factor * min(first, -self.least_start)  # losses are negative when oriented
        if best >= 0 or value >= limit:
            return _Start(first, best), self._fine
        bad = state.bad + 1
        sign = observation.sign_of(self.metric)
        evidence = {"value": sign * value, "best": sign * best, "too_bad": sign * limit}
        evidence.update(bad=bad, limit=self.patience)
        cause = Cause.HOPELESS if bad >= self.patience else None
        return _Start(first, best, bad), self.verdict(cause, evidence, self.patience - bad)

    @cached_property
    def _fine(self) -> Verdict:
        return self.verdict(None, {"bad": 0})
