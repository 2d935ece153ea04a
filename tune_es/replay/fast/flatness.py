"""Curves that have stopped moving: gain over a window, and spread in one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tune_es.criteria import Plateau, WindowGain
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Ranks, Say
from tune_es.replay.fast.compiled import compiled
from tune_es.replay.fast.running import best_of
from tune_es.replay.fast.tables import share_of


class _Gain(NamedTuple):
    bests: Floats
    window: int
    min_gain: float
    relative: bool
    stalled: int = RANK[Cause.STALLED]


def window_gain(rule: WindowGain, block: Block) -> Say:
    """:class:`tune_es.WindowGain`; its window is the same at every evaluation."""
    values = block.values(rule.metric)
    if values is None:
        return block.silence()
    bests = best_of(values, block.starts, block.stops)
    options = _Gain(bests, _window(rule, block), float(rule.min_gain), rule.relative)
    return block.judge(_gain, rule.metric, options)


def _window(rule: WindowGain, block: Block) -> int:
    if isinstance(rule.window, int):
        return rule.window
    max_t = block.policy.max_t
    return rule.at_least if max_t is None else max(rule.at_least, share_of(rule.window, max_t))


@compiled
def _gain(values: Floats, starts: Ints, stops: Ints, options: _Gain, ranks: Ranks) -> None:
    bests, window = options.bests, options.window
    for trial in range(len(starts)):
        if window >= stops[trial] - starts[trial]:
            continue
        for row in range(starts[trial] + window, stops[trial]):
            best = bests[row]
            needed = options.min_gain * (abs(best) if options.relative else 1.0)
            if best != -np.inf and best - bests[row - window] <= needed:
                ranks[row] = options.stalled


class _Flat(NamedTuple):
    std: float
    window: int
    grace_period: int
    relative: bool
    most: float
    stalled: int = RANK[Cause.STALLED]


def plateau(rule: Plateau, block: Block) -> Say:
    """:class:`tune_es.Plateau`."""
    most = block.oriented(rule.threshold, rule.metric, math.inf)
    options = _Flat(float(rule.std), rule.window, rule.grace_period, rule.relative, most)
    return block.judge(_flat, rule.metric, options)


@compiled
def _flat(values: Floats, starts: Ints, stops: Ints, options: _Flat, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        unbroken = 0
        for row in range(starts[trial], stops[trial]):
            unbroken = unbroken + 1 if values[row] - values[row] == 0.0 else 0
            early = unbroken < options.window or row - starts[trial] + 1 < options.grace_period
            if early or values[row] > options.most:
                continue
            mean, std = _spread(values[row - options.window + 1 : row + 1])
            if std <= options.std * (abs(mean) if options.relative else 1.0):
                ranks[row] = options.stalled


@compiled
def _spread(values: Floats) -> tuple[float, float]:
    """Mean and population standard deviation by Welford's update; NaN where it overflows."""
    mean, squares = 0.0, 0.0
    for at in range(len(values)):
        off = values[at] - mean
        mean = mean + off / (at + 1)
        squares = squares + off * (values[at] - mean)
    return mean, np.sqrt(squares / len(values)) if squares >= 0.0 else np.nan
