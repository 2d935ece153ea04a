"""The noise and the stops are distributed as the theory says."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import chisquare

from tests.privacy.theory import at_least, probabilities, stop_times
from tests.privacy.wrong import sampled
from tune_es import Private, fired_at
from tune_es.criteria.discrete_laplace import KEY_SIZE, derived, discrete_laplace
from tune_es.criteria.private import CLIPPED, FINE
from tune_es.privacy import told_apart

RUNS, STOPS = 4000, 1500
#: Fixed keys make a fixed number of it: these tests cannot fail by chance.
UNLIKELY = 1e-3


def fits(found: list[int], shares: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The chi-square probability of these outcomes, seldom ones put together."""
    counts = np.bincount(found, minlength=len(shares))
    often = shares * len(found) >= 8
    seen = np.append(counts[often], counts[~often].sum())
    expected = np.append(shares[often], shares[~often].sum()) * len(found)
    keep = expected > 1e-6
    return float(chisquare(seen[keep], expected[keep] * seen[keep].sum() / expected[keep].sum())[1])


@pytest.mark.parametrize("scale", [Fraction(1, 3), Fraction(4), Fraction(200, 7)])
def test_the_noise_is_discrete_laplace(scale: Fraction) -> None:
    key = derived(bytes(KEY_SIZE), str(scale))
    wide = int(scale * 40) + 2
    found = [discrete_laplace(key, number, scale) + wide for number in range(RUNS)]
    assert fits(found, probabilities(float(scale), np.arange(-wide, wide + 1))) > UNLIKELY


def test_noise_is_a_function_of_key_and_number() -> None:
    keys = [derived(bytes(KEY_SIZE), name) for name in "ab"]
    drawn = {
        (key, number): discrete_laplace(key, number, Fraction(10**9))
        for key in keys
        for number in range(50)
    }
    assert len(set(drawn.values())) == len(drawn)
    again = {(key, number): discrete_laplace(key, number, Fraction(10**9)) for key, number in drawn}
    assert again == drawn


def test_the_tails_of_the_theory_are_sums_of_its_probabilities() -> None:
    numbers = np.arange(-400, 401)
    sums = probabilities(5.0, numbers)[::-1].cumsum()[::-1]
    assert np.allclose(at_least(5.0, numbers), sums)


TARGET = Private(epsilon=1, n_val=100, target=0.5, checks=6)
GAIN = Private(epsilon=2, n_val=100, min_gain=0.04, patience=2, checks=6)
LOSS = Private(epsilon=1, n_val=10, target=2.0, kind=CLIPPED, bounds=(0, 4), checks=6)


@pytest.mark.parametrize(
    ("rule", "values", "asked", "threshold", "steps"),
    [
        (TARGET, [0.4, 0.45, 0.5, 0.48, 0.52, 0.44], [40, 45, 50, 48, 52, 44], 50, 1),
        # the best before less the best of the last two; from the third evaluation on
        (GAIN, [0.5, 0.6, 0.58, 0.7, 0.71, 0.65], [-10, -10, -11, -1], -3, 2),
        (LOSS, [1.0, 1.5, 2.0, 0.5], [2560, 3840, 5120, 1280], 5120, FINE + 1),
    ],
)
def test_stops_come_as_often_as_the_theory_says(
    rule: Private, values: list[float], asked: list[int], threshold: int, steps: int
) -> None:
    late = len(values) - len(asked)
    found = []
    for seed in range(STOPS):
        at = fired_at(replace(rule, test_seed=seed), values)
        found.append(len(asked) if at is None else at - late)
    assert fits(found, stop_times(asked, threshold, steps, rule.epsilon)) > UNLIKELY


def test_the_quick_form_of_the_tests_is_the_same_mechanism() -> None:
    random = np.random.default_rng(1)
    asked = [-3, 0, 2, -1]
    found = sampled(asked, 1.5, 20_000, random, resets=False)
    assert fits(found, stop_times(asked, 0, 1, 1.5)) > UNLIKELY


@pytest.mark.parametrize("asked", [[0] * 6, [0, 1, -2, 3, 0, 1], [-4] * 12, [5, -5, 5, -5]])
def test_no_outcome_is_likelier_by_more_than_epsilon(asked: list[int]) -> None:
    epsilon, most = 1.0, 0.0
    changes = [[1] * len(asked), [(-1) ** at for at in range(len(asked))], [0, 1] * len(asked)]
    for change in changes:
        neighbour = [number + by for number, by in zip(asked, change, strict=False)]
        ratios = np.log(stop_times(asked, 0, 1, epsilon) / stop_times(neighbour, 0, 1, epsilon))
        most = max(most, float(np.abs(ratios).max()))
    assert 0.1 < most <= epsilon + 1e-9


def test_what_is_told_apart_is_told_apart() -> None:
    """On the mechanism itself the bound of the book is kept with room to spare."""
    epsilon, checks, confidence = 1.0, 50, 0.95
    apart = math.ceil(told_apart(epsilon, checks, 1, confidence))
    below = stop_times([-apart] * checks, 0, 1, epsilon)
    above = stop_times([apart], 0, 1, epsilon)
    assert below[-1] > confidence
    assert above[0] > confidence
    assert stop_times([-apart // 4] * checks, 0, 1, epsilon)[-1] < confidence
    assert Counter(below > 0) == {True: checks + 1}
