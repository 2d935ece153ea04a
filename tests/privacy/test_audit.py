"""The auditor accepts what is right and finds out what is known to be wrong."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from tests.builders import refusal
from tests.privacy.wrong import SameNoise, Unscaled, counted, released, sampled
from tune_es import Private
from tune_es.criteria.private import CLIPPED
from tune_es.privacy import audit, first_yes, lower_bound

#: Accuracies of 20 examples around a threshold of a half; one example more is right, or wrong.
N_VAL, HALF = 20, 0.5
ONE = 1 / N_VAL
NEIGHBOURS = {
    "up": ([HALF] * 4, [HALF + ONE] * 4),
    "up, then down": ([HALF, HALF, HALF + ONE], [HALF + ONE, HALF + ONE, HALF]),
    "far below": ([HALF - 4 * ONE] * 3, [HALF - 3 * ONE] * 3),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_ours_is_accepted(name: str) -> None:
    rule = Private(epsilon=1, n_val=N_VAL, target=HALF)
    found = audit(partial(first_yes, rule), *NEIGHBOURS[name], epsilon=1, runs=1000)
    assert found.accepted, found


def test_ours_is_accepted_for_gains_and_clipped_numbers_too() -> None:
    gain = Private(epsilon=2, n_val=N_VAL, min_gain=ONE, patience=1)
    values = ([HALF, HALF, HALF + ONE], [HALF + ONE, HALF, HALF + 2 * ONE])
    assert audit(partial(first_yes, gain), *values, epsilon=2, runs=1000).accepted
    clipped = Private(epsilon=2, n_val=N_VAL, target=4.0, kind=CLIPPED, bounds=(0, 8))
    one = 8 / N_VAL
    values = ([4.0, 4.0, 4 + one], [4 + one, 4 + one, 4.0])
    assert audit(partial(first_yes, clipped), *values, epsilon=2, runs=1000).accepted


def test_no_fresh_noise_for_every_answer_is_found_out() -> None:
    rule = SameNoise(epsilon=1, n_val=N_VAL, target=HALF)
    values = [HALF, HALF + ONE], [HALF + ONE, HALF]  # the second cannot be told yes after a no
    found = audit(partial(first_yes, rule), *values, epsilon=1, runs=1500)
    assert not found.accepted, found


def test_noise_that_is_not_scaled_to_the_sensitivity_is_found_out() -> None:
    rule = Unscaled(epsilon=1, n_val=N_VAL, target=8.0, kind=CLIPPED, bounds=(0, 16))
    values = [8.0 - 16 / N_VAL], [8.0]
    found = audit(partial(first_yes, rule), *values, epsilon=1, runs=1500)
    assert not found.accepted, found


def test_a_threshold_drawn_anew_after_every_no_is_found_out_where_it_is_not_otherwise() -> None:
    """It costs more with every no, but so slowly that it takes many runs to see."""
    random, epsilon, runs = np.random.default_rng(5), 4.0, 60_000
    asked, neighbour = [-1] * 8, [0] * 8
    bounds = {
        resets: lower_bound(
            sampled(asked, epsilon, runs, random, resets),
            sampled(neighbour, epsilon, runs, random, resets),
        )
        for resets in (False, True)
    }
    assert bounds[False] <= epsilon < bounds[True], bounds


def test_answers_after_a_yes_at_no_further_price_are_found_out() -> None:
    random, epsilon = np.random.default_rng(6), 1.0
    first, second = (counted(asked * 50, epsilon, 2000, random) for asked in ([0, 1], [1, 0]))
    assert lower_bound(first, second) > epsilon


def test_noisy_values_that_are_released_are_found_out() -> None:
    random, epsilon = np.random.default_rng(7), 1.0
    first, second = (released([at] * 50, epsilon, 2000, random) for at in (-9, -8))
    assert lower_bound(first, second) > epsilon


def test_the_bound_is_below_the_truth_as_often_as_it_says() -> None:
    """Randomised response: the truth with probability e / (1 + e) costs 1, and no more."""
    random = np.random.default_rng(3)
    share = np.e / (1 + np.e)
    bounds = []
    for _ in range(100):
        first, second = random.random(2000) < share, random.random(2000) > share
        bounds.append(lower_bound(first.tolist(), second.tolist(), confidence=0.9))
    assert np.mean(np.array(bounds) <= 1) >= 0.9
    assert np.median(bounds) > 0.8


def test_a_share_that_may_fail_is_taken_off() -> None:
    first, second = [1] * 5 + [0] * 995, [0] * 1000
    assert lower_bound(first, second, delta=0.05) == 0.0
    assert lower_bound([1] * 1000, second, delta=0.05) > 3


def test_what_cannot_be_is_refused() -> None:
    assert "audit.runs must be" in refusal(audit, len, "a", "b", epsilon=1, runs=1)
    assert "audit.epsilon" in refusal(audit, len, "a", "b", epsilon=-1)
