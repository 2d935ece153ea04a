"""Ranks of numbers."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def mean_ranks(values: Sequence[float]) -> list[float]:
    """The rank of each, 1 is the lowest; equals share the mean of theirs.

    >>> mean_ranks([0.5, 0.2, 0.5])
    [2.5, 1.0, 2.5]
    """
    ordered = sorted(values)
    return [(bisect_left(ordered, each) + bisect_right(ordered, each) + 1) / 2 for each in values]
