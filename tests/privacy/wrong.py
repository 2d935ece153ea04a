"""Private stops that are wrong in the known ways: an auditor has to find them out."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from tune_es import Private
from tune_es.criteria.discrete_laplace import discrete_laplace

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class SameNoise(Private):
    """Draws the noise of the answers once and not anew for each."""

    def _noise(self, key: bytes, number: int, factor: int) -> int:
        return super()._noise(key, min(number, 1), factor)


@dataclass(frozen=True)
class Unscaled(Private):
    """Takes the metric for an accuracy, whatever its bounds are."""

    def _noise(self, key: bytes, number: int, factor: int) -> int:
        width = Fraction(self.bounds[1] - self.bounds[0])
        scale = Fraction(factor * self._steps) / Fraction(str(self.epsilon)) / width
        return discrete_laplace(key, number, scale)


def sampled(
    asked: list[int], epsilon: float, runs: int, random: np.random.Generator, resets: bool
) -> list[int]:
    """First yes of many stops at a threshold of 0 and a sensitivity of 1, drawn all at once.

    With ``resets`` the noise on the threshold is drawn anew after every no.
    """
    shape = (runs, len(asked))
    shift = laplace(2 / epsilon, shape if resets else (runs, 1), random)
    yes = np.array(asked) + laplace(4 / epsilon, shape, random) >= shift
    first = np.where(yes.any(axis=1), yes.argmax(axis=1), len(asked))
    return [int(each) for each in first]


def counted(asked: list[int], epsilon: float, runs: int, random: np.random.Generator) -> list[int]:
    """Goes on after a yes at no further price, as patience does that counts the answers.

    What is told is by how many more every second question was answered yes, in steps of three.
    """
    shift = laplace(2 / epsilon, (runs, 1), random)
    yes = np.array(asked) + laplace(4 / epsilon, (runs, len(asked)), random) >= shift
    more = yes[:, ::2].sum(axis=1) - yes[:, 1::2].sum(axis=1)
    return [int(each) // 3 for each in more]


def released(asked: list[int], epsilon: float, runs: int, random: np.random.Generator) -> list[int]:
    """Tells the noisy values, too; here their sum, in steps of 20."""
    noisy = np.array(asked) + laplace(4 / epsilon, (runs, len(asked)), random)
    return [int(each) // 20 for each in noisy.sum(axis=1)]


def laplace(scale: float, shape: tuple[int, int], random: np.random.Generator) -> Ints:
    """Discrete Laplace noise as a difference of two geometric numbers."""
    ends = -np.expm1(-1 / scale)
    noise: Ints = random.geometric(ends, shape) - random.geometric(ends, shape)
    return noise
