"""Gradients that are what chance would make of them."""

from __future__ import annotations

from typing import NamedTuple

from tune_es.criteria import NoEvidence
from tune_es.records import Cause
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import RANK, Block, Ranks, Say
from tune_es.replay.fast.compiled import compiled


class _Average(NamedTuple):
    patience: int
    smoothing: float
    stalled: int = RANK[Cause.STALLED]


def no_evidence(rule: NoEvidence, block: Block) -> Say:
    """:class:`tune_es.NoEvidence`; it hears finite values only."""
    options = _Average(rule.patience, float(rule.smoothing))
    return block.judge_finite(_no_evidence, rule.metric, options)


@compiled
def _no_evidence(
    values: Floats, starts: Ints, stops: Ints, options: _Average, ranks: Ranks
) -> None:
    for trial in range(len(starts)):
        total, weight, over = 0.0, 0.0, 0
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value != 0.0:
                continue
            total = options.smoothing * total + (1 - options.smoothing) * value
            weight = options.smoothing * weight + (1 - options.smoothing)
            over = over + 1 if total / weight < 0.0 else 0
            if over >= options.patience:
                ranks[row] = options.stalled
