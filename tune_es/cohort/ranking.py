"""Trials at one step, ranked on several metrics by constrained non-domination."""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left, bisect_right, insort
from typing import NamedTuple

from tune_es.cohort.fronts import Fronts, Point


class Order(NamedTuple):
    """How vectors are ordered: the first coordinates are compared, some coordinates are bounded.

    A bound is the index of a coordinate, what it must reach, and the unit in which a miss counts.
    """

    dimensions: int
    bounds: tuple[tuple[int, float, float], ...] = ()

    def violation(self, vector: Point) -> float:
        """By how much a vector misses its bounds, summed in their units; 0 where it meets them.

        >>> Order(2, ((1, -50.0, 50.0),)).violation((0.9, -75.0))
        0.5
        """
        misses = ((bound - vector[at], unit) for at, bound, unit in self.bounds)
        # A miss that a unit makes too small for a float is still one, and the largest is finite.
        total = sum(max(miss / unit, sys.float_info.min) for miss, unit in misses if miss > 0)
        return min(total, sys.float_info.max)


class Place(NamedTuple):
    """Where a vector stands among all of its step, itself included.

    ``front`` counts from 1; what misses bounds is behind the last front, what is not finite behind
    everything. ``ahead`` are those in better fronts, ``tied`` those in its own, and ``first`` is
    the size of the first front.
    """

    trials: int
    front: int
    ahead: int
    tied: int
    first: int
    violation: float


class Ranking:
    """The vectors at one step: those that meet the bounds in fronts, the others by their miss.

    Constrained domination after Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm:
    NSGA-II", IEEE Transactions on Evolutionary Computation 2002. Vectors that are not finite are
    nobody's peers.
    """

    def __init__(self, order: Order) -> None:
        self.order = order
        self.fronts = Fronts(order.dimensions)
        self._violations = array("d")
        #: Vectors taken in, those that are not finite included.
        self.heard = 0

    def add(self, vector: Point) -> None:
        """Take in a vector."""
        self.heard += 1
        if -math.inf in vector:
            return
        violation = self.order.violation(vector)
        if violation:
            insort(self._violations, violation)
        else:
            self.fronts.add(vector[: self.order.dimensions])

    def place(self, vector: Point) -> Place:
        """Where a vector that was taken in stands."""
        sizes, missing = self.fronts.sizes, len(self._violations)
        feasible, behind = len(self.fronts), len(sizes) + 1
        first = sizes[0] if sizes else 0
        trials = feasible + missing
        if -math.inf in vector:
            return Place(trials + 1, behind + (missing > 0), trials, 1, first, math.inf)
        violation = self.order.violation(vector)
        if violation:
            ahead = bisect_left(self._violations, violation)
            tied = bisect_right(self._violations, violation) - ahead
            return Place(trials, behind, feasible + ahead, tied, first, violation)
        at = self.fronts.find(vector[: self.order.dimensions])
        return Place(trials, at + 1, sum(sizes[:at]), sizes[at], first, 0.0)
