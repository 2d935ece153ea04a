"""Runs that went wrong: values that are not numbers, values far below what was."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tune_es.criteria import Divergence, Explosion, NonFinite
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Ranks, Say
from tune_es.replay.fast.compiled import compiled


def non_finite(rule: NonFinite, block: Block) -> Say:
    """:class:`tune_es.NonFinite`."""
    if block.values(rule.metric) is not None and block.finite(rule.metric) is None:
        return Say(block.nothing())
    return block.judge(_non_finite, rule.metric, rule.patience, RANK[Cause.BROKEN])


@compiled
def _non_finite(
    values: Floats, starts: Ints, stops: Ints, patience: int, broken: int, ranks: Ranks
) -> None:
    for trial in range(len(starts)):
        count = 0
        for row in range(starts[trial], stops[trial]):
            count = 0 if values[row] - values[row] == 0.0 else count + 1
            if count > patience:
                ranks[row] = broken


class _Drop(NamedTuple):
    drop: float
    threshold: float
    patience: int
    hopeless: int = RANK[Cause.HOPELESS]


def divergence(rule: Divergence, block: Block) -> Say:
    """:class:`tune_es.Divergence`; it hears finite values only."""
    drop = math.nan if rule.drop is None else float(rule.drop)
    threshold = block.oriented(rule.threshold, rule.metric, -math.inf)
    return block.judge_finite(_divergence, rule.metric, _Drop(drop, threshold, rule.patience))


@compiled
def _divergence(values: Floats, starts: Ints, stops: Ints, options: _Drop, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        best, bad = -np.inf, 0
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value != 0.0:
                continue
            best = max(value, best)
            fell = value < best - options.drop * abs(best)  # never where the drop is NaN
            bad = bad + 1 if fell or value < options.threshold else 0
            if bad >= options.patience:
                ranks[row] = options.hopeless


class _Burst(NamedTuple):
    factor: float
    least: float
    patience: int
    hopeless: int = RANK[Cause.HOPELESS]


def explosion(rule: Explosion, block: Block) -> Say:
    """:class:`tune_es.Explosion`; it hears finite values only."""
    options = _Burst(float(rule.factor), float(rule.least_start), rule.patience)
    return block.judge_finite(_explosion, rule.metric, options)


@compiled
def _explosion(values: Floats, starts: Ints, stops: Ints, options: _Burst, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        limit, best, bad = np.nan, -np.inf, 0
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value != 0.0:
                continue
            if best == -np.inf:
                limit = options.factor * min(value, -options.least)
            best = max(value, best)
            bad = bad + 1 if best < 0.0 and value < limit else 0
            if bad >= options.patience:
                ranks[row] = options.hopeless
