"""Promotion by quotas that are known in advance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_es.checks import check_count, check_number
from tune_es.promotion.rule import PromotionRule, Rung


@dataclass(frozen=True)
class RungTable(PromotionRule):
    """Synchronous halving with an explicit table: how many go on from each number of steps.

    ``{10: 10}`` is "everything 10 steps, then the best 10 in full". Rungs at or beyond the budget
    are left out. Jamieson and Talwalkar, "Non-stochastic best arm identification and
    hyperparameter optimization", AISTATS 2016, algorithm 1.

    Raises:
        ValueError: An empty table, or a rung or quota that is not a whole number of at least 1.
    """

    keep: Mapping[int, int] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not isinstance(self.keep, Mapping) or not self.keep:
            raise ValueError(
                f"RungTable.keep must map steps to numbers of trials, got {self.keep!r}"
            )
        for step, count in self.keep.items():
            check_count("RungTable", "keep", step)
            check_count("RungTable", f"keep[{step}]", count)
        object.__setattr__(self, "keep", dict(sorted(self.keep.items())))

    def rungs(self, max_t: float) -> tuple[float, ...]:
        return tuple(step for step in self.keep if step < max_t)

    def judge(self, rung: Rung, memory: Any) -> tuple[Sequence[str], Any]:
        return self.safe(rung, 0, memory), memory

    def hurries(self, step: float, arrived: int, missing: int) -> bool:
        return missing < self.keep[int(step)]

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        places = max(0, self.keep[int(rung.step)] - missing)
        return [each.trial_id for each in rung.top(places)]


@dataclass(frozen=True)
class AsyncHalving(PromotionRule):
    """Asynchronous halving with promotion: a trial goes on once it is among the best of its rung.

    Whenever a worker is free, the highest rung is looked at first: of the trials that have come to
    it, the best ``1 / reduction_factor`` go on. No rung waits for another trial, so the number of
    trials need not be known. Li et al., "A System for Massively Parallel Hyperparameter Tuning",
    MLSys 2020, algorithm 2.

    Args:
        grace_period: The first rung, in steps.
        reduction_factor: How many times fewer trials and more steps from rung to rung.

    Raises:
        ValueError: An argument outside its range.
    """

    grace_period: int = 1
    reduction_factor: float = 3

    def __post_init__(self) -> None:
        check_count("AsyncHalving", "grace_period", self.grace_period)
        check_number("AsyncHalving", "reduction_factor", self.reduction_factor, least=1.1)

    @property
    def waits(self) -> bool:
        return False

    def places(self, arrived: int) -> int:
        return math.floor(round(arrived / self.reduction_factor, 9))

    def rungs(self, max_t: float) -> tuple[float, ...]:
        steps, step = [], float(self.grace_period)
        while round(step) < max_t:
            steps.append(round(step))
            step *= self.reduction_factor
        return tuple(dict.fromkeys(steps))

    def judge(self, rung: Rung, memory: Any) -> tuple[Sequence[str], Any]:
        return [each.trial_id for each in rung.ranked()[: self.places(len(rung.here))]], memory
