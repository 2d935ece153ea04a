"""What sweeps came to, as cells of a table."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from experiments.overhead_sweep import Sweep

PIECES, RESAMPLES = 20, 1000


@dataclass
class Cost:
    """What the sweeps of one scheduler and size came to, in microseconds."""

    trials: int
    results: int = 0
    decisions: list[float] = field(default_factory=list)
    choices: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    longest: float = 0.0
    saves: list[tuple[float, int]] = field(default_factory=list)

    def add(self, sweep: Sweep) -> None:
        """One more sweep: the means of its pieces, and the longest call."""
        spent = getattr(sweep.scheduler, "spent", sweep.decisions)
        self.results = len(sweep.decisions)
        self.decisions += pieces(spent)
        self.choices += pieces(sweep.choices)
        self.last += pieces(sweep.choices[-len(sweep.choices) // 10 :])
        self.ends += pieces(sweep.ends)
        self.longest = max(self.longest, *spent, *sweep.choices)
        self.saves += sweep.saves


def pieces(spent: Sequence[float]) -> list[float]:
    """The means of so many pieces one after the other, as good as equally long."""
    ends = [len(spent) * at // PIECES for at in range(PIECES + 1)]
    return [statistics.fmean(spent[low:high]) for low, high in pairwise(ends) if low < high]


def interval(values: Sequence[float], seed: int) -> str:
    """The mean and its 90 % interval from a bootstrap."""
    draw = random.Random(seed)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = means[RESAMPLES // 20], means[-RESAMPLES // 20]
    return f"{short(statistics.fmean(values))} [{short(low)}, {short(high)}]"


def short(value: float) -> str:
    """Two or three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [table[0], ["---"] * len(table[0]), *table[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
