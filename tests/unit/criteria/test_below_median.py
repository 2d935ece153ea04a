"""The median rule among trials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import late, refusal
from tune_es import BelowMedian, Criterion, Decision, Policy, Referee


def judged(rule: Criterion, mode: str, trials: dict[str, list[float]]) -> dict[str, list[Decision]]:
    """Every trial in turn, from its first step to its last."""
    referee = Referee(Policy("score", mode, stop=rule, nonfinite_patience=None))
    return {
        trial: [
            referee.report(trial, {"training_iteration": step, "score": score})
            for step, score in enumerate(scores, start=1)
        ]
        for trial, scores in trials.items()
    }


def stopped(said: dict[str, list[Decision]], trial: str) -> list[bool]:
    return [decision.stop for decision in said[trial]]


def test_below_the_median_of_the_others_is_hopeless() -> None:
    ahead: dict[str, list[float]] = {"a": [0.7], "b": [0.8], "c": [0.9]}
    late: dict[str, list[float]] = {"below": [0.75], "at": [0.775], "above": [0.85]}
    said = judged(BelowMedian(1, 3), "max", {**ahead, **late})
    assert stopped(said, "below") == [True]
    assert stopped(said, "at") == [False]
    assert stopped(said, "above") == [False]
    verdict = said["below"][0].verdict
    assert verdict.evidence == {"best": 0.75, "median": 0.8, "trials": 3}


def test_a_loss_above_the_median_is_hopeless() -> None:
    said = judged(
        BelowMedian(1, 2), "min", {"a": [0.2], "b": [0.4], "worse": [0.35], "better": [0.25]}
    )
    assert stopped(said, "worse") == [True]
    assert stopped(said, "better") == [False]
    assert said["worse"][0].verdict.evidence["median"] == pytest.approx(0.3)


def test_trials_meet_at_equal_steps_with_their_best_so_far() -> None:
    said = judged(BelowMedian(1, 1), "max", {"a": [0.1, 0.9, 0.2], "b": [0.5, 0.5, 0.5]})
    assert stopped(said, "b") == [False, True, True]
    assert [each.verdict.evidence["median"] for each in said["b"]] == [0.1, 0.9, 0.9]
    fallen = judged(BelowMedian(1, 1), "max", {"a": [0.5, 0.5], "b": [0.9, 0.1]})
    assert stopped(fallen, "b") == [False, False]


def test_grace_period_and_fewest_trials() -> None:
    trials = {"a": [0.9] * 4, "b": [0.9] * 4, "c": [0.9] * 4, "z": [0.1] * 4}
    late, many = judged(BelowMedian(3, 3), "max", trials), judged(BelowMedian(1, 4), "max", trials)
    assert stopped(late, "z") == [False, False, True, True]
    assert stopped(many, "z") == [False] * 4


def test_what_is_not_finite_is_neither_ranked_nor_a_reason() -> None:
    nan = math.nan
    said = judged(BelowMedian(1, 1), "max", {"a": [nan, 0.9], "b": [0.1, nan, 0.1]})
    assert stopped(said, "b") == [False, True, False]
    assert [each.verdict.evidence["trials"] for each in said["b"]] == [0, 1, 0]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(BelowMedian, -1), "BelowMedian.grace_period must be a number at least 0, got -1"),
        (
            late(BelowMedian, min_trials=0),
            "BelowMedian.min_trials must be a whole number",
        ),
        (late(BelowMedian, min_trials=2.5), "got 2.5"),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)
