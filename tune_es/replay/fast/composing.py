"""One score from several metrics, whose past is scored anew when its scales move.

Between two such moments a rule on the score has seen one curve. So each of these stretches is a
trial of its own, from the first evaluation on, and the rule's kernel judges them all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tune_es.criteria import Composite
from tune_es.criteria.composite import RESCALE
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast import sums
from tune_es.replay.fast.block import Block, Flags, Say
from tune_es.replay.fast.compiled import calling
from tune_es.replay.fast.smoothing import can_be_scored
from tune_es.replay.fast.sums import EXACT, added

compiled = calling(sums)

#: How a metric is normalised, as a number.
SCALES = {"none": 0, "range": 1, "deviation": 2}


class _Options(NamedTuple):
    """Which scale; by step whether the weights change; how far a scale may move."""

    scale: int
    changes: Flags
    rescale: float = RESCALE


class _Score(NamedTuple):
    """By stretch the share of each metric; by metric and stretch its origin and its unit."""

    shares: Floats
    scales: Floats
    exact: bool = EXACT


class _Stretch(NamedTuple):
    """Where the past was scored: in trial ``trials[i]`` for rows ``begins[i]`` to ``ends[i]``."""

    trials: Ints
    begins: Ints
    ends: Ints


def composite(rule: Composite, block: Block) -> Say:
    """:class:`tune_es.Composite` of any rule that has a kernel, with weights that are given."""
    columns = [block.values(metric) for metric in rule.metrics]
    known = [column for column in columns if column is not None]
    if rule.weights_from or not can_be_scored(rule.rule, block):
        return block.fallback(rule, block)
    if len(known) < len(columns):
        return block.silence()
    values = np.array(known, np.float64).reshape(len(known), -1)
    later = (_weights_at(rule, step) for step in range(1, block.longest + 1))
    weights = [rule.weights, *later]
    changes = np.array([False, *(now != was for was, now in pairwise(weights))])
    scales, fresh = np.zeros((*values.shape, 2)), np.zeros(values.shape[1], np.bool_)
    options = _Options(SCALES[rule.normalise], changes)
    _rescale(values, block.starts, block.stops, options, scales, fresh)
    parts = _stretches(block, fresh)
    first = block.starts[parts.trials]
    rows, starts = _joined(first, parts.ends), np.append(0, np.cumsum(parts.ends - first))
    shares = np.array([[rule.share_of(name, each) for name in rule.metrics] for each in weights])
    score = _Score(shares[parts.begins - first + 1], scales[:, parts.begins])
    inner = _stretched(block, rule, rows, starts)
    scores = np.empty(len(rows))
    _score(values, rows, starts, score, scores)
    return _put_back(block, parts, starts, inner.scored(scores, sign=1).say(rule.rule))


def _weights_at(rule: Composite, step: int) -> Mapping[str, float]:
    begun = [start for start in rule.schedule if start <= step]
    return rule.schedule[max(begun)] if begun else rule.weights


def _stretches(block: Block, fresh: Flags) -> _Stretch:
    """From where the past was scored anew, or a trial began, to where that happened next."""
    marks = fresh.copy()
    marks[block.starts] = True
    inside = np.zeros(len(fresh), np.bool_)
    inside[_joined(block.starts, block.stops)] = True
    begins = np.flatnonzero(marks & inside)
    trials = np.searchsorted(block.starts, begins, side="right") - 1
    ends = np.minimum(np.append(begins[1:], len(fresh)), block.stops[trials])
    return _Stretch(trials, begins, ends)


def _joined(starts: Ints, stops: Ints) -> Ints:
    """The numbers from each start to its stop, one range after the other."""
    lengths = stops - starts
    ends = np.cumsum(lengths)
    joined: Ints = np.arange(int(lengths.sum())) + np.repeat(starts - (ends - lengths), lengths)
    return joined


def _stretched(block: Block, rule: Composite, rows: Ints, starts: Ints) -> Block:
    """The block with a trial for every stretch."""
    task, policy = block.curves.task, block.policy
    read = {task.metric, policy.metric, policy.cost_attr}
    recorded = {name: column for name, column in block.curves.metrics.items() if name in read}
    curves = TaskCurves(
        task,
        tuple(map(str, range(len(starts) - 1))),
        starts,
        {name: column[block.rows][rows] for name, column in recorded.items()},
    )
    seen: dict[str | None, Floats | None] = {}
    for name in rule.rule.metric_names:
        values = block.values(name)
        seen[name] = None if values is None else values[rows]
    return Block(
        policy,
        curves,
        block.kernels,
        block.fallback,
        0,
        len(curves),
        lambda: block.seconds[rows],
        _columns=seen,
    )


def _put_back(block: Block, stretches: _Stretch, starts: Ints, inner: Say) -> Say:
    """What was said on the rows of each stretch that are its own."""
    lengths = stretches.ends - stretches.begins
    at = _joined(starts[1:] - lengths, starts[1:])
    rows = _joined(stretches.begins, stretches.ends)
    ranks = block.nothing()
    ranks[rows] = inner.ranks[at]
    if inner.heard is None:
        return Say(ranks)
    heard = np.zeros(len(ranks), np.bool_)
    heard[rows] = inner.heard[at]
    return Say(ranks, heard)


@compiled
def _rescale(
    values: Floats, starts: Ints, stops: Ints, options: _Options, scales: Floats, fresh: Flags
) -> None:
    """By row the scales that hold there, and whether the past is scored anew for it."""
    metrics = len(values)
    now, held = np.zeros((metrics, 2)), np.zeros((metrics, 2))
    lows, highs = np.empty(metrics), np.empty(metrics)
    means, squares, seen = np.empty(metrics), np.empty(metrics), np.empty(metrics)
    for trial in range(len(starts)):
        lows[:], highs[:], means[:], squares[:], seen[:] = np.inf, -np.inf, 0.0, 0.0, 0.0
        held[:] = 0.0
        for row in range(starts[trial], stops[trial]):
            moved = options.changes[row - starts[trial] + 1]
            for at in range(metrics):
                value, before = values[at, row], means[at]
                if value - value == 0.0:
                    seen[at] += 1
                    lows[at], highs[at] = min(lows[at], value), max(highs[at], value)
                    means[at] = before + (value - before) / seen[at]
                    squares[at] += (value - before) * (value - means[at])
                now[at, 0], now[at, 1] = 0.0, 0.0 if options.scale else 1.0
                if options.scale == 1 and seen[at]:
                    now[at, 0], now[at, 1] = lows[at], highs[at] - lows[at]
                elif options.scale == 2 and seen[at]:
                    unit = np.sqrt(squares[at] / seen[at]) if squares[at] >= 0 else np.nan
                    now[at, 0], now[at, 1] = means[at], unit
                larger = now[at, 1] if now[at, 1] > held[at, 1] else held[at, 1]
                moved |= abs(now[at, 1] - held[at, 1]) > options.rescale * held[at, 1]
                moved |= abs(now[at, 0] - held[at, 0]) > options.rescale * larger
            if moved:
                fresh[row], held[:] = True, now
            scales[:, row] = held


@compiled
def _score(values: Floats, rows: Ints, starts: Ints, score: _Score, scores: Floats) -> None:
    """The composite on every row of every stretch."""
    terms = np.empty(len(values))
    for trial in range(len(starts) - 1):
        for row in range(starts[trial], starts[trial + 1]):
            count = 0
            for at in range(len(values)):
                share, unit = score.shares[trial, at], score.scales[at, trial, 1]
                if unit != 0.0 and share != 0.0:
                    offset = values[at, rows[row]] - score.scales[at, trial, 0]
                    terms[count] = share * offset / unit
                    count += 1
            scores[row] = added(terms[:count], score.exact)
