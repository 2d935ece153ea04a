"""Criteria without a kernel: the live object, stepped through every trial."""

from __future__ import annotations

from typing import Any

import numpy as np

from tune_es.cohort import Cohort
from tune_es.criteria import Criterion
from tune_es.replay.fast.block import RANK, Block, Say
from tune_es.replay.life import SECONDS_ATTR, TIME_ATTR

NOBODY = Cohort().peers("")


def stepped(rule: Criterion, block: Block) -> Say:
    """What a criterion says, from the results that a replayed trial would report."""
    ranks, heard = block.nothing(), block.nothing().astype(np.bool_)
    policy, columns = block.policy, _columns(block)
    for start, stop in zip(block.starts.tolist(), block.stops.tolist(), strict=True):
        state = rule.init()
        for row in range(start, stop):
            result: dict[str, Any] = {name: column[row] for name, column in columns.items()}
            observation = policy.read("", result).observation
            if observation is not None:
                state, verdict = rule.step(state, observation, NOBODY)
                ranks[row], heard[row] = RANK[verdict.cause], verdict.heard
    return Say(ranks, heard)


def _columns(block: Block) -> dict[str, list[float]]:
    """What the policy reads of a result, by its key."""
    policy = block.policy
    names = {*policy.metrics, *policy.criterion.input_names, TIME_ATTR, SECONDS_ATTR}
    if policy.cost_attr is not None:
        names.add(policy.cost_attr)
    found = {name: block.raw(name) for name in names}
    return {name: column.tolist() for name, column in found.items() if column is not None}
