"""Criteria made of criteria, on the ranks of their parts."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from tune_es.criteria import After, AllOf, AnyOf, AtLeast, Criterion, Every, PerMetric
from tune_es.replay.curves import Ints
from tune_es.replay.fast.block import RANK, Block, Flags, Ranks, Say
from tune_es.replay.fast.compiled import compiled


def any_of(rule: AnyOf, block: Block) -> Say:
    """:class:`tune_es.AnyOf`."""
    return _joined(rule, block, 1)


def all_of(rule: AllOf, block: Block) -> Say:
    """:class:`tune_es.AllOf`."""
    return _joined(rule, block, len(rule.parts))


def at_least(rule: AtLeast, block: Block) -> Say:
    """:class:`tune_es.AtLeast`."""
    return _joined(rule, block, rule.k)


def per_metric(rule: PerMetric, block: Block) -> Say:
    """:class:`tune_es.PerMetric`, which is the join of its rules."""
    return block.say(rule.joined)


def _joined(rule: Criterion, block: Block, quorum: int) -> Say:
    block = block if quorum == 1 else block.inside()
    says = [block.say(part) for part in rule.parts]
    held = [_hold(say, block) for say in says]
    ranks: Ranks = reduce(np.maximum, held)
    if quorum > 1:
        fired = sum((one > 0).astype(np.int64) for one in held)
        ranks = np.where(fired >= quorum, ranks, np.int8(0))
    heard = [say.heard for say in says if say.heard is not None]
    if len(heard) < len(says):
        return Say(ranks)
    anything: Flags = reduce(np.logical_or, heard)
    return Say(np.where(anything, ranks, np.int8(0)), anything)


def _hold(say: Say, block: Block) -> Ranks:
    """What a part last said, on the rows that it did not hear, too."""
    if say.heard is None or not say.ranks.any():
        return say.ranks
    held = say.ranks.copy()
    _carry(block.starts, block.stops, say.heard, held)
    return held


@compiled
def _carry(starts: Ints, stops: Ints, heard: Flags, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        for row in range(starts[trial] + 1, stops[trial]):
            if not heard[row]:
                ranks[row] = ranks[row - 1]


def after(rule: After, block: Block) -> Say:
    """:class:`tune_es.After`."""
    say = block.inside().say(rule.rule)
    return Say(muted(say.ranks, block, rule.first_step, max(RANK.values())), say.heard)


def muted(ranks: Ranks, block: Block, first_step: float, most: int) -> Ranks:
    """The ranks, where before ``first_step`` only those above ``most`` stop."""
    quiet, out = math.ceil(min(first_step, block.longest + 1)) - 1, ranks.copy()
    _mute(block.starts, block.stops, quiet, most, out)
    return out


@compiled
def _mute(starts: Ints, stops: Ints, quiet: int, most: int, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        for row in range(starts[trial], min(starts[trial] + quiet, stops[trial])):
            if ranks[row] <= most:
                ranks[row] = 0


def every(rule: Every, block: Block) -> Say:
    """:class:`tune_es.Every`; what is not heard is not counted."""
    say = block.inside().say(rule.rule)
    heard = np.ones(len(say.ranks), np.bool_) if say.heard is None else say.heard
    ranks = say.ranks.copy()
    _every(block.starts, block.stops, heard, rule.n, ranks)
    return Say(ranks, say.heard)


@compiled
def _every(starts: Ints, stops: Ints, heard: Flags, n: int, ranks: Ranks) -> None:
    for trial in range(len(starts)):
        seen = 0
        for row in range(starts[trial], stops[trial]):
            seen += heard[row]
            if seen % n:
                ranks[row] = 0
