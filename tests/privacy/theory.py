"""The exact distribution of a private stop, summed over the noise, beside the sampled one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

#: Noise beyond so many scales is left out: it has a probability of e^-40.
WIDE = 40


def probabilities(scale: float, numbers: NDArray[np.int64]) -> Numbers:
    """The discrete Laplace distribution."""
    keep = math.exp(-1 / scale)
    shares: Numbers = (1 - keep) / (1 + keep) * keep ** np.abs(numbers).astype(float)
    return shares


def at_least(scale: float, numbers: NDArray[np.int64]) -> Numbers:
    """With which probability the noise is at least so large."""
    keep = math.exp(-1 / scale)
    tail = keep ** np.abs(numbers).astype(float) / (1 + keep)
    shares: Numbers = np.where(numbers > 0, tail, 1 - tail * keep)
    return shares


def stop_times(asked: Sequence[int], threshold: int, steps: int, epsilon: float) -> Numbers:
    """The probability of the first yes at each question, and last of none at all.

    Questions and threshold are in steps of the grid, of which one example changes ``steps``.
    """
    wide = int(WIDE * 2 * steps / epsilon) + 1
    shifts = np.arange(-wide, wide + 1)
    alive = probabilities(2 * steps / epsilon, shifts)
    found = []
    for number in asked:
        yes = at_least(4 * steps / epsilon, threshold + shifts - number)
        found.append(float((alive * yes).sum()))
        alive = alive * (1 - yes)
    return np.array([*found, float(alive.sum())])
