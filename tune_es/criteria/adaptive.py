"""The adaptive rule: no gain over a window that grows, and a trend that cannot pay off."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_count, check_name, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.clock import Clock, round_up
from tune_es.signals.series import Series
from tune_es.signals.slope import Regression

#: Fewest evaluations that the trend is fitted to.
SHORTEST_TREND = 10
#: Share of the remaining evaluations for which a trend is believed to go on.
TREND_LASTS = 0.3


class _State(NamedTuple):
    clock: Clock = Clock()
    bests: Series[float] = Series()
    trend: Regression = Regression()
    worst: float = math.inf


@dataclass(frozen=True)
class Adaptive(Criterion):
    """Stops when a growing window brought no gain and the trend cannot bring one any more.

    With ``B`` the best so far, ``i`` the evaluations before this one and ``T`` those in the
    budget, it stops when both hold:

    1. ``B[i] - B[i-w] <= min_gain * scale`` over ``w = ceil(max(patience, budget_share * T,
       history_share * (i+1)))`` evaluations;
    2. ``(slope + z * error) * (T-i-1) * 0.3 <= tolerance * scale``, with the least-squares slope
       of the last ``max(10, ceil(trend_share * (i+1)))`` values and its standard error.

    ``scale`` is the absolute best, or with ``scale="range"`` the distance from worst to best so
    far: choose that for metrics that cross or come near zero. An accuracy that is exactly 0 from
    the start meets both conditions with equality; where trials begin like that, and where the
    learning rate will drop later, which no curve can show, give the policy ``not_before``. It
    needs ``max_t``.

    The presets were chosen on other recorded workloads than the ones they are reported on; see
    ``experiments/results/adaptive_presets.md``.

    Raises:
        ValueError: An argument is outside its range; said when the object is built.

    >>> from tune_es import fired_at
    >>> flat = [0.1, 0.4, 0.6] + [0.7] * 40
    >>> fired_at(Adaptive.balanced(), flat, max_t=43)
    12
    >>> fired_at(Adaptive.balanced(), [0.01 * i for i in range(40)], max_t=40) is None
    True
    """

    patience: int = 5
    budget_share: float = 0.2
    history_share: float = 0.5
    min_gain: float = 1e-3
    trend_share: float = 0.5
    z: float = 2.0
    tolerance: float = 0.01
    scale: str = "best"
    metric: str | None = None

    def __post_init__(self) -> None:
        check_count("Adaptive", "patience", self.patience)
        check_number("Adaptive", "budget_share", self.budget_share, least=0, most=1)
        check_number("Adaptive", "history_share", self.history_share, least=0, most=0.95)
        check_number("Adaptive", "trend_share", self.trend_share, least=0, most=1)
        for name in ("min_gain", "z", "tolerance"):
            check_number("Adaptive", name, getattr(self, name), least=0)
        check_name("Adaptive", "scale", self.scale, ("best", "range"))

    @classmethod
    def safe(cls) -> Adaptive:
        """Loses over 0.5 % on about one run in a hundred."""
        return cls(5, 0.4, 0.0, 1e-3, 0.33, 1.0, 0.003)

    @classmethod
    def balanced(cls) -> Adaptive:
        """Saves about a quarter of the steps."""
        return cls(5, 0.2, 0.5, 1e-3, 0.5, 2.0, 0.01)

    @classmethod
    def aggressive(cls) -> Adaptive:
        """Saves more, and loses over 0.5 % about twice as often as ``balanced``."""
        return cls(5, 0.1, 0.5, 3e-3, 0.5, 2.0, 0.003)

    @property
    def needs_max_t(self) -> bool:
        return True

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None or observation.max_t is None:
            return state, self.silence()
        state = _follow(state, value, observation.step)
        best = state.bests[-1]
        if not math.isfinite(best):
            return state, self.verdict(None, {"evaluations": state.clock.evaluations})
        sign = observation.sign_of(self.metric)
        evidence = {"value": sign * value, "best": sign * best}
        return state, self._judge(state, observation.max_t, best, evidence)

    def _judge(
        self, state: _State, max_t: float, best: float, evidence: dict[str, float]
    ) -> Verdict:
        count = state.clock.evaluations
        window = self._window(state.clock, max_t)
        scale = abs(best) if self.scale == "best" else best - state.worst
        left = self._left(state, best - self.min_gain * scale, max_t)
        evidence["window"] = window
        if count <= window:
            return self.verdict(None, evidence, left)
        evidence["gain"] = best - state.bests[-1 - window]
        if evidence["gain"] > self.min_gain * scale:
            return self.verdict(None, evidence, left)
        hope = self._hope(state, state.clock.remaining(max_t), evidence)
        evidence["needed"] = self.tolerance * scale
        return self.verdict(Cause.STALLED if hope <= evidence["needed"] else None, evidence, left)

    def _window(self, clock: Clock, max_t: float) -> int:
        of_history = self.history_share * clock.evaluations
        return max(self.patience, clock.share(self.budget_share, max_t), round_up(of_history))

    def _hope(self, state: _State, remaining: float, evidence: dict[str, float]) -> float:
        """The gain that the upper bound of the trend still promises."""
        count = state.clock.evaluations
        length = max(SHORTEST_TREND, round_up(self.trend_share * count))
        line = state.trend.line(count - length)
        if line is None:
            return math.inf
        hope = (line.slope + self.z * line.error) * remaining * TREND_LASTS
        evidence.update(slope=line.slope, slope_error=line.error, remaining=remaining, hope=hope)
        return hope

    def _left(self, state: _State, enough: float, max_t: float) -> float:
        """Evaluations until condition 1 holds if the best stays: from where it was as good."""
        since = bisect_left(state.bests, enough)
        fixed = since + max(self.patience, state.clock.share(self.budget_share, max_t))
        growing = round_up((since + self.history_share) / (1 - self.history_share))
        return max(0, max(fixed, growing) - (state.clock.evaluations - 1))


def _follow(state: _State, value: float, step: float) -> _State:
    best = state.bests[-1] if state.bests else -math.inf
    worst = state.worst
    if math.isfinite(value):
        best, worst = max(best, value), min(worst, value)
    return _State(
        state.clock.tick(step), state.bests.append(best), state.trend.append(value), worst
    )
