"""Sums as the ``sum`` of this Python gives them, to the bit."""

from __future__ import annotations

import sys

from tune_es.replay.curves import Floats
from tune_es.replay.fast.compiled import part

#: Whether ``sum`` carries along what it rounds off.
EXACT = sys.version_info >= (3, 12)


@part
def added(values: Floats, exact: bool) -> float:
    """The sum of some values in their order.

    With ``exact`` what is rounded off is carried along: Neumaier, "Rundungsfehleranalyse einiger
    Verfahren zur Summation endlicher Summen", ZAMM 1974.
    """
    total = lost = 0.0
    for value in values:
        after = total + value
        if abs(total) >= abs(value):
            lost += (total - after) + value
        else:
            lost += (value - after) + total
        total = after
    return total + lost if exact and lost - lost == 0.0 else total
