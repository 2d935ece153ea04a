"""Validation that gets worse: Prechelt's GL and UP, and the gap to training.

Prechelt's PQ has no kernel: its mean over a strip is a sum of Python's, whose rounding depends on
the version of Python.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tune_es.criteria import GeneralizationLoss, OverfitGap, UninterruptedProgress
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Flags, Ranks, Say
from tune_es.replay.fast.compiled import compiled


def generalization_loss(rule: GeneralizationLoss, block: Block) -> Say:
    """:class:`tune_es.GeneralizationLoss`; it hears finite values only."""
    return block.judge_finite(_loss, rule.metric, float(rule.alpha), RANK[Cause.OVERFIT])


@compiled
def _loss(
    values: Floats, starts: Ints, stops: Ints, alpha: float, overfit: int, ranks: Ranks
) -> None:
    for trial in range(len(starts)):
        best = -np.inf
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value != 0.0:
                continue
            best = max(value, best)
            if value == best:
                continue
            loss = 100.0 * (best - value) / abs(best) if best != 0.0 else np.inf
            if loss > alpha:
                ranks[row] = overfit


def uninterrupted_progress(rule: UninterruptedProgress, block: Block) -> Say:
    """:class:`tune_es.UninterruptedProgress`; it hears finite values only."""
    return block.judge_finite(_strips, rule.metric, _Strips(rule.strips, rule.strip))


class _Strips(NamedTuple):
    strips: int
    strip: int
    overfit: int = RANK[Cause.OVERFIT]


@compiled
def _strips(values: Floats, starts: Ints, stops: Ints, options: _Strips, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        count, worse, last = 0, 0, np.nan
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value != 0.0:
                continue
            count += 1
            if count % options.strip == 0:
                worse = worse + 1 if value < last else 0
                last = value
            if worse >= options.strips:
                ranks[row] = options.overfit


class _Gap(NamedTuple):
    train: Floats
    heard: Flags
    max_gap: float
    patience: int
    overfit: int = RANK[Cause.OVERFIT]


def overfit_gap(rule: OverfitGap, block: Block) -> Say:
    """:class:`tune_es.OverfitGap`; it hears evaluations whose two values have a finite sum."""
    values, train = block.values(rule.metric), block.values(rule.train_metric)
    if values is None or train is None:
        return block.silence()
    with np.errstate(over="ignore", invalid="ignore"):
        heard = np.isfinite(values + train)
    options = _Gap(train, heard, float(rule.max_gap), rule.patience)
    return Say(block.judge(_gap, rule.metric, options).ranks, heard)


@compiled
def _gap(values: Floats, starts: Ints, stops: Ints, options: _Gap, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        best, gap_at_best, bad = -np.inf, 0.0, 0
        for row in range(starts[trial], stops[trial]):
            if not options.heard[row]:
                continue
            value, gap = values[row], options.train[row] - values[row]
            if value > best:
                best, gap_at_best, bad = value, gap, 0
                continue
            widened = gap - gap_at_best > options.max_gap * abs(best)
            bad = bad + 1 if value < best and widened else 0
            if bad >= options.patience:
                ranks[row] = options.overfit
