"""Where a step lies among the rungs."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from tune_es.promotion.rule import PromotionRule

#: The index of the rung at step 1, at which all but the pilots stop first.
PILOT = -1


@dataclass
class Axis:
    """The steps of a sweep as its rule counts them.

    A rule that counts evaluations finds its rungs once the first report of the sweep tells how
    many steps lie between two of them.
    """

    rule: PromotionRule
    max_t: float
    unit: float = 0.0
    rungs: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        self.unit = 0.0 if self.rule.counts_evaluations else 1.0
        self.rungs = self.rule.rungs(self.max_t)

    def place(self, step: float) -> float:
        """A step in the unit of the rungs."""
        if not self.unit and step > 0:
            self.unit = step
            self.rungs = self.rule.rungs(self.most)
        return round(step / (self.unit or 1.0), 9)

    def rung(self, index: int) -> float:
        """Where a rung lies; infinite past the last one."""
        if index == PILOT:
            return 1
        return self.rungs[index] if index < len(self.rungs) else math.inf

    @property
    def most(self) -> float:
        """The budget of a trial in the unit of the rungs."""
        return self.max_t / (self.unit or 1.0)
