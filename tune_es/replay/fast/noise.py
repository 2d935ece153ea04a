"""The noise level along every trial, as :class:`tune_es.NoiseLevel` estimates it.

The last second differences are kept in order, so a median is looked up and not sorted for.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.compiled import compiled
from tune_es.signals import NoiseLevel
from tune_es.signals.noise import FEWEST, MAD_TO_SD


class _Options(NamedTuple):
    window: int = NoiseLevel().window
    fewest: int = FEWEST
    to_sd: float = MAD_TO_SD
    root: float = math.sqrt(6)


def noise_of(values: Floats, starts: Ints, stops: Ints) -> Floats:
    """The noise level at every row; 0 where there is no estimate yet."""
    noise = np.zeros(len(values))
    _follow(values, starts, stops, _Options(), noise)
    return noise


@compiled
def _follow(values: Floats, starts: Ints, stops: Ints, options: _Options, noise: Floats) -> None:
    most = options.window - 2
    recent, ordered = np.empty(most), np.empty(most)
    for trial in range(len(starts)):
        seen, bends, level, before, last = 0, 0, 0.0, 0.0, 0.0
        for row in range(starts[trial], stops[trial]):
            value = values[row]
            if value - value == 0.0:
                if seen >= 2:
                    bend = abs(before - 2.0 * last + value)
                    if bends >= most:
                        _take_out(ordered, recent[bends % most])
                    _put_in(ordered, min(bends, most - 1), bend)
                    recent[bends % most] = bend
                    bends += 1
                before, last, seen = last, value, seen + 1
                if bends >= options.fewest:
                    level = options.to_sd * _median(ordered, min(bends, most)) / options.root
            noise[row] = level


@compiled
def _take_out(ordered: Floats, item: float) -> None:
    """Close the gap that an item leaves."""
    for at in range(np.searchsorted(ordered, item), len(ordered) - 1):
        ordered[at] = ordered[at + 1]


@compiled
def _put_in(ordered: Floats, count: int, item: float) -> None:
    """Insert an item among the first ``count``."""
    at = count
    while at > 0 and ordered[at - 1] > item:
        ordered[at] = ordered[at - 1]
        at -= 1
    ordered[at] = item


@compiled
def _median(ordered: Floats, count: int) -> float:
    upper = float(ordered[count // 2])
    return upper if count % 2 else (float(ordered[count // 2 - 1]) + upper) / 2.0
