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
from tune_es.replay.fast.comparing import Column
from tune_es.replay.fast.race import ASYNCHRONOUS, QUOTA, TABLE, Race, Rule
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
    see one curve; and where the budget of the policy is that of the task.
    """
    kind, saved = type(policy.promotion_rule), curves.metrics.get(SAVED)
    return (
        kind in KINDS
        and policy.tie_break is None
        and not policy.criterion.uses_peers
        and policy.max_t == curves.task.max_t
        and (saved is None or bool((saved == 1).all()))
    )


def noise_of(values: Floats, starts: Ints, stops: Ints) -> Floats:
    """The noise of a curve up to every row, as :class:`tune_es.promotion.Standing` has it."""
    return fill_noise(values, starts, stops, NOISE_OVER, EXACT)


def race_of(
    rule: PromotionRule, numbers: Rule, column: Column, noise: Floats, stops: Ints, names: Ints
) -> Race:
    """A sweep that has not begun.

    Args:
        rule: One of KINDS.
        numbers: What :func:`numbers_of` makes of it for this many trials.
        column: What the trials report.
        noise: The noise of the curves at every row.
        stops: Where each ends by its own curve; 0 where it does not.
        names: Their places in the order of their names.
    """
    trials, rungs = len(column.starts), len(numbers.steps) - 3
    pilots = rule.pilots(trials) if rungs else 0
    first = np.zeros(trials, np.int64)
    first[pilots:] = -1 if pilots else 0
    by_trial = np.zeros((4, trials), np.int64)
    return Race(
        column,
        noise,
        numbers,
        bool(pilots) and rule.agrees(_pairs(column, stops, pilots)),
        names,
        stops,
        by_trial[0],
        np.zeros(trials, np.int8),
        first,
        by_trial[1],
        np.zeros(trials, np.bool_),
        np.zeros(rungs + 1, np.int64),
        np.zeros((rungs, trials) if numbers.kind == ASYNCHRONOUS else (1, 1), np.int64),
        by_trial[2],
        by_trial[3],
        np.array([-1 if pilots else 0, 0, 0, 0, 0], np.int64),
        np.array([EXPECTED * WEIGHT, WEIGHT], np.float64),
    )


def _pairs(column: Column, stops: Ints, pilots: int) -> list[tuple[float, float]]:
    """What the pilots report at steps 1 and 2, of those that wait there."""
    waits = (column.lengths[:pilots] > 1) & ((stops[:pilots] > 2) | (stops[:pilots] == 0))
    rows = column.starts[:pilots][waits]
    pairs = zip(column.values[rows].tolist(), column.values[rows + 1].tolist(), strict=True)
    return [pair for pair in pairs if all(map(math.isfinite, pair))]


def numbers_of(rule: PromotionRule, budget: int, trials: int) -> Rule:
    """A rule for this budget and this many trials."""
    steps = np.array([1, *rule.rungs(budget), NEVER, NEVER], np.int64)
    places, quota = np.zeros(1, np.int64), AdaptiveQuota()
    if isinstance(rule, RungTable):
        places = np.array([rule.keep[step] for step in steps[1:-2].tolist()], np.int64)
    elif isinstance(rule, AsyncHalving):
        places = np.array([rule.places(arrived) for arrived in range(trials + 1)], np.int64)
    elif isinstance(rule, AdaptiveQuota):
        quota = rule
    return Rule(
        KINDS[type(rule)],
        steps,
        places,
        quota.asynchronous,
        float(quota.factor),
        float(quota.noise),
        *_by_step(budget),
        _fading(float(quota.flattening), trials),
        _moves(max(3, trials // 20), trials),
        EXACT,
        EXPECTED,
    )


@lru_cache(maxsize=64)
def _by_step(budget: int) -> tuple[Floats, Floats]:
    """How often a step doubles until the budget, and the root of how many times it is in it."""
    shares = [budget / step for step in range(1, budget + 1)]
    doublings = [0.0, *map(math.log2, shares)]
    return np.array(doublings), np.array([0.0, *map(math.sqrt, shares)])


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
