"""A promotion rule as numbers for :func:`tune_es.replay.fast.promoting.sweep`."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from tune_es.policy import Policy
from tune_es.promotion import AdaptiveQuota, AsyncHalving, PromotionRule, RungTable
from tune_es.promotion.quota import EXPECTED, WEIGHT
from tune_es.promotion.standing import NOISE_OVER
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast.race import (
    ASYNCHRONOUS,
    POINT,
    QUOTA,
    RUNG,
    STEP,
    TABLE,
    TRIAL,
    Race,
    Records,
    Rule,
)
from tune_es.replay.fast.ranking import fill_noise
from tune_es.replay.fast.sums import EXACT
from tune_es.replay.fast.tables import NEVER
from tune_es.replay.life import SAVED

#: What is compiled of the promotion rules, by the class itself.
KINDS: dict[type[PromotionRule], int] = {
    AdaptiveQuota: QUOTA,
    AsyncHalving: ASYNCHRONOUS,
    RungTable: TABLE,
}


def can_promote(policy: Policy, curves: TaskCurves) -> bool:
    """True where the promotion of a policy is compiled.

    It is for trials that can be paused anywhere, ranked by one metric, and stopped by rules that
    see one curve; and where the objective and the budget of the policy are those of the task.
    """
    task, saved = curves.task, curves.metrics.get(SAVED)
    return (
        type(policy.promotion_rule) in KINDS
        and (policy.metric, policy.mode) == (task.metric, task.mode)
        and policy.tie_break is None
        and not policy.criterion.uses_peers
        and policy.max_t == task.max_t
        and (saved is None or bool((saved == 1).all()))
    )


def points_of(
    values: Floats, bests: Floats, durations: Floats, starts: Ints, stops: Ints
) -> Records:
    """The rows of the curves with their noise, as :class:`tune_es.promotion.Standing` has it."""
    points = np.empty(len(values), POINT)
    points["value"], points["best"], points["seconds"] = values, bests, durations
    points["noise"] = fill_noise(values, starts, stops, NOISE_OVER, EXACT)
    return points


def trials_of(starts: Ints, lengths: Ints, stops: Ints, names: Ints) -> Records:
    """Trials that have not begun.

    Args:
        starts: Their first rows.
        lengths: Their evaluations.
        stops: Where each ends by its own curve; 0 where it does not.
        names: Their places in the order of their names.
    """
    trials = np.zeros(len(starts), TRIAL)
    trials["start"], trials["length"] = starts, lengths
    trials["stop"], trials["name"] = stops, names
    return trials


class Setting:
    """A rule for a budget and a number of trials: what the sweeps of all streams share."""

    def __init__(self, rule: PromotionRule, budget: int, trials: int) -> None:
        self._rule, steps = rule, [int(step) for step in rule.rungs(budget)]
        self._pilots = rule.pilots(trials) if steps else 0
        self._rungs = np.zeros(len(steps) + 3, RUNG)
        self._rungs["step"] = [1, *steps, NEVER, NEVER]
        if isinstance(rule, RungTable):
            self._rungs["places"][1:-2] = [rule.keep[step] for step in steps]
        self._numbers = _numbers(rule, budget, trials)
        is_ranked = self._numbers.kind == ASYNCHRONOUS
        self._ranked = (len(steps), trials) if is_ranked else (1, 1)

    def race(self, points: Records, trials: Records) -> Race:
        """A sweep of these trials, which are filled in as it goes."""
        pilots = self._pilots
        trials["rung"][pilots:] = -1 if pilots else 0
        agree = bool(pilots) and self._rule.agrees(_pairs(points, trials[:pilots]))
        return Race(
            self._numbers,
            agree,
            points,
            trials,
            self._rungs.copy(),
            np.zeros(self._ranked, np.int64),
            np.zeros((2, len(trials)), np.int64),
            np.array([-1 if pilots else 0, 0, 0, 0, 0, 0], np.int64),
            np.array([EXPECTED * WEIGHT, WEIGHT], np.float64),
        )


def _pairs(points: Records, pilots: Records) -> list[tuple[float, float]]:
    """What the pilots report at steps 1 and 2, of those that wait there."""
    waits = (pilots["length"] > 1) & ((pilots["stop"] > 2) | (pilots["stop"] == 0))
    rows, values = pilots["start"][waits], points["value"]
    pairs = zip(values[rows].tolist(), values[rows + 1].tolist(), strict=True)
    return [pair for pair in pairs if all(map(math.isfinite, pair))]


def _numbers(rule: PromotionRule, budget: int, trials: int) -> Rule:
    places, quota = np.zeros(1, np.int64), AdaptiveQuota()
    if isinstance(rule, AsyncHalving):
        places = np.array([rule.places(arrived) for arrived in range(trials + 1)], np.int64)
    elif isinstance(rule, AdaptiveQuota):
        quota = rule
    return Rule(
        KINDS[type(rule)],
        places,
        quota.asynchronous,
        float(quota.factor),
        float(quota.noise),
        EXPECTED,
        _by_step(budget),
        _fading(float(quota.flattening), trials),
        _moves(max(3, trials // 20), trials),
        EXACT,
    )


@lru_cache(maxsize=64)
def _by_step(budget: int) -> Records:
    """How often a step doubles until the budget, and the root of how many times it is in it."""
    steps = np.zeros(budget + 1, STEP)
    for step in range(1, budget + 1):
        steps[step] = math.log2(budget / step), math.sqrt(budget / step)
    return steps


@lru_cache(maxsize=256)
def _fading(flattening: float, trials: int) -> Floats:
    shares = [min(1.0, count / trials) for count in range(trials + 1)]
    return np.array([math.pow(1 - share, flattening) for share in shares])


@lru_cache(maxsize=16)
def _moves(top: int, trials: int) -> Floats:
    """By the rank now and the rank before how far a trial has moved up."""
    moves = np.zeros((top + 1, trials + 1))
    for now in range(1, top + 1):
        for before in range(1, trials + 1):
            moves[now, before] = max(0.0, math.log(before / now))
    return moves
