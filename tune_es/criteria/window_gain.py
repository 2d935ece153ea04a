"""Gain of the best value over a window of fixed length."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_count_or_share, check_flags, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.best import is_better
from tune_es.signals.clock import Clock
from tune_es.signals.series import Series


class _State(NamedTuple):
    clock: Clock = Clock()
    bests: Series[float] = Series()


@dataclass(frozen=True)
class WindowGain(Criterion):
    """Stops when the best value gained at most ``min_gain`` over the last ``window`` evaluations.

    Unlike patience it adds up small gains: many improvements below ``min_delta`` keep a trial
    alive when they sum to more than ``min_gain``. Evaluations before the first finite value count.

    Args:
        window: Evaluations (int), or a share of ``max_t`` (float below 1).
        at_least: Smallest window that a share may come to, in evaluations.
        min_gain: Gain that keeps the trial alive.
        relative: Take ``min_gain`` as a share of the absolute best value.
        metric: The metric to judge; the policy's score where none is named.

    >>> from tune_es import fired_at
    >>> fired_at(WindowGain(2, min_gain=0.1, relative=False), [0.0, 0.06, 0.12, 0.18, 0.2, 0.2])
    4
    """

    window: int | float = 0.25
    at_least: int = 8
    min_gain: float = 1e-3
    relative: bool = True
    metric: str | None = None

    def __post_init__(self) -> None:
        check_count_or_share("WindowGain", "window", self.window)
        check_count("WindowGain", "at_least", self.at_least)
        check_flags(self, "relative")
        check_number("WindowGain", "min_gain", self.min_gain, least=0)

    @property
    def needs_max_t(self) -> bool:
        return isinstance(self.window, float)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            return state, self.silence()
        best = state.bests[-1] if state.bests else None
        if is_better(value, best):
            best = value
        shown = -math.inf if best is None else best
        state = _State(state.clock.tick(observation.step), state.bests.append(shown))
        return state, self._judge(state, observation, shown)

    def _judge(self, state: _State, observation: Observation, best: float) -> Verdict:
        window = self._window(state.clock, observation.max_t)
        evidence: dict[str, float] = {"window": window}
        if math.isfinite(best):
            evidence["best"] = observation.sign_of(self.metric) * best
        if len(state.bests) <= window or not math.isfinite(best):
            return self.verdict(None, evidence, max(1, window + 1 - len(state.bests)))
        gain = best - state.bests[-1 - window]
        needed = self.min_gain * (abs(best) if self.relative else 1.0)
        evidence.update(gain=gain, needed=needed)
        return self.verdict(Cause.STALLED if gain <= needed else None, evidence, 1)

    def _window(self, clock: Clock, max_t: float | None) -> int:
        if isinstance(self.window, int) or max_t is None:
            return self.window if isinstance(self.window, int) else self.at_least
        return max(self.at_least, clock.share(self.window, max_t))
