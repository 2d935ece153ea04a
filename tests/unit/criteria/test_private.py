"""A private stop without its noise: what it asks, and what it refuses to ask."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.builders import curve, refusal, stop_at, verdicts_on
from tune_es import Cause, Private
from tune_es.criteria.private import FINE

NAN, INF = math.nan, math.inf
#: An epsilon so large that the noise is 0.
QUIET = Private(epsilon=1e6, n_val=100, target=0.9, test_seed=1)
GAIN = replace(QUIET, target=None, min_gain=0.02, patience=2)


@pytest.mark.parametrize(
    ("rule", "scores", "at"),
    [
        (QUIET, [0.5, 0.89, 0.9, 0.1], 2),
        (QUIET, [0.5, 0.89, 0.894], None),  # nearer to 0.89 on the grid of 100 examples
        (QUIET, [0.5, NAN, None, INF], 3),
        (QUIET, [-INF, -7.0, 7.0], 2),
        (GAIN, [0.5, 0.5, 0.52, 0.53, 0.53], 4),
        (GAIN, [0.5, 0.52, 0.54, 0.56, 0.58], None),
        (GAIN, [0.5, None, 0.5, None, 0.5], 4),  # three evaluations
        (GAIN, [0.5, 0.51], None),
        (GAIN, [0.5, NAN, NAN], 2),
        (replace(GAIN, checks=1), [0.5, 0.6, 0.7, 0.7, 0.7, 0.7], None),
        (replace(QUIET, bounds=(0, 100), target=90.0), [50.0, 89.0, 90.0], 2),
        (replace(QUIET, kind="clipped", bounds=(-1, 3), target=2.5), [2.0, 2.499, 2.5], 2),
    ],
)
def test_it_stops_where_the_question_says(
    rule: Private, scores: list[float | None], at: int | None
) -> None:
    assert stop_at(rule, curve(*scores)) == at


def test_where_lower_is_better() -> None:
    wrong = replace(QUIET, target=0.1)  # the share that is wrong
    assert stop_at(wrong, curve(0.5, 0.11, 0.1, mode="min")) == 2
    assert stop_at(GAIN, curve(0.5, 0.48, 0.46, 0.46, 0.46, mode="min")) == 4


@pytest.mark.parametrize("seed", range(5))
def test_of_the_bounds_the_width_counts(seed: int) -> None:
    low = Private(1.0, 100, kind="clipped", bounds=(0, 4), min_gain=0.5, test_seed=seed, patience=1)
    high = replace(low, bounds=(2, 6))
    assert high.sensitivity == low.sensitivity == pytest.approx(2 * 4 / 100, rel=0.01)
    scores = [step / 8 for step in range(20)]
    assert stop_at(high, curve(*(2 + each for each in scores))) == stop_at(low, curve(*scores))
    assert refusal(replace, high, min_gain=4.5).startswith("Private.min_gain must be")


def test_the_evidence_is_counts_and_the_price() -> None:
    said = verdicts_on(QUIET, curve(0.5, 0.9, 0.2))
    assert [dict(verdict.evidence) for verdict in said] == [
        {"checks": count, "limit": 50, "epsilon": 1e6} for count in (1, 2, 2)
    ]
    assert [verdict.cause for verdict in said] == [None, Cause.REACHED, Cause.REACHED]
    assert verdicts_on(GAIN, curve(0.5, 0.5, 0.5))[-1].cause is Cause.STALLED


@pytest.mark.parametrize(
    ("rule", "sensitivity"),
    [
        (QUIET, 0.01),
        (GAIN, 0.02),
        (replace(QUIET, bounds=(0, 100), target=90), 1.0),
        (replace(QUIET, kind="clipped", bounds=(0, 5)), 0.05 * (FINE + 1) / FINE),
    ],
)
def test_the_sensitivity_is_that_of_one_example(rule: Private, sensitivity: float) -> None:
    assert rule.sensitivity == pytest.approx(sensitivity)


def test_trials_have_noise_of_their_own_in_a_replay() -> None:
    rule = Private(epsilon=0.5, n_val=20, target=0.5, test_seed=7)
    stops = {stop_at(rule, curve(*[0.5] * 40, trial_id=str(trial))) for trial in range(20)}
    assert len(stops) > 3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"epsilon": 0}, "Private.epsilon must be a number above 0"),
        ({"n_val": 0}, "Private.n_val must be a whole number of at least 1"),
        ({"kind": "loss"}, "One example can change any other metric without bound"),
        ({"kind": "f1"}, "Private.kind must be a known name, got 'f1'"),
        ({"bounds": (0, INF)}, "Private.bounds must be the smallest and the largest"),
        ({"bounds": (1, 0)}, "Private.bounds must be the smallest and the largest"),
        ({"bounds": 3}, "Private.bounds must be the smallest and the largest"),
        ({"target": 1.2}, "Private.target must be a number at least 0.0 and at most 1.0"),
        ({"target": None}, "must have either target or min_gain"),
        ({"min_gain": 0.1}, "must have either target or min_gain"),
        ({"target": None, "min_gain": 0.0}, "Private.min_gain must be a number above 0"),
        ({"checks": 0}, "Private.checks must be a whole number of at least 1"),
        ({"test_seed": -1}, "Private.test_seed must be a whole number of at least 0"),
    ],
)
def test_what_cannot_be_private_is_refused_when_built(
    change: dict[str, object], words: str
) -> None:
    assert words in refusal(replace, QUIET, **change)


def test_without_a_key_there_is_no_state() -> None:
    assert "Private needs a secret key" in refusal(replace(QUIET, test_seed=None).init)
