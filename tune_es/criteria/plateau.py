"""A curve that has gone flat, whether or not it is near its best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_flags, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.spread import Spread


class _State(NamedTuple):
    evaluations: int = 0
    recent: tuple[float, ...] = ()


@dataclass(frozen=True)
class Plateau(Criterion):
    """Stops when the last ``window`` values differ by no more than ``std``.

    The rule of Ray's ``TrialPlateauStopper``, without its traps: a threshold of 0.0 is a
    threshold, and a non-finite value breaks the window instead of disabling the rule. A flat
    start fires it, too: give it a ``grace_period``.

    Args:
        std: Largest population standard deviation that is flat.
        window: Number of last values looked at.
        grace_period: Evaluations before the rule may fire.
        relative: Take ``std`` as a share of the absolute mean of the window.
        threshold: Fire only while the value is no better than this, in the user's sign.
        metric: The metric to judge; the policy's score where none is named.

    >>> from tune_es import fired_at
    >>> fired_at(Plateau(std=0.01, window=3, grace_period=0), [0.2, 0.5, 0.7, 0.701, 0.7])
    4
    """

    std: float = 0.01
    window: int = 4
    grace_period: int = 4
    relative: bool = False
    threshold: float | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("Plateau", "std", self.std, least=0)
        check_flags(self, "relative")
        check_count("Plateau", "window", self.window, least=2)
        check_count("Plateau", "grace_period", self.grace_period, least=0)
        if self.threshold is not None:
            check_number("Plateau", "threshold", self.threshold)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            return state, self.silence()
        recent = (*state.recent, value)[-self.window :] if math.isfinite(value) else ()
        state = _State(state.evaluations + 1, recent)
        return state, self._judge(state, observation.sign_of(self.metric))

    def _judge(self, state: _State, sign: int) -> Verdict:
        missing = max(self.window - len(state.recent), self.grace_period - state.evaluations)
        if missing > 0:
            return self.verdict(None, {"evaluations": state.evaluations}, missing)
        seen = Spread()
        for recent in state.recent:
            seen = seen.add(recent)
        mean, spread = seen.deviation
        limit = self.std * (abs(mean) if self.relative else 1.0)
        value = state.recent[-1]
        evidence = {"value": sign * value, "std": spread, "limit": limit}
        poor = self.threshold is None or value <= sign * self.threshold
        return self.verdict(Cause.STALLED if spread <= limit and poor else None, evidence, 1)
