"""Non-domination the slow way: every point against every other, every time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

from tune_es import ParetoHalving

Point = tuple[float, ...]
#: A trial's oriented values by step, each a mapping of metrics.
History = dict[int, dict[str, float]]


def dominates(one: Point, other: Point) -> bool:
    return one != other and all(a >= b for a, b in zip(one, other, strict=True))


def peeled(count: int, beats: Callable[[int, int], bool]) -> list[int]:
    """The front of each of these, from 1: what nobody beats is taken away, again and again."""
    fronts, left, front = [0] * count, set(range(count)), 0
    while left:
        front += 1
        free = {at for at in left if not any(beats(other, at) for other in left)}
        for at in free:
            fronts[at] = front
        left -= free
    return fronts


def fronts_of(points: Sequence[Point]) -> list[int]:
    return peeled(len(points), lambda one, other: dominates(points[one], points[other]))


def textbook_crowding(points: Sequence[Point], weights: Sequence[float]) -> list[float]:
    """NSGA-II's crowding distance, for points that share no value of a coordinate."""
    distance = [0.0] * len(points)
    for axis, weight in enumerate(weights):
        ranked = sorted(range(len(points)), key=lambda at: points[at][axis])
        span = points[ranked[-1]][axis] - points[ranked[0]][axis]
        if not span or not weight:
            continue
        distance[ranked[0]] = distance[ranked[-1]] = math.inf
        for before, at, after in zip(ranked, ranked[1:], ranked[2:], strict=False):
            distance[at] += weight * (points[after][axis] - points[before][axis]) / span
    return distance


def union(boxes: Sequence[Point]) -> float:
    """The volume of boxes that begin at 0, by inclusion and exclusion."""
    total = 0.0
    for size in range(1, len(boxes) + 1):
        for some in itertools.combinations(boxes, size):
            total -= (-1) ** size * math.prod(map(min, *some) if size > 1 else some[0])
    return total


def alone(boxes: Sequence[Point]) -> list[float]:
    """What each box adds to the union of the others."""
    whole = union(boxes)
    return [whole - union([*boxes[:at], *boxes[at + 1 :]]) for at in range(len(boxes))]


class Slow:
    """What :class:`ParetoHalving` says, read off the last lives of all trials as they are now."""

    def __init__(self, rule: ParetoHalving, signs: dict[str, int]) -> None:
        self.rule, self.signs = rule, signs
        self.names = [*rule.metrics, *sorted(set(rule.constraints) - set(rule.metrics))]
        self.histories: dict[str, History] = {}

    def hear(self, trial: str, step: int, values: dict[str, float]) -> bool:
        """Take in a report; False where the referee has it already."""
        history = self.histories.get(trial, {})
        same = repr(sorted(history.get(step, {}).items())) == repr(sorted(values.items()))
        known = step in history and (step == max(history) or same)
        if not known:
            before = {at: seen for at, seen in history.items() if at < step}
            self.histories[trial] = {**before, step: values}
        return not known

    def vector(self, trial: str, step: int) -> list[float] | None:
        """Oriented values as they count at a step; None where nothing or not all was reported."""
        history = self.histories[trial]
        if not set(history.get(step, {})) & set(self.names):
            return None
        column = []
        for name in self.names:
            seen = [row[name] for at, row in sorted(history.items()) if at <= step and name in row]
            if not seen:
                return None
            finite = [value for value in seen if math.isfinite(value)]
            last = seen[-1] if math.isfinite(seen[-1]) else -math.inf
            column.append(last if self.rule.by == "last" else max(finite, default=-math.inf))
        return column

    def is_judged(self, trial: str, step: int) -> bool:
        """True at the first full vector at or past a rung."""
        seen = [at for at in self.histories[trial] if at < step and self.vector(trial, at)]
        rungs = [self.rule.grace_period * self.rule.reduction_factor**k for k in range(12)]
        last = max(seen, default=0)
        return any(last < rung <= step for rung in rungs) and bool(self.vector(trial, step))

    def violation(self, vector: list[float]) -> float:
        named = dict(zip(self.names, vector, strict=True))
        return sum(
            max(0.0, self.signs[name] * bound - named[name]) / (abs(bound) or 1)
            for name, bound in self.rule.constraints.items()
        )

    def verdict(self, trial: str, step: int) -> tuple[bool, dict[str, int]]:
        """Whether the trial stops at this step, where it is judged, and the numbers."""
        own = self.vector(trial, step)
        assert own is not None
        rows = {name: self.vector(name, step) for name in self.histories if name != trial}
        vectors = [own, *(row for row in rows.values() if row and -math.inf not in row)]
        misses = [math.inf if -math.inf in row else self.violation(row) for row in vectors]
        points = [tuple(row[: len(self.rule.metrics)]) for row in vectors]

        def beats(one: int, other: int) -> bool:
            if misses[one] or misses[other]:
                return misses[one] < misses[other]
            return dominates(points[one], points[other])

        fronts = peeled(len(points), beats)
        sizes = [fronts.count(front) for front in range(1, max(fronts) + 1)]
        feasible = [front for front, miss in zip(fronts, misses, strict=True) if not miss]
        first = feasible.count(1)
        kept = max(
            math.ceil(round(len(points) / self.rule.reduction_factor, 9)),
            min(first, math.ceil(round(len(points) * self.rule.front_share, 9))),
        )
        rank = sum(sizes[: fronts[0] - 1])
        if rank < kept < rank + sizes[fronts[0] - 1] and not misses[0]:
            members = sorted({p for p, at in zip(points, fronts, strict=True) if at == fronts[0]})
            worth = dict(zip(members, self.ties(members), strict=True))
            rank += sum(
                worth[point] > worth[points[0]]
                for point, at in zip(points, fronts, strict=True)
                if at == fronts[0]
            )
        numbers = {"rank": rank + 1, "kept": kept, "trials": len(points)}
        return rank >= kept, numbers

    def ties(self, members: list[Point]) -> list[float]:
        weights = [self.rule.weights.get(name, 1.0) for name in self.rule.metrics]
        return textbook_crowding(members, weights)
