"""Patience, and the two rules that are patience on a schedule."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tune_es.criteria import DecayingDelta, Patience, ShrinkingPatience
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Ranks, Say
from tune_es.replay.fast.compiled import compiled
from tune_es.replay.fast.noise import noise_of
from tune_es.replay.fast.tables import counts, numbers, share_of

NO_NOISE = np.zeros(0)


class _Constant(NamedTuple):
    """Patience with one limit, whose gain that counts depends on the best alone."""

    limit: int
    delta: float
    relative: bool
    bar: float
    start_from: float
    is_final: bool
    stalled: int = RANK[Cause.STALLED]


class _Changing(NamedTuple):
    """Limit and delta by the count of evaluations, noise by the row, and numbers."""

    limits: Ints
    deltas: Floats
    is_final: bool
    relative: bool = False
    noise: Floats = NO_NOISE
    noise_factor: float = 0.0
    baseline: float = math.nan
    start_from: float = 0.0
    stalled: int = RANK[Cause.STALLED]


def patience(rule: Patience, block: Block) -> Say:
    """Every option of :class:`tune_es.Patience`."""
    values = block.values(rule.metric)
    if values is None:
        return block.silence()
    say = (_noisy if rule.noise_factor else _plain)(rule, block, values)
    _look_at_thresholds(rule, block, values, say.ranks)
    return say


def _plain(rule: Patience, block: Block, values: Floats) -> Say:
    baseline, delta = block.oriented(rule.baseline, rule.metric, math.nan), float(rule.min_delta)
    bar = baseline + delta * (abs(baseline) if rule.relative else 1.0)
    start = float(rule.start_from)
    options = _Constant(_limit(rule, block), delta, rule.relative, bar, start, block.is_final)
    return block.judge(_count, rule.metric, options)


def _noisy(rule: Patience, block: Block, values: Floats) -> Say:
    limit, delta = _limit(rule, block), float(rule.min_delta)
    options = _Changing(
        np.full(block.longest + 1, limit, np.int64),
        np.full(block.longest + 1, delta, np.float64),
        block.is_final,
        rule.relative,
        noise_of(values, block.starts, block.stops),
        float(rule.noise_factor),
        block.oriented(rule.baseline, rule.metric, math.nan),
        float(rule.start_from),
    )
    return block.judge(_follow, rule.metric, options)


def _look_at_thresholds(rule: Patience, block: Block, values: Floats, ranks: Ranks) -> None:
    """What Patience looks at before its count; what comes first there is written last."""
    if rule.divergence_threshold is not None:
        floor = block.oriented(rule.divergence_threshold, rule.metric, -math.inf)
        ranks[values < floor] = RANK[Cause.HOPELESS]
    if rule.stopping_threshold is not None:
        goal = block.oriented(rule.stopping_threshold, rule.metric, math.inf)
        ranks[np.isfinite(values) & (values >= goal)] = RANK[Cause.REACHED]
    if rule.check_finite:
        ranks[~np.isfinite(values)] = RANK[Cause.BROKEN]


def scheduled(rule: DecayingDelta | ShrinkingPatience, block: Block) -> Say:
    """Patience whose limit and delta depend on the share of the budget spent."""
    if block.policy.max_t is None:
        return block.silence()
    tables = _schedule(rule, block.policy.max_t, block.longest)
    options = _Changing(*tables, block.is_final)
    return block.judge(_follow, rule.metric, options)


def _limit(rule: Patience, block: Block) -> int:
    if isinstance(rule.patience, int):
        return rule.patience
    max_t = block.policy.max_t
    least = rule.at_least
    return least if max_t is None else max(least, share_of(rule.patience, max_t))


@lru_cache(maxsize=64)
def _schedule(
    rule: DecayingDelta | ShrinkingPatience, max_t: float, longest: int
) -> tuple[Ints, Floats]:
    limits = counts(longest, lambda step: rule.schedule(step / max_t)[0])
    return limits, numbers(longest, lambda step: rule.schedule(step / max_t)[1])


@compiled
def _count(values: Floats, starts: Ints, stops: Ints, options: _Constant, ranks: Ranks) -> None:
    """Choices instead of branches: whether a noisy curve improves is not to be predicted."""
    delta = options.delta
    for trial in range(len(starts)):
        bar, misses = options.bar, 0
        for row in range(starts[trial], stops[trial]):
            step, value = row - starts[trial] + 1, values[row]
            missed = (value - value != 0.0) | (value <= bar)  # a bar of NaN is passed
            bar = bar if missed else value + delta * (abs(value) if options.relative else 1.0)
            misses = misses + (step >= options.start_from) if missed else 0
            if misses >= options.limit:
                ranks[row] = options.stalled
                if options.is_final:
                    break


@compiled
def _follow(values: Floats, starts: Ints, stops: Ints, options: _Changing, ranks: Ranks) -> None:
    """The same where the bar moves between gains: four times the time."""
    is_noisy, factor = options.noise_factor > 0.0, options.noise_factor
    for trial in range(len(starts)):
        best, misses = options.baseline, 0
        for row in range(starts[trial], stops[trial]):
            step, value = row - starts[trial] + 1, values[row]
            delta = options.deltas[step] * (abs(best) if options.relative else 1.0)
            if is_noisy:
                delta = max(delta, factor * options.noise[row])
            missed = (value - value != 0.0) | (value <= best + delta)  # a best of NaN is beaten
            best = best if missed else value
            misses = misses + (step >= options.start_from) if missed else 0
            if misses >= options.limits[step]:
                ranks[row] = options.stalled
                if options.is_final:
                    break
