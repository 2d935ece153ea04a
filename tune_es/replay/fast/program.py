"""A rule that compares trials as a program for :func:`tune_es.replay.fast.comparing.sweep`."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise

import numpy as np

from tune_es import criteria
from tune_es.criteria import AnyOf, AtLeast, BelowMedian, Criterion, SuccessiveHalving
from tune_es.criteria.rungs import last_rung
from tune_es.policy import Policy
from tune_es.records import JUDGEMENTS
from tune_es.replay.curves import Ints
from tune_es.replay.fast.block import RANK, Flags, Ranks
from tune_es.replay.fast.comparing import (
    AFTER,
    BELOW,
    CURVE,
    EVERY,
    HALVING,
    JOIN,
    NUMBERS,
    Program,
)
from tune_es.replay.fast.pool import Pool
from tune_es.signals.clock import round_up

#: What is compiled of the rules that look at peers, by the class itself.
NODES: dict[type[Criterion], int] = {
    criteria.After: AFTER,
    criteria.AllOf: JOIN,
    criteria.AnyOf: JOIN,
    criteria.AtLeast: JOIN,
    criteria.BelowMedian: BELOW,
    criteria.BelowPercentile: BELOW,
    criteria.Every: EVERY,
    criteria.SuccessiveHalving: HALVING,
}


def can_compare(rule: Criterion) -> bool:
    """True where all of a rule that looks at peers is compiled.

    >>> from tune_es import ParetoHalving, Patience
    >>> can_compare(SuccessiveHalving() | Patience(3)), can_compare(ParetoHalving(("a", "b")))
    (True, False)
    """
    if not rule.uses_peers:
        return True
    return type(rule) in NODES and all(map(can_compare, rule.parts))


def program_of(policy: Policy, pool: Pool) -> Program:
    """The whole rule of a policy, guards and budget included, on the trials of a pool."""
    writer = _Writer(policy, pool)
    writer.node(policy.rule)
    most = max((len(parts) for parts in writer.parts), default=0)
    parts = [[*each, *[-1] * (most - len(each))] for each in writer.parts]
    speaks = np.array(writer.speaks)
    looks = np.isin(writer.kinds, (HALVING, BELOW))
    looked = speaks[looks].any(axis=0)
    return Program(
        np.array(writer.kinds, np.int64),
        np.array(parts, np.int64),
        np.array(writer.numbers, np.float64),
        speaks,
        np.array(writer.kept, np.int64),
        np.array(writer.says, np.int8),
        np.array(writer.heard, np.bool_),
        np.where(looked, np.cumsum(looked) - 1, -1),
        float(max(policy.milestones, default=0.0)),
        max(RANK[cause] for cause in JUDGEMENTS),
    )


class _Writer:
    """Writes the nodes of a rule one after the other; every list has an entry a node."""

    def __init__(self, policy: Policy, pool: Pool) -> None:
        self.policy, self.pool = policy, pool
        self.kinds: list[int] = []
        self.parts: list[list[int]] = []
        self.numbers: list[list[float]] = []
        self.speaks: list[Flags] = []
        self.kept: list[Ints] = []
        self.says: list[Ranks] = []
        self.heard: list[Flags] = []

    def node(self, rule: Criterion) -> int:
        """Write a rule after its parts; where it is."""
        if not rule.uses_peers:
            return self._curve(rule)
        parts = [self.node(part) for part in _parts(rule)]
        count, longest = len(self.pool.curves), self.pool.longest
        numbers = [0.0] * NUMBERS
        speaks, kept = np.zeros(longest + 1, np.bool_), np.zeros(count + 1, np.int64)
        if isinstance(rule, SuccessiveHalving):
            speaks, kept = _rungs(rule, longest), _kept(rule.reduction_factor, count)
        elif isinstance(rule, (criteria.BelowMedian, criteria.BelowPercentile)):
            percent = 50 if isinstance(rule, BelowMedian) else rule.percentile
            numbers = [percent / 100, float(rule.min_trials)]
            speaks = np.arange(longest + 1) >= rule.grace_period
        elif isinstance(rule, criteria.After):
            speaks = np.arange(longest + 1) >= rule.first_step
        elif isinstance(rule, criteria.Every):
            numbers[0] = float(rule.n)
        else:
            quorum = rule.k if isinstance(rule, AtLeast) else len(parts)
            numbers[0] = 1.0 if isinstance(rule, AnyOf) else float(quorum)
        return self._write(NODES[type(rule)], parts, numbers, speaks, kept)

    def _curve(self, rule: Criterion) -> int:
        say = self.pool.say(self.policy, rule)
        self.says.append(say.ranks)
        everything = np.ones(len(say.ranks), np.bool_)
        self.heard.append(everything if say.heard is None else say.heard)
        silence = np.zeros(self.pool.longest + 1, np.bool_)
        kept = np.zeros(len(self.pool.curves) + 1, np.int64)
        return self._write(CURVE, [len(self.says) - 1], [0.0] * NUMBERS, silence, kept)

    def _write(
        self, kind: int, parts: list[int], numbers: list[float], speaks: Flags, kept: Ints
    ) -> int:
        self.kinds.append(kind)
        self.parts.append(parts)
        self.numbers.append(numbers)
        self.speaks.append(speaks)
        self.kept.append(kept)
        return len(self.kinds) - 1


def _parts(rule: Criterion) -> list[Criterion]:
    """The parts of a rule; those of an AnyOf that see one curve are joined beforehand."""
    if not isinstance(rule, AnyOf):
        return list(rule.parts)
    alone = [part for part in rule.parts if not part.uses_peers]
    comparing = [part for part in rule.parts if part.uses_peers]
    return [*comparing, AnyOf.of(*alone)] if alone else comparing


@lru_cache(maxsize=256)
def _rungs(rule: SuccessiveHalving, longest: int) -> Flags:
    """By step whether a trial comes to a rung there."""
    rungs = [
        last_rung(step, rule.grace_period, rule.reduction_factor) for step in range(longest + 1)
    ]
    return np.array([False, *(after > before for before, after in pairwise(rungs))])


@lru_cache(maxsize=256)
def _kept(reduction_factor: float, trials: int) -> Ints:
    """By the number of other trials how many are kept."""
    return np.array([round_up(others / reduction_factor) for others in range(1, trials + 2)])
