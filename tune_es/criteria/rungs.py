"""Where a step lies among rungs that grow by a factor."""

from __future__ import annotations

import math

from tune_es.checks import check_number

#: Natural logarithms from which on a power may be, and a product surely is, too large for a float.
LARGE, LARGEST = 700.0, 709.0


def check_rungs(owner: str, grace_period: object, reduction_factor: object) -> None:
    """Refuse a first rung and a factor that make no rungs."""
    check_number(owner, "grace_period", grace_period, above=0)
    check_number(owner, "reduction_factor", reduction_factor, least=1.1)


def last_rung(step: float, grace_period: float, reduction_factor: float) -> float:
    """The last of the rungs ``grace_period * reduction_factor ** k`` at or before a step.

    It is 0 before the first.

    >>> [last_rung(step, 2, 3) for step in (1, 2, 5, 6, 54)]
    [0.0, 2, 2, 6, 54]
    """
    if step < grace_period:
        return 0.0
    start, growth = math.log(grace_period), math.log(reduction_factor)
    height = math.floor(round((math.log(step) - start) / growth, 9))
    if height * growth > LARGE:
        return math.exp(min(start + height * growth, LARGEST))
    return grace_period * reduction_factor**height
