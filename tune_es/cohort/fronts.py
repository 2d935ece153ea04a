"""Fronts of non-domination, kept up to date point by point."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right, insort
from itertools import chain, islice
from operator import ge

Point = tuple[float, ...]


class Front(ABC):
    """Different points none of which dominates another."""

    @abstractmethod
    def points(self) -> list[Point]:
        """All of them."""

    @abstractmethod
    def beats(self, point: Point) -> bool:
        """True where one of the points dominates this one."""

    @abstractmethod
    def replace(self, points: list[Point]) -> list[Point] | None:
        """Take in points of one front, in its order, and give those that they dominate.

        None, and no change, where they dominate every point here.
        """


class Stairs(Front):
    """A front on two coordinates: sorted by the one that grows, the other falls.

    What a front pushes out of the next one lies side by side there, so a run is cut out.
    """

    def __init__(self, points: list[Point]) -> None:
        self._growing = [first for first, _ in points]
        self._falling = [-second for _, second in points]  # negated: both grow, for bisect

    def points(self) -> list[Point]:
        return [(one, -two) for one, two in zip(self._growing, self._falling, strict=True)]

    def beats(self, point: Point) -> bool:
        first, second = point
        at = bisect_left(self._growing, first)
        if at == len(self._growing) or -self._falling[at] < second:
            return False
        return (self._growing[at], -self._falling[at]) != point

    def replace(self, points: list[Point]) -> list[Point] | None:
        low = bisect_left(self._falling, -points[0][1])
        high = bisect_right(self._growing, points[-1][0])
        if high - low == len(self._growing):
            return None
        beaten: list[Point] = [
            (one, -two)
            for one, two in zip(self._growing[low:high], self._falling[low:high], strict=True)
        ]
        self._growing[low:high] = [first for first, _ in points]
        self._falling[low:high] = [-second for _, second in points]
        return beaten


class Pile(Front):
    """A front on any number of coordinates, looked through from where the first one allows it.

    The point that beat another one last often beats the next, so it is asked first.
    """

    def __init__(self, points: list[Point]) -> None:
        self._points = sorted(points)
        self._last = self._points[0]

    def points(self) -> list[Point]:
        return self._points

    def beats(self, point: Point) -> bool:
        second = point[1]
        start = bisect_left(self._points, point[:1])
        for each in chain((self._last,), islice(self._points, start, None)):
            if each[1] >= second and all(map(ge, each, point)) and each != point:
                self._last = each
                return True
        return False

    def replace(self, points: list[Point]) -> list[Point] | None:
        beaten = self._below(points[0] if len(points) == 1 else tuple(map(max, *points)))
        if len(points) > 1:
            beaten = [each for each in beaten if _is_below(each, points)]
        if len(beaten) == len(self._points):
            return None
        for each in beaten:
            del self._points[bisect_left(self._points, each)]
        for each in points:
            insort(self._points, each)
        self._last = points[0]
        return beaten

    def _below(self, corner: Point) -> list[Point]:
        """What is nowhere above a corner."""
        first, second, third, *more = corner
        near = self._points[: bisect_right(self._points, (first, math.inf))]
        near = [each for each in near if each[1] <= second and each[2] <= third]
        return [each for each in near if all(map(ge, more, each[3:]))] if more else near


def _is_below(point: Point, points: list[Point]) -> bool:
    """True where one of the points is at least equal everywhere."""
    first, second, third, *more = point
    for one in points:
        near = one[0] >= first and one[1] >= second and one[2] >= third
        if near and (not more or all(map(ge, one, point))):
            return True
    return False


class Fronts:
    """Points sorted by non-domination: what no point dominates, what only those dominate, ...

    A point dominates another that it is at least equal to in every coordinate and better in one.
    Equal points share a front. A new point finds its front by bisection; what it pushes out goes
    into the next front, and so on (Li et al., "Efficient Nondomination Level Update Method for
    Steady-State Evolutionary Multiobjective Optimization", IEEE Transactions on Cybernetics 2017).
    On two coordinates that takes the square root of the number of points at random; on more it
    grows nearly in proportion to it.

    >>> fronts = Fronts(2)
    >>> for point in ((0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (1.5, 1.5)):
    ...     fronts.add(point)
    >>> fronts.sizes, fronts.find((0.5, 0.5))
    ([3, 1], 1)
    """

    def __init__(self, dimensions: int) -> None:
        self._kind = Stairs if dimensions == 2 else Pile
        self._fronts: list[Front] = []
        self._counts: dict[Point, int] = {}
        #: The point that was added last, and its front.
        self._latest: tuple[Point, int] = ((), 0)
        #: How many points each front holds, repeated ones as often as they came.
        self.sizes: list[int] = []

    def __len__(self) -> int:
        return sum(self.sizes)

    def find(self, point: Point) -> int:
        """The front, counted from 0, in which a point is or would be."""
        latest, low = self._latest
        if point == latest:
            return low
        low, high = 0, len(self._fronts)
        while low < high:
            middle = (low + high) // 2
            if self._fronts[middle].beats(point):
                low = middle + 1
            else:
                high = middle
        return low

    def points(self, front: int) -> dict[Point, int]:
        """The different points of a front in sorted order, and how often each came."""
        return {point: self._counts[point] for point in sorted(self._fronts[front].points())}

    def add(self, point: Point) -> None:
        """Put a point where it belongs, and what it pushes out one front further."""
        at, moving = self.find(point), [point]
        self._latest = point, at
        if point in self._counts:
            self._counts[point] += 1
            self.sizes[at] += 1
            return
        self._counts[point] = 1
        while moving:
            beaten = None if at == len(self._fronts) else self._fronts[at].replace(moving)
            if beaten is None:
                self._fronts.insert(at, self._kind(moving))
                self.sizes.insert(at, self._count(moving))
                return
            self.sizes[at] += self._count(moving) - self._count(beaten)
            at, moving = at + 1, beaten

    def _count(self, points: list[Point]) -> int:
        return sum(map(self._counts.__getitem__, points))
