"""Adaptive-quota halving as the methods page has it, on whole arrays: slow, and nothing shared.

Lower is better here. A sweep is a list of curves; a trial may end before the budget (its curve is
shorter) and is over once it was to go on from there; a trial whose last value is not finite is
dead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Curve = Sequence[float]


@dataclass(frozen=True)
class View:
    """What the page knows of a trial at t: b, b(ceil(t/2)), imp, nz."""

    best: float
    half: float
    noise: float

    @property
    def gain(self) -> float:
        return self.half - self.best if math.isfinite(self.half) else 0.0


def view(curve: Curve, t: int) -> View:
    """A trial after t steps."""
    seen = np.asarray(curve[:t], dtype=float)
    finite = np.where(np.isfinite(seen), seen, np.inf)
    upward = np.diff(seen)[-5:]
    upward = upward[np.isfinite(upward)]
    noise = 2 * float(np.maximum(upward, 0).mean()) if len(upward) else 0.0
    return View(float(finite.min()), float(finite[: math.ceil(t / 2)].min()), noise)


def rungs_of(budget: int) -> list[int]:
    found: list[int] = []
    i = 0
    while (step := round(2 * 1.5**i)) < budget:
        if step not in found:
            found.append(step)
        i += 1
    return found


def mid_ranks(values: Curve) -> np.ndarray:
    each = np.asarray(values, dtype=float)
    below = (each[None, :] < each[:, None]).sum(1)
    equal = (each[None, :] == each[:, None]).sum(1)
    return np.asarray(below + (equal + 1) / 2)


def spearman(first: Curve, second: Curve) -> float:
    """NaN where one of them is constant."""
    one, other = mid_ranks(first), mid_ranks(second)
    one, other = one - one.mean(), other - other.mean()
    scale = math.sqrt(float((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / scale if scale else math.nan


def first_ranks(values: Curve) -> list[int]:
    """Ranks from 1, the lowest first; of equals the first one is ahead."""
    return [
        1 + sum(other < mine or (other == mine and j < i) for j, other in enumerate(values))
        for i, mine in enumerate(values)
    ]


class Sweep:
    """The whole page for one stream of curves; ``reached`` is how far each trial came."""

    def __init__(self, curves: Sequence[Curve], budget: int, c: float, pilot: bool = True) -> None:
        self.curves = [list(curve[:budget]) for curve in curves]
        self.budget, self.c = budget, c
        self.count = len(curves)
        self.reached = [0] * self.count
        self.racing = list(range(self.count))
        self.paused_at: dict[int, int] = {}
        self.over: list[int] = []
        self.moves = [0.7] * 10
        #: What each rung came to: step, nc, f, d, quota.
        self.log: list[tuple[int, int, float, float, float]] = []
        steps = rungs_of(budget)
        if steps and pilot:
            self._pilot()
        for step in steps:
            self._rung(step)
        for i in self.racing:
            self._run(i, budget)

    def _run(self, i: int, step: int) -> None:
        self.reached[i] = max(self.reached[i], min(step, len(self.curves[i])))
        if self.reached[i] < step:
            self.over.append(i)

    def _is_dead(self, i: int) -> bool:
        return not math.isfinite(self.curves[i][self.reached[i] - 1])

    def _pilot(self) -> None:
        size = max(16, math.ceil(self.count / 4))
        if size >= self.count:
            return
        for i in self.racing:
            self._run(i, 2 if i < size else 1)
        # a pilot that is over by step 2 is no longer compared
        pilots = [i for i in range(size) if not self._is_dead(i) and i not in self.over]
        if len(pilots) > 1:
            one, two = ([self.curves[i][at] for i in pilots] for at in (0, 1))
            if spearman(one, two) >= 0.9:
                self._let_half_go(size)
        self.racing = [i for i in self.racing if i < size or not self._is_dead(i)]

    def _let_half_go(self, size: int) -> None:
        ranked = sorted(
            (i for i in self.racing if i not in self.over),
            key=lambda i: view(self.curves[i], 1).best,
        )
        kept = set(ranked[: self.count // 2])
        for i in list(self.racing):
            if i >= size and i not in kept and i not in self.over:
                self.racing.remove(i)
                if not self._is_dead(i):
                    self.paused_at[i] = 1

    def _rung(self, step: int) -> None:
        for i in self.racing:
            self._run(i, step)
        here = [i for i in self.racing if i not in self.over and not self._is_dead(i)]
        over = [i for i in self.over if not self._is_dead(i)]
        self.racing = here
        if not here:
            return
        views = {i: view(self.curves[i], self.reached[i]) for i in [*here, *over, *self.paused_at]}
        leader = min(views, key=lambda i: views[i].best)
        catching = [i for i in here if self._can_catch(views[i], views[leader], step)]
        behind = sum(
            self._can_catch(views[i], views[leader], at) for i, at in self.paused_at.items()
        )
        share = min(1.0, (len(catching) + behind) / self.count)
        self._displace([views[i] for i in here])
        quota = self._quota(step, len(catching), share)
        self.log.append((step, len(catching), share, float(np.mean(self.moves)), quota))
        ranked = sorted(here, key=lambda i: views[i].best - views[i].gain / 2)
        kept = {*ranked[: math.ceil(quota)], leader}
        kept |= {i for at, i in enumerate(ranked, start=1) if at <= 2 * quota and i in catching}
        self.racing = [i for i in here if i in kept]
        self.paused_at.update((i, step) for i in here if i not in kept)

    def _can_catch(self, mine: View, lead: View, step: int) -> bool:
        doublings = math.log2(self.budget / step)
        return mine.best - lead.best <= mine.gain * doublings + 2 * max(mine.noise, lead.noise)

    def _displace(self, views: Sequence[View]) -> None:
        now = first_ranks([each.best for each in views])
        before = first_ranks([each.half for each in views])
        top = sorted(range(len(views)), key=lambda at: now[at])[: max(3, self.count // 20)]
        self.moves += [max(0.0, math.log(before[at] / now[at])) for at in top]

    def _quota(self, step: int, catching: int, share: float) -> float:
        left = self.budget / step
        moved = float(np.mean(self.moves)) - 0.7
        inner = left**0.5 * math.exp(0.5 * moved * math.sqrt(math.log2(left)))
        return float(self.c * math.sqrt(catching) * inner ** ((1 - share) ** 0.3))
