"""What a policy cost and lost on each of several tasks, and what that says about others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tune_es.checks import check_number
from tune_es.replay import Interval, Score

#: A regret that stands for losing everything: infinite ones cannot be averaged.
WORST = 10.0
RESAMPLES = 2000


@dataclass(frozen=True)
class OnTask:
    """One policy on the streams of one task.

    Args:
        cost: Mean share of full training.
        regret: Mean regret, that of each stream at most :data:`WORST`.
        over: Share of the streams that lose more than the limit.
    """

    cost: float
    regret: float
    over: float


def on_task(scores: Sequence[Score], max_regret: float) -> OnTask:
    """The scores of one policy on one task as one record."""
    regrets = [min(score.regret, WORST) for score in scores]
    return OnTask(
        cost=sum(score.cost for score in scores) / len(scores),
        regret=sum(regrets) / len(regrets),
        over=sum(regret > max_regret for regret in regrets) / len(regrets),
    )


@dataclass(frozen=True)
class Measured:
    """A policy on several tasks, in their order.

    >>> measured = Measured((OnTask(0.2, 0.0, 0.0), OnTask(0.4, 0.03, 0.5)))
    >>> round(measured.cost, 3), measured.regret, measured.over(0.01), measured.sweeps_over
    (0.3, 0.015, 1, 0.25)
    """

    tasks: tuple[OnTask, ...]

    @property
    def costs(self) -> list[float]:
        return [each.cost for each in self.tasks]

    @property
    def regrets(self) -> list[float]:
        return [each.regret for each in self.tasks]

    @property
    def cost(self) -> float:
        return sum(self.costs) / len(self.tasks)

    @property
    def regret(self) -> float:
        return sum(self.regrets) / len(self.tasks)

    @property
    def sweeps_over(self) -> float:
        """Share of streams over the limit, each task the same weight."""
        return sum(each.over for each in self.tasks) / len(self.tasks)

    def over(self, max_regret: float) -> int:
        """How many tasks lose more than this on average."""
        return sum(each.regret > max_regret for each in self.tasks)

    def tail(self, confidence: float) -> float:
        """The regret that at least this share of the tasks stays within: see :func:`tail`."""
        return tail(self.regrets, confidence)


def tail(regrets: Sequence[float], confidence: float) -> float:
    """The regret that at least ``confidence`` of the tasks stay within.

    It is at most r exactly where at most ``1 - confidence`` of the tasks lose more than r.

    >>> tail([0.0, 0.01, 0.5, 0.02, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0.9)
    0.02
    """
    check_number("tail", "confidence", confidence, least=0, most=1)
    allowed = math.floor((1 - confidence) * len(regrets) + 1e-9)
    return sorted(regrets, reverse=True)[min(allowed, len(regrets) - 1)]


def interval(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean and its 90 % interval, from a bootstrap over tasks."""
    known = np.array(values, dtype=float)
    drawn = np.random.default_rng(seed).integers(len(known), size=(RESAMPLES, len(known)))
    low, high = np.percentile(known[drawn].mean(axis=1), (5, 95)).tolist()
    return Interval(float(known.mean()), low, high)


def to_rows(measured: Measured) -> list[list[float]]:
    """As plain data, for a storage."""
    return [[each.cost, each.regret, each.over] for each in measured.tasks]


def from_rows(rows: Sequence[Any]) -> Measured:
    """What :func:`to_rows` gave."""
    return Measured(tuple(OnTask(*row) for row in rows))
