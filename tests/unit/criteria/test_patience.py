"""Patience, option by option: curves and the index at which each stops."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.builders import curve, refusal, stop_at, stops, verdicts_on
from tune_es import Cause, Patience, Policy

NAN, INF = math.nan, math.inf

#: Options, scores (higher is better), the index of the stop, its cause.
TABLE: list[tuple[dict[str, Any], list[float], int | None, str | None]] = [
    # the rule itself
    ({"patience": 1}, [1, 2, 3], None, None),
    ({"patience": 1}, [1, 2, 2], 2, "STALLED"),
    ({"patience": 2}, [1, 2, 2], None, None),
    ({"patience": 2}, [1, 2, 2, 1], 3, "STALLED"),
    ({"patience": 2}, [1, 2, 1, 3, 1, 1], 5, "STALLED"),
    ({"patience": 3}, [5, 4, 3, 2], 3, "STALLED"),
    ({"patience": 1}, [1], None, None),
    ({"patience": 1}, [-3, -2, -1], None, None),
    # what is not finite is a miss
    ({"patience": 2}, [NAN, NAN], 1, "STALLED"),
    ({"patience": 2}, [1, NAN, INF], 2, "STALLED"),
    ({"patience": 2}, [1, INF, 2, NAN, 3], None, None),
    ({"patience": 2}, [1, NAN, 2, -INF, 2], 4, "STALLED"),
    # min_delta: the improvement has to exceed it, and the best moves only then
    ({"patience": 2, "min_delta": 0.5}, [1, 1.5, 1.5], 2, "STALLED"),
    ({"patience": 2, "min_delta": 0.5}, [1, 1.25, 1.75, 2, 2.5], None, None),
    ({"patience": 2, "min_delta": 0.5}, [1, 1.25, 1.5, 9], 2, "STALLED"),
    # relative: the share is of the absolute best, so that it is upwards below zero, too
    ({"patience": 2, "min_delta": 0.5, "relative": True}, [2, 3, 3], 2, "STALLED"),
    ({"patience": 2, "min_delta": 0.5, "relative": True}, [2, 3.25, 4, 4.5], 3, "STALLED"),
    ({"patience": 2, "min_delta": 0.5, "relative": True}, [-2, -1, -1], 2, "STALLED"),
    ({"patience": 2, "min_delta": 0.5, "relative": True}, [-2, -0.75, -0.5, -0.25], None, None),
    ({"patience": 1, "min_delta": 0.5, "relative": True}, [0, 0.001], None, None),
    # noise_factor: a gain within the noise is none; at the 2 it is 1.4826 * 2 / sqrt(6) = 1.21
    ({"patience": 4, "noise_factor": 1.0}, [0, 1, 0, 1, 0, 2], 5, "STALLED"),
    ({"patience": 4, "noise_factor": 0.8}, [0, 1, 0, 1, 0, 2], None, None),
    ({"patience": 3, "noise_factor": 9.0}, [0, 1, 2, 3, 4, 5, 6], None, None),
    ({"patience": 4, "noise_factor": 0.8, "min_delta": 2}, [0, 1, 0, 1, 0, 2], 4, "STALLED"),
    # baseline: what the first improvement has to beat
    ({"patience": 2, "baseline": 5}, [1, 2, 3], 1, "STALLED"),
    ({"patience": 2, "baseline": 5}, [1, 6, 5, 5], 3, "STALLED"),
    ({"patience": 2, "baseline": 5}, [5, 5], 1, "STALLED"),
    ({"patience": 2, "baseline": 0}, [-1, -1], 1, "STALLED"),
    ({"patience": 2, "baseline": 0.0}, [0.5, 0.25, 0.75], None, None),
    # start_from: a step, of 1, 2, 3, ... here
    ({"patience": 2, "start_from": 4}, [3, 2, 2, 2, 2, 2], 4, "STALLED"),
    ({"patience": 1, "start_from": 3}, [3, 2, 2], 2, "STALLED"),
    ({"patience": 1, "start_from": 3}, [3, 2, 4], None, None),
    ({"patience": 2, "start_from": 1}, [3, 2, 2], 2, "STALLED"),
    ({"patience": 2, "start_from": 0}, [3, 2, 2], 2, "STALLED"),
    # stopping_threshold: at least as good
    ({"patience": 9, "stopping_threshold": 3}, [1, 2, 3], 2, "REACHED"),
    ({"patience": 9, "stopping_threshold": 0.0}, [-2, -1, 0], 2, "REACHED"),
    ({"patience": 9, "stopping_threshold": 0.0}, [-2, -1], None, None),
    ({"patience": 1, "stopping_threshold": 2}, [2, 2], 0, "REACHED"),
    ({"patience": 9, "stopping_threshold": 3}, [INF, 1], None, None),
    # divergence_threshold: worse than it
    ({"patience": 9, "divergence_threshold": 1}, [2, 1, 0.5], 2, "HOPELESS"),
    ({"patience": 9, "divergence_threshold": 0.0}, [2, 0, -1], 2, "HOPELESS"),
    ({"patience": 9, "divergence_threshold": 0.0}, [2, 0, 0], None, None),
    ({"patience": 9, "divergence_threshold": 0.0}, [NAN, 1], None, None),
    # check_finite: at the first
    ({"patience": 9, "check_finite": True}, [1, 2, NAN], 2, "BROKEN"),
    ({"patience": 9, "check_finite": True}, [1, INF], 1, "BROKEN"),
    ({"patience": 9, "check_finite": True}, [-INF], 0, "BROKEN"),
    ({"patience": 9, "check_finite": False}, [1, NAN, INF], None, None),
    # of several causes at once the gravest is named
    ({"patience": 1, "check_finite": True, "divergence_threshold": 0}, [1, -INF], 1, "BROKEN"),
    ({"patience": 1, "divergence_threshold": 0}, [1, -1], 1, "HOPELESS"),
]  # fmt: skip


def test_a_baseline_with_a_delta_asks_for_more_than_both() -> None:
    rule = Patience(2, baseline=1, min_delta=1)
    assert stop_at(rule, curve(2, 2)) == 1
    assert stop_at(rule, curve(2, 2.5, 2.5, 2.5)) == 3


@pytest.mark.parametrize(("options", "scores", "stop", "cause"), TABLE)
def test_when_it_stops_and_why(
    options: dict[str, Any], scores: list[float], stop: int | None, cause: str | None
) -> None:
    said = verdicts_on(Patience(**options), curve(*scores))
    first = next(((at, each.cause) for at, each in enumerate(said) if each.stop), None)
    assert first == (None if stop is None else (stop, Cause[str(cause)]))


#: share, at_least, max_t, first step, spacing, and the patience in evaluations that comes of it.
SHARES = [
    (0.25, 8, 100, 1, 1, 25),
    (0.25, 8, 20, 1, 1, 8),
    (0.25, 2, 20, 1, 1, 5),
    (0.25, 2, 19, 1, 1, 5),
    (0.5, 1, 1000, 50, 50, 10),
    (0.5, 1, 1000, 0, 50, 10),
    (0.07, 1, 100, 1, 1, 7),
    (0.29, 1, 100, 1, 1, 29),
    (0.1, 1, 3, 1, 0.5, 1),
]


@pytest.mark.parametrize(("share", "at_least", "max_t", "first", "spacing", "limit"), SHARES)
def test_a_share_of_the_budget_is_counted_in_evaluations(
    share: float, at_least: int, max_t: float, first: float, spacing: float, limit: int
) -> None:
    seen = curve(*[1.0] * (limit + 3), first=first, spacing=spacing, max_t=max_t)
    said = verdicts_on(Patience(share, at_least=at_least), seen)
    assert said[-1].evidence["limit"] == limit
    assert next(at for at, each in enumerate(said) if each.stop) == limit


def test_a_share_without_a_budget_is_its_least() -> None:
    assert stop_at(Patience(0.5, at_least=3), curve(1, 1, 1, 1)) == 3
    assert Patience(0.5).needs_max_t
    assert not Patience(5).needs_max_t


def test_the_default_is_a_quarter_of_the_budget_and_at_least_eight() -> None:
    assert stop_at(Patience(), curve(*[1.0] * 50, max_t=60)) == 15
    assert stop_at(Patience(), curve(*[1.0] * 50, max_t=8)) == 8


@pytest.mark.parametrize(
    ("rule", "losses", "stop", "cause"),
    [
        (Patience(2), [0.5, 0.4, 0.4, 0.45, 0.3], 4, "STALLED"),
        (Patience(2, min_delta=0.1), [0.5, 0.45, 0.41, 0.39], 3, "STALLED"),
        (Patience(2, baseline=0.4), [0.5, 0.45, 0.3], 2, "STALLED"),
        (Patience(2, baseline=0.4), [0.3, 0.35, 0.2, 0.3, 0.3], 5, "STALLED"),
        (Patience(9, stopping_threshold=0.1), [0.5, 0.1, 0.05], 2, "REACHED"),
        (Patience(9, stopping_threshold=0.0), [0.5, 0.1, 0.0], 3, "REACHED"),
        (Patience(9, divergence_threshold=2.0), [0.5, 2.0, 2.1], 3, "HOPELESS"),
        (Patience(9, divergence_threshold=0.0), [-1.0, 0.0, 0.5], 3, "HOPELESS"),
        (Patience(2, min_delta=0.1, relative=True), [1.0, 0.95, 0.9, 0.5], 3, "STALLED"),
        (Patience(2, min_delta=0.1, relative=True), [-1.0, -1.05, -1.1], 3, "STALLED"),
    ],
)
def test_where_lower_is_better_everything_is_in_the_users_sign(
    rule: Patience, losses: list[float], stop: int, cause: str
) -> None:
    policy = Policy("loss", "min", stop=rule, nonfinite_patience=None)
    assert stops(policy, losses) == (stop, cause)
    evidence = policy.first_stop(losses)
    assert evidence is not None
    assert evidence.verdict.evidence["value"] == losses[stop - 1]


def test_the_evidence_is_value_best_misses_and_limit() -> None:
    verdict = verdicts_on(Patience(2), curve(0.9, 0.5, 0.7, 0.8, mode="min"))[-1]
    assert verdict.stop
    assert verdict.evidence == {"value": 0.8, "best": 0.5, "misses": 2, "limit": 2}


def test_left_is_what_is_left_of_the_patience() -> None:
    said = verdicts_on(Patience(3), curve(1, 1, 1, 2, 2, None, 2, 2, 2))
    assert [verdict.left for verdict in said] == [3, 2, 1, 3, 2, 2, 1, 0, 0]


def test_left_is_exact_when_nothing_improves_any_more() -> None:
    rule = Patience(4, min_delta=0.1)
    scores = [0.1, 0.5, 0.3, 0.7, 0.71]
    for cut in range(1, len(scores) + 1):
        left = verdicts_on(rule, curve(*scores[:cut]))[-1].left
        assert left is not None
        assert stop_at(rule, curve(*scores[:cut], *[0.0] * 9)) == cut - 1 + left


def test_a_stopped_trial_that_goes_on_and_improves_is_not_stopped_any_more() -> None:
    said = verdicts_on(Patience(1), curve(1, 1, 1, 2, 2))
    assert [verdict.stop for verdict in said] == [False, True, True, False, True]


#: Field, what is refused, words of the message.
REFUSED: list[tuple[str, Any, str]] = [
    ("patience", 0, "whole number of evaluations (at least 1) or a share"),
    ("patience", -1, "got -1"),
    ("patience", 1.0, "got 1.0"),
    ("patience", 0.0, "got 0.0"),
    ("patience", 2.5, "share of max_t (above 0 and below 1), got 2.5"),
    ("patience", True, "got True"),
    ("patience", "5", "got '5'"),
    ("patience", None, "got None"),
    ("patience", NAN, "got nan"),
    ("at_least", 0, "Patience.at_least must be a whole number of at least 1, got 0"),
    ("at_least", 2.0, "got 2.0"),
    ("min_delta", -0.1, "Patience.min_delta must be a number at least 0, got -0.1"),
    ("min_delta", NAN, "got nan"),
    ("min_delta", "0.1", "got '0.1'"),
    ("min_delta", True, "got True"),
    ("noise_factor", -1, "Patience.noise_factor must be a number at least 0, got -1"),
    ("noise_factor", INF, "got inf"),
    ("start_from", -1, "Patience.start_from must be a number at least 0, got -1"),
    ("baseline", "high", "Patience.baseline must be a number, got 'high'"),
    ("baseline", INF, "Patience.baseline must be a number, got inf"),
    ("stopping_threshold", NAN, "Patience.stopping_threshold must be a number, got nan"),
    ("divergence_threshold", False, "Patience.divergence_threshold must be a number, got False"),
    ("relative", "no", "Patience.relative"),
    ("relative", 1, "Patience.relative"),
    ("check_finite", "yes", "Patience.check_finite"),
    ("check_finite", None, "Patience.check_finite"),
]  # fmt: skip


@pytest.mark.parametrize(("field", "value", "words"), REFUSED)
def test_what_is_refused(field: str, value: Any, words: str) -> None:
    message = refusal(Patience, **{"patience": 3, field: value})
    assert "Patience." in message
    assert words in message
