"""The median rule among trials, and the same for other percentiles."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import late, refusal
from tests.strategies import wild
from tune_es import BelowMedian, BelowPercentile, Criterion, Decision, Policy, Referee


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
    ("percentile", "going_on"),
    [
        (0, ["b", "c", "d", "e"]),  # 1 is below the worst of the others, which is 2
        (25, ["c", "d", "e"]),  # 2 is below 2.5, the 25th percentile of 1, 3, 4 and 5
        (50, ["c", "d", "e"]),
        (75, ["d", "e"]),
        (100, ["e"]),
    ],
)
@pytest.mark.parametrize(("mode", "sign"), [("max", 1), ("min", -1)])
def test_percentiles_are_counted_from_the_worst_up_in_both_modes(
    percentile: float, going_on: list[str], mode: str, sign: int
) -> None:
    values: dict[str, float] = {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}
    left = []
    for last, value in values.items():
        trials = {name: [sign * other] for name, other in values.items() if name != last}
        said = judged(BelowPercentile(percentile, 1, 4), mode, {**trials, last: [sign * value]})
        left += [last] if not said[last][0].stop else []
    assert left == going_on


def test_the_evidence_of_a_percentile_is_in_the_users_sign() -> None:
    trials: dict[str, list[float]] = {"a": [1], "b": [2], "c": [3], "late": [2.75]}
    verdict = judged(BelowPercentile(25), "min", trials)["late"][0].verdict
    assert (verdict.criterion, verdict.stop) == ("BelowPercentile", True)
    assert verdict.evidence == {"best": 2.75, "to_beat": 2.5, "trials": 3}


def test_enormous_equal_values_are_not_below_themselves() -> None:
    trials: dict[str, list[float]] = {name: [1e308] for name in "abcd"}
    assert not judged(BelowMedian(1, 1), "max", trials)["d"][0].stop


@given(
    percentile=st.floats(0, 100),
    mode=st.sampled_from(["min", "max"]),
    values=st.lists(st.lists(wild, min_size=1, max_size=3), min_size=1, max_size=8),
)
def test_whatever_is_reported_the_best_of_those_that_came_goes_on(
    percentile: float, mode: str, values: list[list[float]]
) -> None:
    """And one that is worse than every other stops, where it has a finite value."""
    trials = {str(at): scores for at, scores in enumerate(values)}
    said = judged(BelowPercentile(percentile, 0, 1), mode, trials)
    sign = 1 if mode == "max" else -1
    for at, scores in enumerate(values):
        for step, decision in enumerate(said[str(at)]):
            earlier = [row[: step + 1] for row in values[:at] if len(row) > step]
            others = [
                max(sign * value for value in row if math.isfinite(value))
                for row in earlier
                if math.isfinite(row[step])
            ]
            own = [sign * value for value in scores[: step + 1] if math.isfinite(value)]
            if not own or not others or max(own) >= max(others):
                assert not decision.stop
            elif max(own) < min(others):
                assert decision.stop


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(BelowPercentile, 101), "BelowPercentile.percentile must be a number at least 0 and"),
        (late(BelowPercentile, -0.1), "got -0.1"),
        (late(BelowPercentile, 25, -1), "BelowPercentile.grace_period must be a number"),
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
