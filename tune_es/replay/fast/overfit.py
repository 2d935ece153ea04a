"""Validation that gets worse: Prechelt's GL, PQ and UP, and the gap to training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tune_es.criteria import (
    GeneralizationLoss,
    OverfitGap,
    ProgressQuotient,
    UninterruptedProgress,
)
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast import sums
from tune_es.replay.fast.block import RANK, Block, Flags, Ranks, Say
from tune_es.replay.fast.compiled import calling
from tune_es.replay.fast.sums import EXACT, added

compiled = calling(sums)


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


class _Quotient(NamedTuple):
    train: Floats
    alpha: float
    strip: int
    heard: Flags
    exact: bool = EXACT
    overfit: int = RANK[Cause.OVERFIT]


def progress_quotient(rule: ProgressQuotient, block: Block) -> Say:
    """:class:`tune_es.ProgressQuotient`; it hears the ends of strips."""
    values, train = block.values(rule.metric), block.values(rule.train_metric)
    if values is None or train is None:
        return block.silence()
    heard = np.zeros(len(values), np.bool_)
    options = _Quotient(train, float(rule.alpha), rule.strip, heard)
    return Say(block.judge(_quotient, rule.metric, options).ranks, heard)


@compiled
def _quotient(values: Floats, starts: Ints, stops: Ints, options: _Quotient, ranks: Ranks) -> None:
    strip = np.empty(options.strip)
    for trial in range(len(starts)):
        best, count = -np.inf, 0
        for row in range(starts[trial], stops[trial]):
            value, both = values[row], values[row] + options.train[row]
            if both - both != 0.0:
                continue
            best = max(value, best)
            strip[count % options.strip] = options.train[row]
            count += 1
            if count % options.strip:
                continue
            options.heard[row] = True
            top, mean = strip.max(), added(strip, options.exact) / len(strip)
            loss = progress = 0.0
            if value != best:
                loss = 100.0 * (best - value) / abs(best) if best != 0.0 else np.inf
            if mean != top:
                progress = 1000.0 * (top - mean) / abs(top) if top != 0.0 else np.inf
            if loss > options.alpha * progress:
                ranks[row] = options.overfit


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
