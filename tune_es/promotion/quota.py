"""Adaptive-quota halving: how many go on is read off the sweep itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import StatisticsError, correlation
from typing import NamedTuple

from tune_es.checks import check_flags, check_number
from tune_es.promotion.ranks import mean_ranks
from tune_es.promotion.rule import PromotionRule, Rung
from tune_es.promotion.standing import Standing

#: The first rung, in evaluations.
FIRST = 2
#: What ranks are expected to move before any were seen, and how many observations that is worth.
EXPECTED, WEIGHT = 0.7, 10
#: How well ranks at step 1 must predict those at step 2 for half of the trials to be let go.
PILOT_CORRELATION = 0.9
SMALLEST_PILOT = 16


class _Moves(NamedTuple):
    """How far the ranks of the best have moved, summed over the rungs so far."""

    total: float = EXPECTED * WEIGHT
    seen: int = WEIGHT

    @property
    def mean(self) -> float:
        return self.total / self.seen

    def after(self, total: float, seen: int) -> _Moves:
        return _Moves(self.total + total, self.seen + seen)


@dataclass(frozen=True)
class AdaptiveQuota(PromotionRule):
    """Halving whose quotas come from how many could still catch the leader, and how ranks move.

    All trials run to a rung, and the best go on: more where many are in reach of the leader and
    where the ranks of the best still move, fewer where the race is decided. Rungs are at 2, 3, 4,
    7, 10, 15, 23, ... evaluations. A quarter of the trials, at least 16, goes one rung ahead as a
    pilot: where their first two ranks agree, half of all are let go after a single step.

    What is asked of ``max_regret`` holds on average over tasks like those it was calibrated on.
    Where the winner shows late, as in long trainings with a schedule, the regret is larger. There
    ``AdaptiveQuota(c=1.2, growth=1.35, noise=4, flattening=0.6)`` costs less at an equal regret:
    it lets fewer go on from the early rungs and more from the late ones.

    Args:
        max_regret: What the user accepts to lose, as a share of what the best trial gains over the
            median one. It sets ``c = 0.048 * max_regret ** -0.61``, which was calibrated on
            well-behaved recorded tasks; calibrate on your own by replay.
        c: The quotas' factor itself, instead of ``max_regret``.
        pilot: Let half of the trials go after one step where that is safe.
        growth: How many times as far the next rung is.
        noise: How many times the noise of two curves may lie between them where one is still in
            reach of the other.
        flattening: How much less quotas fall from rung to rung where many trials could still
            catch up; 0 is not at all.
        asynchronous: Let a trial that is well within its quota go on before the last ones have
            come to its rung, so that fewer workers idle. That is an estimate: none of 72 recorded
            sweeps went on with other trials for it, but one may, and it may be another one with
            more workers.

    Raises:
        ValueError: An argument outside its range.
    """

    max_regret: float = 0.01
    c: float | None = None
    pilot: bool = True
    growth: float = 1.5
    noise: float = 2.0
    flattening: float = 0.3
    asynchronous: bool = True

    def __post_init__(self) -> None:
        check_number("AdaptiveQuota", "max_regret", self.max_regret, above=0, most=1)
        if self.c is not None:
            check_number("AdaptiveQuota", "c", self.c, above=0)
        check_number("AdaptiveQuota", "growth", self.growth, least=1.1)
        for name in ("noise", "flattening"):
            check_number("AdaptiveQuota", name, getattr(self, name), least=0)
        check_flags(self, "pilot", "asynchronous")

    @property
    def factor(self) -> float:
        """The factor of all quotas."""
        return self.c if self.c is not None else 0.048 * math.pow(self.max_regret, -0.61)

    @property
    def counts_evaluations(self) -> bool:
        return True

    def init(self) -> _Moves:
        return _Moves()

    def rungs(self, max_t: float) -> tuple[float, ...]:
        steps, height = [], 0
        while (step := round(FIRST * self.growth**height)) < max_t:
            steps.append(step)
            height += 1
        return tuple(dict.fromkeys(steps))

    def pilots(self, trials: int) -> int:
        count = max(SMALLEST_PILOT, math.ceil(trials / 4))
        return count if self.pilot and count < trials else 0

    def agrees(self, scores: Sequence[tuple[float, float]]) -> bool:
        if len(scores) < 2:
            return False
        first, second = (mean_ranks(each) for each in zip(*scores, strict=True))
        try:
            return correlation(first, second) >= PILOT_CORRELATION
        except StatisticsError:  # all alike
            return False

    def score(self, standing: Standing) -> float:
        return standing.best + standing.gain / 2

    def judge(self, rung: Rung, memory: _Moves) -> tuple[Sequence[str], _Moves]:
        memory = _moved(memory, rung)
        catching = {each.trial_id for each in rung.here if rung.can_catch(each, self.noise)}
        quota = self._quota(rung, len(catching), memory.mean)
        promoted = [
            each.trial_id
            for rank, each in enumerate(rung.ranked(self.score), start=1)
            if rank <= math.ceil(quota)
            or each.trial_id == rung.leader.trial_id
            or (rank <= 2 * quota and each.trial_id in catching)
        ]
        return promoted, memory

    def hurries(self, step: float, arrived: int, missing: int) -> bool:
        return self.asynchronous and 2 * missing < arrived

    def safe(self, rung: Rung, missing: int, memory: _Moves) -> Sequence[str]:
        """By the quota of those that came, in which a missing one takes two places.

        Its own, and one for what it may do to the quota: a better leader is caught by fewer.
        """
        if not self.hurries(rung.step, len(rung.here), missing):
            return ()
        catching = rung.catching(self.noise)
        most = rung.moved_at_most(_half, _top(rung))
        if self._quota(rung, catching, memory.after(most, _top(rung)).mean) <= 2 * missing:
            return ()
        quota = self._quota(rung, catching, _moved(memory, rung).mean)
        places = math.ceil(quota) - 2 * missing
        return [each.trial_id for each in rung.top(max(0, places), self.score)]

    def _quota(self, rung: Rung, catching: int, moves: float) -> float:
        share = min(1.0, (catching + rung.behind(self.noise)) / rung.trials)
        left = rung.max_t / rung.step
        unrest = math.exp(0.5 * (moves - EXPECTED) * math.sqrt(math.log2(left)))
        spread = math.pow(math.sqrt(left) * unrest, math.pow(1 - share, self.flattening))
        return self.factor * math.sqrt(catching) * spread


def _moved(memory: _Moves, rung: Rung) -> _Moves:
    """Add how far the best at this rung had been behind at half of its steps."""
    return memory.after(rung.moved(_half, _top(rung)), min(_top(rung), len(rung.here)))


def _top(rung: Rung) -> int:
    """How many are the best at a rung."""
    return max(3, rung.trials // 20)


def _half(standing: Standing) -> float:
    return standing.half
