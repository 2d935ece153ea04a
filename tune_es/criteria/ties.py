"""Which points of one front to prefer: ties of non-domination, broken without regard to order."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import le

Point = tuple[float, ...]

#: How far behind the worst point of a front its reference point lies, in ranges of the front.
MARGIN = 0.1


def crowding(points: Sequence[Point], weights: Sequence[float]) -> list[float]:
    """How alone each point of a front is: the sum of the gaps between its neighbours.

    A gap is taken between the next larger and the next smaller value of a coordinate, as a share of
    the front's range there, times the weight over the largest one; the ends are infinitely alone.
    Deb et al., NSGA-II, IEEE Transactions on Evolutionary Computation 2002, where points that share
    a value are told apart by their order; here they are not.

    >>> crowding([(0.0, 4.0), (1.0, 2.0), (2.0, 1.0), (4.0, 0.0)], (1.0, 1.0))
    [inf, 1.25, 1.25, inf]
    """
    alone, most = [0.0] * len(points), max(weights)
    for column, weight in zip(_shares(points), weights, strict=True):
        values = sorted(set(column))
        if len(values) > 1 and weight:
            around = zip(values, values[2:], strict=False)
            widths = [after - before for before, after in around]
            gaps = dict(zip(values[1:-1], widths, strict=True))
            gaps[values[0]] = gaps[values[-1]] = math.inf
            alone = [
                total + weight / most * gaps[value]
                for total, value in zip(alone, column, strict=True)
            ]
    return alone


def hypervolume(points: Sequence[Point], weights: Sequence[float]) -> list[float]:
    """What each point of a front alone adds to the volume that the front dominates.

    Coordinates go from 0 at the reference point, a tenth of the front's range behind its worst, to
    1 at its best, and are raised to their weight over the mean weight: with a larger one, volume
    near the good end counts more. A weight of 0 leaves a coordinate out. Exact; on two coordinates
    by sorting, on more by the recursion of While et al., "A Fast Way of Calculating Exact
    Hypervolumes", IEEE Transactions on Evolutionary Computation 2012, whose cost grows faster than
    the square of the front.

    >>> hypervolume([(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)], (1.0, 1.0))[1] > 0.2
    True
    """
    counted = [weight for weight in weights if weight]
    mean = sum(weight / len(counted) for weight in counted)
    columns = [
        [((share + MARGIN) / (1 + MARGIN)) ** (weight / mean) for share in column]
        for column, weight in zip(_shares(points), weights, strict=True)
        if weight
    ]
    bent = list(zip(*columns, strict=True))
    if len(weights) == len(counted) == 2:
        return _steps(bent)
    return [_alone(point, bent[:at] + bent[at + 1 :]) for at, point in enumerate(bent)]


#: The ways to break a tie, by name.
TIES: dict[str, Callable[[Sequence[Point], Sequence[float]], list[float]]] = {
    "crowding": crowding,
    "hypervolume": hypervolume,
}


def _shares(points: Sequence[Point]) -> list[list[float]]:
    """Each coordinate from 0 at its smallest value to 1 at its largest, one list a coordinate."""
    return [_share(column) for column in zip(*points, strict=True)]


def _share(column: Sequence[float]) -> list[float]:
    low, high = min(column), max(column)
    if math.isinf(high - low):
        return _share([value / 4 for value in column])
    return [(value - low) / (high - low) if high > low else 0.0 for value in column]


def _steps(points: Sequence[Point]) -> list[float]:
    """The rectangle that each point of a front of two coordinates alone dominates."""
    ranked = sorted(points)
    left = [0.0, *(first for first, _ in ranked)]
    below = [*(second for _, second in ranked[1:]), 0.0]
    alone = {
        point: (point[0] - before) * (point[1] - after)
        for point, before, after in zip(ranked, left, below, strict=False)
    }
    return [alone[point] for point in points]


def _alone(point: Point, others: Sequence[Point]) -> float:
    """The volume that a point dominates and the others do not."""
    shadows = [tuple(map(min, point, other)) for other in others]
    return math.prod(point) - _volume(_undominated(shadows))


def _volume(points: Sequence[Point]) -> float:
    return sum(_alone(point, points[at + 1 :]) for at, point in enumerate(points))


def _undominated(points: Sequence[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in sorted(set(points), reverse=True):
        if not any(all(map(le, point, other)) for other in kept):
            kept.append(point)
    return kept
