"""Rungs: only the best share of those that came this far goes on."""

from __future__ import annotations

import math
import sys

import pytest

from tests.builders import refusal
from tune_es import Decision, Policy, Referee, SuccessiveHalving
from tune_es.criteria.rungs import last_rung


def judged(
    rule: SuccessiveHalving, mode: str, trials: dict[str, list[float]]
) -> dict[str, list[Decision]]:
    """Every trial in turn, from its first step to its last."""
    referee = Referee(Policy("score", mode, stop=rule, nonfinite_patience=None))
    return {
        trial: [
            referee.report(trial, {"training_iteration": step, "score": score})
            for step, score in enumerate(scores, start=1)
        ]
        for trial, scores in trials.items()
    }


def stops(said: dict[str, list[Decision]]) -> dict[str, list[int]]:
    return {
        trial: [at for at, decision in enumerate(decisions, start=1) if decision.stop]
        for trial, decisions in said.items()
    }


def test_at_a_rung_the_best_third_of_those_seen_goes_on() -> None:
    trials = {"a": [5.0], "b": [6.0], "c": [4.0], "d": [5.5], "e": [7.0], "f": [5.9]}
    said = judged(SuccessiveHalving(1, 3), "max", trials)
    # kept of 1, 2, 3, 4, 5, 6 trials: 1, 1, 1, 2, 2, 2
    assert stops(said) == {"a": [], "b": [], "c": [1], "d": [], "e": [], "f": [1]}
    assert said["f"][0].verdict.evidence == {
        "best": 5.9, "rung": 1, "rank": 3, "kept": 2, "trials": 6,
    }  # fmt: skip


def test_rungs_grow_by_the_factor_and_nothing_is_judged_between_them() -> None:
    leader, other = [9.0] * 12, [1.0] * 12
    said = judged(SuccessiveHalving(2, 2), "max", {"leader": leader, "other": other})
    assert stops(said) == {"leader": [], "other": [2, 4, 8]}


def test_the_best_so_far_counts_and_ties_stay_together() -> None:
    said = judged(SuccessiveHalving(2, 3), "max", {"a": [9, 9], "b": [9, 0], "c": [9, 1]})
    assert stops(said) == {"a": [], "b": [], "c": []}


def test_a_loss_is_mirrored_and_a_trial_without_a_finite_value_is_left_to_the_guards() -> None:
    said = judged(SuccessiveHalving(1, 2), "min", {"a": [0.1], "b": [0.2], "c": [math.nan]})
    assert stops(said) == {"a": [], "b": [1], "c": []}


def test_a_trial_that_reports_seldom_is_judged_at_its_first_result_past_a_rung() -> None:
    referee = Referee(Policy("score", "max", stop=SuccessiveHalving(10, 3)))
    said = [
        referee.report(trial, {"training_iteration": step, "score": score}).stop
        for trial, score in (("a", 2.0), ("b", 1.0))
        for step in (8, 16, 24, 32)
    ]
    assert said == [False] * 4 + [False, True, False, True]


@pytest.mark.parametrize("factor", [3, 1.7, 4.0, 10])
def test_a_rung_begins_at_its_own_step(factor: float) -> None:
    for height in range(12):
        rung = 3 * factor**height
        assert last_rung(rung, 3, factor) == pytest.approx(rung)
        assert last_rung(rung * 0.999, 3, factor) == pytest.approx(rung / factor if height else 0)


@pytest.mark.parametrize("grace_period", [5e-324, 1e-300, 1e300])
def test_no_rung_is_out_of_reach_of_floats(grace_period: float) -> None:
    said = judged(SuccessiveHalving(grace_period, 1.1), "max", {"a": [1.0]})
    assert stops(said) == {"a": []}
    for step in (5e-324, 1.0, sys.float_info.max):
        assert 0 <= last_rung(step, grace_period, 1.1) <= step * 1.000001


@pytest.mark.parametrize(
    ("grace_period", "factor", "who"),
    [(0, 3, "grace_period"), (1, 1, "reduction_factor"), (1, math.nan, "reduction_factor")],
)
def test_impossible_arguments_are_refused(grace_period: float, factor: float, who: str) -> None:
    assert f"SuccessiveHalving.{who}" in refusal(lambda: SuccessiveHalving(grace_period, factor))
