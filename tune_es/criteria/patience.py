"""Patience: the rule everybody knows, with every option of the three callbacks that have it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

from tune_es.checks import check_count, check_count_or_share, check_flags, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.best import is_better
from tune_es.signals.clock import Clock
from tune_es.signals.noise import NoiseLevel


class _State(NamedTuple):
    best: float | None
    clock: Clock = Clock()
    misses: int = 0
    noise: Any = NoiseLevel().init()


@dataclass(frozen=True)
class Patience(Criterion):
    """Stops when the best value has not been beaten for ``patience`` evaluations.

    A value beats the best when it exceeds it by over ``min_delta``; ties and NaN are misses. Every
    evaluation counts, not every result: one without the metric changes nothing.

    Patience as a raw count is a trap: five evaluations cost a loss of 3.1 % on recorded curves.
    The default is a quarter of ``max_t``, and at least 8 evaluations.

    Args:
        patience: Evaluations without improvement (int), or that as a share of ``max_t`` (float
            below 1).
        at_least: Smallest patience that a share may come to, in evaluations.
        min_delta: Improvement that counts, in units of the metric.
        relative: Take ``min_delta`` as a share of the absolute best value.
        noise_factor: Also ask for this many standard deviations of the noise level.
        baseline: Value that the first improvement has to beat, in the user's sign.
        start_from: Step from which misses are counted; the best is followed before, too.
        stopping_threshold: Stop as REACHED at a value at least this good.
        divergence_threshold: Stop as HOPELESS at a value worse than this.
        check_finite: Stop as BROKEN at the first NaN or infinity. Off here, because a policy has
            its own guard.
        metric: The metric to judge; the policy's score where none is named.

    The callbacks it takes after differ in details. A threshold is reached by an equal value, too
    (Lightning asks for more). Keras's patience of 0 acts as 1 does, in Keras and here. Keras
    passes over the epochs before ``start_from_epoch``; here they can set the best. Transformers
    takes every gain as the new best and resets the count only at one above its threshold; here a
    gain below ``min_delta`` moves neither, so slow progress adds up until it counts. Restoring the
    best weights is the trial's work: a decision names the step, ``best_step``.

    Raises:
        ValueError: An argument is outside its range; said when the object is built.

    >>> from tune_es import fired_at
    >>> fired_at(Patience(2), [0.5, 0.7, 0.7, 0.6, 0.9])  # a tie is a miss
    3
    >>> fired_at(Patience(2, min_delta=0.1), [0.5, 0.55, 0.58, 0.7])
    2
    """

    patience: int | float = 0.25
    at_least: int = 8
    min_delta: float = 0.0
    relative: bool = False
    noise_factor: float = 0.0
    baseline: float | None = None
    start_from: float = 0.0
    stopping_threshold: float | None = None
    divergence_threshold: float | None = None
    check_finite: bool = False
    metric: str | None = None

    def __post_init__(self) -> None:
        check_count_or_share("Patience", "patience", self.patience)
        check_count("Patience", "at_least", self.at_least)
        check_flags(self, "relative", "check_finite")
        for name in ("min_delta", "noise_factor", "start_from"):
            check_number("Patience", name, getattr(self, name), least=0)
        for name in ("baseline", "stopping_threshold", "divergence_threshold"):
            if getattr(self, name) is not None:
                check_number("Patience", name, getattr(self, name))

    @property
    def needs_max_t(self) -> bool:
        return isinstance(self.patience, float)

    def init(self) -> _State:
        return _State(None)

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            left = self._limit(state.clock, observation) - state.misses
            return state, self.silence(max(0, left))
        sign = observation.sign_of(self.metric)
        state = self._follow(state, value, observation.step, sign)
        limit = self._limit(state.clock, observation)
        evidence = {"value": sign * value, "misses": state.misses, "limit": limit}
        if state.best is not None:
            evidence["best"] = sign * state.best
        cause = self._cause(value, sign, state.misses >= limit)
        return state, self.verdict(cause, evidence, limit - state.misses)

    def _follow(self, state: _State, value: float, step: float, sign: int) -> _State:
        noise_state, noise = state.noise, None
        if self.noise_factor:
            noise_state, noise = NoiseLevel().step(state.noise, value)
        to_beat = state.best
        if to_beat is None and self.baseline is not None:
            to_beat = sign * self.baseline
        improved = is_better(value, to_beat, self._min_delta(to_beat, noise))
        misses = 0 if improved else state.misses + (step >= self.start_from)
        best = value if improved else state.best
        return _State(best, state.clock.tick(step), misses, noise_state)

    def _min_delta(self, best: float | None, noise: float | None) -> float:
        scale = abs(best or 0.0) if self.relative else 1.0
        return max(self.min_delta * scale, self.noise_factor * (noise or 0.0))

    def _limit(self, clock: Clock, observation: Observation) -> int:
        if isinstance(self.patience, int) or observation.max_t is None:
            return self.at_least if isinstance(self.patience, float) else self.patience
        return max(self.at_least, clock.share(self.patience, observation.max_t))

    def _cause(self, value: float, sign: int, stalled: bool) -> Cause | None:
        finite = math.isfinite(value)
        if self.check_finite and not finite:
            return Cause.BROKEN
        goal = self.stopping_threshold
        if goal is not None and finite and value >= sign * goal:
            return Cause.REACHED
        if self.divergence_threshold is not None and value < sign * self.divergence_threshold:
            return Cause.HOPELESS
        return Cause.STALLED if stalled else None
