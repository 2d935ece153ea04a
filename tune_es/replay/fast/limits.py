"""The goal is reached, or the budget is spent."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tune_es.criteria import Budget, Never, Target
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Ranks, Say
from tune_es.replay.fast.compiled import compiled


class _Goal(NamedTuple):
    value: float
    patience: int
    reached: int = RANK[Cause.REACHED]


def target(rule: Target, block: Block) -> Say:
    """:class:`tune_es.Target`."""
    goal = _Goal(block.oriented(rule.value, rule.metric, math.inf), rule.patience)
    return block.judge(_target, rule.metric, goal)


@compiled
def _target(values: Floats, starts: Ints, stops: Ints, goal: _Goal, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        hits = 0
        for row in range(starts[trial], stops[trial]):
            is_hit = values[row] >= goal.value and values[row] != np.inf
            hits = hits + 1 if is_hit else 0
            if hits >= goal.patience:
                ranks[row] = goal.reached


def never(rule: Never, block: Block) -> Say:
    """:class:`tune_es.Never`."""
    return Say(block.nothing())


def budget(rule: Budget, block: Block) -> Say:
    """:class:`tune_es.Budget`; without a limit that it can read it hears nothing."""
    ranks, heard = block.nothing(), rule.steps is not None
    if rule.steps is not None:
        first = math.ceil(min(rule.steps, block.longest + 1))
        _spent(block.starts, block.stops, first, RANK[Cause.EXHAUSTED], ranks)
    for limit, used in ((rule.seconds, "seconds"), (rule.cost, "cost")):
        column = None if limit is None else getattr(block, used)
        if column is not None:
            heard = True
            ranks[column >= limit] = RANK[Cause.EXHAUSTED]
    return Say(ranks) if heard else block.silence()


@compiled
def _spent(starts: Ints, stops: Ints, first: int, exhausted: int, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        for row in range(starts[trial] + max(first, 1) - 1, stops[trial]):
            ranks[row] = exhausted
