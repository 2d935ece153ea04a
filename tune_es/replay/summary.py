"""Scores of many streams as one line a policy, with intervals; and policies compared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tune_es.replay.curves import Floats
from tune_es.replay.scorecard import Score

#: A regret above this counts as a failure of the policy.
EPSILON = 0.01
RESAMPLES = 2000

#: The numbers of a score that are averaged.
NUMBERS = ("cost", "cost_seconds", "regret", "test_regret", "makespan", "worker_use", "money")


@dataclass(frozen=True)
class Interval:
    """A number with the interval that holds 90 % of its bootstrap resamples."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """A policy over every stream: means over tasks of means over seeds, each task the same weight.

    ``over_1_percent`` is the share of streams with a regret above .01, ``regret_95`` the regret
    that 95 % of streams stay within. Numbers that no stream has are NaN.
    """

    policy: str
    tasks: int
    streams: int
    cost: Interval
    cost_seconds: Interval
    regret: Interval
    test_regret: Interval
    makespan: Interval
    worker_use: Interval
    money: Interval
    over_1_percent: Interval
    regret_95: Interval


def summarise(scores: Iterable[Score], seed: int = 0) -> list[Summary]:
    """One summary a policy, in the order in which they first come.

    Intervals are of a bootstrap over tasks and, within each, over seeds: what another set of such
    tasks would give. With few tasks they are wide, and with one they say nothing about others.
    """
    return [_summary(policy, by, seed) for policy, by in _grouped(scores).items()]


def _grouped(scores: Iterable[Score]) -> dict[str, list[list[Score]]]:
    """The scores of every policy, those of a task together."""
    grouped: dict[str, dict[tuple[str, str], list[Score]]] = {}
    for score in scores:
        by_task = grouped.setdefault(score.policy, {})
        by_task.setdefault((score.source, score.task), []).append(score)
    return {policy: list(by.values()) for policy, by in grouped.items()}


def _mean(scores: Sequence[Score], name: str) -> float:
    return float(np.mean([getattr(each, name) for each in scores]))


def _summary(policy: str, tasks: Sequence[Sequence[Score]], seed: int) -> Summary:
    scores = [score for task in tasks for score in task]
    sizes = [len(task) for task in tasks]
    weights = _resampled(sizes, np.random.default_rng(seed))
    columns = {name: np.array([getattr(each, name) for each in scores]) for name in NUMBERS}
    columns["over_1_percent"] = (columns["regret"] > EPSILON).astype(float)
    equal = np.concatenate([np.full(size, 1 / size) for size in sizes])[None]
    (regret_95,) = weighted_quantiles(equal, columns["regret"], 0.95).tolist()
    return Summary(
        policy=policy,
        tasks=len(tasks),
        streams=len(scores),
        **{
            name: _interval(_mean_of_means(values, sizes), _means(weights, values))
            for name, values in columns.items()
        },
        regret_95=_interval(regret_95, weighted_quantiles(weights, columns["regret"], 0.95)),
    )


def _mean_of_means(values: Floats, sizes: Sequence[int]) -> float:
    """The mean of the tasks' means; tasks without the number are left out."""
    tasks = np.split(values, np.cumsum(sizes)[:-1])
    known = [np.nanmean(task) for task in tasks if not np.isnan(task).all()]
    return float(np.mean(known)) if known else math.nan


def _resampled(sizes: Sequence[int], random: np.random.Generator) -> Floats:
    """The weight of every stream in every resample; the sum of a row is the number of tasks.

    Tasks are drawn with replacement, and for each time a task is drawn its seeds are, too.
    """
    tasks = len(sizes)
    times = random.multinomial(tasks, np.full(tasks, 1 / tasks), size=RESAMPLES)
    drawn = [
        random.multinomial(times[:, task] * size, np.full(size, 1 / size)) / size
        for task, size in enumerate(sizes)
    ]
    return np.hstack(drawn)


def _means(weights: Floats, values: Floats) -> Floats:
    """The weighted means; streams without the number are left out."""
    known, finite = ~np.isnan(values), np.isfinite(values)
    counted = weights[:, known].sum(axis=1)
    total = weights[:, finite] @ values[finite]
    means: Floats = np.full(len(weights), math.nan)
    np.divide(total, counted, out=means, where=counted > 0)
    means[(weights[:, known & ~finite] > 0).any(axis=1)] = math.inf
    return means


def weighted_quantiles(weights: Floats, values: Floats, share: float) -> Floats:
    """The values that this share of the weight stays within: one for each row of weights."""
    order = np.argsort(values)
    reached = np.cumsum(weights[:, order], axis=1)
    reached /= reached[:, -1:]
    quantiles: Floats = values[order][(reached >= share - 1e-12).argmax(axis=1)]
    return quantiles


def _interval(value: float, resampled: Floats) -> Interval:
    known = resampled[~np.isnan(resampled)]
    if math.isnan(value) or not len(known):
        return Interval(math.nan, math.nan, math.nan)
    low, high = np.percentile(known, (5, 95), method="nearest").tolist()
    return Interval(value, low, high)


#: What policies are compared by.
PAIR = ("cost", "regret")


@dataclass(frozen=True)
class Point:
    """A policy's mean cost and regret."""

    policy: str
    cost: float
    regret: float


def points(scores: Iterable[Score]) -> list[Point]:
    """The mean cost and regret of every policy, each task the same weight."""
    return [
        Point(policy, *(float(np.mean([_mean(task, name) for task in by])) for name in PAIR))
        for policy, by in _grouped(scores).items()
    ]


def envelope(points: Iterable[Point]) -> list[Point]:
    """The points that no other beats in both cost and regret, the cheapest first.

    >>> known = [Point("a", 0.1, 0.2), Point("b", 0.2, 0.3), Point("c", 0.3, 0.1)]
    >>> [each.policy for each in envelope(known)]
    ['a', 'c']
    """
    best, front = math.inf, list[Point]()
    for point in sorted(points, key=lambda each: (each.cost, each.regret)):
        if not front or point.regret < best:
            best = point.regret
            front.append(point)
    return front


def cost_at(points: Iterable[Point], regret: float) -> Point | None:
    """The cheapest policy whose mean regret is at most this; None where there is none.

    No point is made up between two policies: what is named can be run.
    """
    within = [point for point in points if point.regret <= regret]
    return min(within, key=lambda each: (each.cost, each.regret), default=None)


def held_out_cost_at(
    scores: Sequence[Score], regret: float, family: Mapping[str, str] | None = None
) -> Point | None:
    """What it costs when the policy is chosen on the other families of tasks, for each in turn.

    A family is a curve set, or what ``family`` maps its name to. For each family the cheapest
    policy is taken that meets the regret on the others; its cost and regret on the family itself
    are averaged, each task the same weight. None where some family's others have no such policy.
    """
    of = {each.source: (family or {}).get(each.source, each.source) for each in scores}
    costs, regrets = [], []
    for name in sorted(set(of.values())):
        mine = _grouped(each for each in scores if of[each.source] == name)
        others = (each for each in scores if of[each.source] != name and each.policy in mine)
        chosen = cost_at(points(others), regret)
        if chosen is None:
            return None
        costs += [_mean(task, "cost") for task in mine[chosen.policy]]
        regrets += [_mean(task, "regret") for task in mine[chosen.policy]]
    return Point("chosen on other families", float(np.mean(costs)), float(np.mean(regrets)))
