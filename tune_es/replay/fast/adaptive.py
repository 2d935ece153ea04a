"""The adaptive rule: a growing window, and the upper bound of a trend."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tune_es.criteria import Adaptive
from tune_es.criteria.adaptive import SHORTEST_TREND, TREND_LASTS
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Ranks, Say
from tune_es.replay.fast.compiled import compiled
from tune_es.replay.fast.running import best_of
from tune_es.replay.fast.tables import counts, numbers, share_of
from tune_es.signals import Clock
from tune_es.signals.clock import round_up

#: Count, means and centred sums of a block of evaluations; those of none.
Moments = tuple[float, float, float, float, float, float]
NOTHING: Moments = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


class _Options(NamedTuple):
    """By the row: the best so far; by the count of evaluations: three tables; and numbers."""

    bests: Floats
    windows: Ints
    trends: Ints
    remaining: Floats
    by_best: bool
    min_gain: float
    z: float
    tolerance: float
    is_final: bool
    lasts: float = TREND_LASTS
    stalled: int = RANK[Cause.STALLED]


def adaptive(rule: Adaptive, block: Block) -> Say:
    """:class:`tune_es.Adaptive` with its regression over aligned blocks."""
    max_t, values = block.policy.max_t, block.values(rule.metric)
    if max_t is None or values is None:
        return block.silence()
    windows, trends, remaining = tables(rule, max_t, block.longest)
    options = _Options(
        best_of(values, block.starts, block.stops),
        windows,
        trends,
        remaining,
        rule.scale == "best",
        float(rule.min_gain),
        float(rule.z),
        float(rule.tolerance),
        block.is_final,
    )
    return block.judge(_follow, rule.metric, options)


@lru_cache(maxsize=64)
def tables(rule: Adaptive, max_t: float, longest: int) -> tuple[Ints, Ints, Floats]:
    """Window, evaluations in the trend, and evaluations to come, by the count so far."""
    fixed = max(rule.patience, share_of(rule.budget_share, max_t))
    return (
        counts(longest, lambda count: max(fixed, round_up(rule.history_share * count))),
        counts(longest, lambda count: max(SHORTEST_TREND, round_up(rule.trend_share * count))),
        numbers(longest, lambda count: Clock(count, 1, count).remaining(max_t)),
    )


@compiled
def _follow(values: Floats, starts: Ints, stops: Ints, options: _Options, ranks: Ranks) -> None:
    bests, offsets = options.bests, level_offsets(len(options.windows) - 1)
    sums = np.empty((offsets[-1], 6))
    for trial in range(len(starts)):
        start, worst, summed = starts[trial], np.inf, 0
        for row in range(start, stops[trial]):
            count, best = row - start + 1, bests[row]
            if values[row] < worst and values[row] != -np.inf:
                worst = values[row]
            window = options.windows[count]
            if count <= window or best == -np.inf:
                continue
            scale = abs(best) if options.by_best else best - worst
            if best - bests[row - window] > options.min_gain * scale:
                continue
            while summed < count:
                append(sums, offsets, values[start + summed], summed)
                summed += 1
            known, slope, error = line(sums, offsets, count - options.trends[count], count)
            hope = (slope + options.z * error) * options.remaining[count] * options.lasts
            if (hope if known else np.inf) <= options.tolerance * scale:
                ranks[row] = options.stalled
                if options.is_final:
                    break


@compiled
def level_offsets(longest: int) -> Ints:
    """Where the blocks of ``1 << level`` evaluations begin; last, how many blocks there are."""
    offsets = np.zeros(64, dtype=np.int64)
    for level in range(63):
        offsets[level + 1] = offsets[level] + (longest >> level)
    return offsets


@compiled
def append(sums: Floats, offsets: Ints, value: float, index: int) -> None:
    """One more evaluation, and every block that it completes."""
    block = NOTHING
    if value - value == 0.0:
        block = (1.0, float(index), value, 0.0, 0.0, 0.0)
    _put(sums, index, block)
    level, at = 0, index
    while at % 2:
        block = _merge(_get(sums, offsets[level] + at - 1), block)
        level, at = level + 1, at // 2
        _put(sums, offsets[level] + at, block)


@compiled
def _get(sums: Floats, at: int) -> Moments:
    return (sums[at, 0], sums[at, 1], sums[at, 2], sums[at, 3], sums[at, 4], sums[at, 5])


@compiled
def _put(sums: Floats, at: int, block: Moments) -> None:
    for item in range(6):
        sums[at, item] = block[item]


@compiled
def _merge(a: Moments, b: Moments) -> Moments:
    """The moments of two blocks together."""
    if a[0] == 0.0 or b[0] == 0.0:
        return b if a[0] == 0.0 else a
    n = a[0] + b[0]
    dx, dy, share = b[1] - a[1], b[2] - a[2], b[0] / n
    weight = a[0] * share
    return (
        n,
        a[1] + dx * share,
        a[2] + dy * share,
        a[3] + b[3] + dx * dx * weight,
        a[4] + b[4] + dx * dy * weight,
        a[5] + b[5] + dy * dy * weight,
    )


@compiled
def line(sums: Floats, offsets: Ints, start: int, end: int) -> tuple[bool, float, float]:
    """Slope and its error over evaluations ``start`` to ``end``, and whether there is a line."""
    moments, position = NOTHING, max(0, start)
    while position < end:
        level = 0
        while (2 << level) <= end - position and position % (2 << level) == 0:
            level += 1
        moments = _merge(moments, _get(sums, offsets[level] + (position >> level)))
        position += 1 << level
    n, _, _, xx, xy, yy = moments
    if n < 3.0:
        return False, 0.0, 0.0
    slope = xy / xx
    residual = yy - slope * xy
    if not np.isfinite(residual):
        return True, slope, np.inf
    return True, slope, np.sqrt(max(0.0, residual) / (n - 2.0) / xx)
