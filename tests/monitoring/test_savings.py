"""What was run and saved, and the words for it."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.monitoring.experiments import experiment, foreign, hostile, odd, running, sweep, trial
from tune_es.monitoring import (
    Experiment,
    Status,
    causes,
    leader,
    savings_of,
    standings,
    summary,
)


def test_who_is_stopped_saves_the_rest_at_its_own_pace() -> None:
    slow = trial("a", [0.5] * 5, status=Status.STOPPED, step_s=4.0)
    fast = trial("b", [0.5] * 10, status=Status.STOPPED, step_s=1.0)
    saved = savings_of(experiment(slow, fast, trial("c", [0.5] * 20, step_s=2.0)), 36.0)
    assert (saved.steps_run, saved.steps_saved) == (35, 25)
    assert (saved.seconds_run, saved.seconds_saved) == (20 + 10 + 40, 15 * 4 + 10 * 1)
    assert (saved.money_run, saved.money_saved) == pytest.approx((0.70, 0.70))
    assert saved.share_saved == pytest.approx(25 / 60)


def test_who_fails_runs_or_ends_alone_saves_nothing() -> None:
    others = [Status.FAILED, Status.RUNNING, Status.FINISHED, Status.PENDING]
    trials = [trial(each.value, [0.5] * 3, status=each) for each in others]
    assert savings_of(experiment(*trials)).steps_saved == 0


def test_who_is_paused_has_saved_something_once_the_sweep_is_over() -> None:
    one = trial("a", [0.5] * 3, status=Status.PAUSED)
    assert savings_of(experiment(one, is_over=False)).steps_saved == 0
    assert savings_of(experiment(one, is_over=True)).steps_saved == 17


def test_what_is_unknown_is_nan_and_divides_nothing_by_zero() -> None:
    nothing = savings_of(experiment())
    assert (nothing.steps_run, nothing.steps_saved) == (0, 0)
    assert math.isnan(nothing.share_saved)
    assert math.isnan(nothing.seconds_run)
    assert math.isnan(nothing.money_run)
    no_clock = trial("a", [0.5] * 3, status=Status.STOPPED, seconds=[math.nan] * 3)
    assert math.isnan(savings_of(experiment(no_clock)).seconds_saved)
    assert savings_of(experiment(no_clock)).steps_saved == 17


def test_the_price_of_the_policy_is_used_where_none_is_given() -> None:
    made = sweep(6)
    assert made.policy is not None
    priced = replace(made, policy=replace(made.policy, price_per_hour=2.0))
    assert savings_of(priced).money_run == savings_of(made, 2.0).money_run > 0


def test_the_leader_has_the_best_finite_value_by_the_mode_and_the_first_of_equals() -> None:
    low, high = trial("low", [0.3, 0.1, 0.1]), trial("high", [0.9, math.inf, math.nan])
    best = leader(experiment(low, high))
    assert best is not None
    assert (best.trial.trial_id, best.step, best.value) == ("low", 2, 0.1)
    best = leader(experiment(low, high, mode="max"))
    assert best is not None
    assert (best.trial.trial_id, best.step, best.value) == ("high", 1, 0.9)


def test_trials_to_come_are_pending() -> None:
    made = running()
    assert standings(made)[Status.PENDING] == 40 - len(made.trials) + 1
    assert sum(standings(made).values()) == 40


@given(st.lists(st.tuples(st.sampled_from([*Status]), st.integers(0, 20)), max_size=12))
def test_what_is_run_and_saved_never_exceeds_full_training(
    drawn: list[tuple[Status, int]],
) -> None:
    trials = [trial(str(at), [0.5] * n, status=each) for at, (each, n) in enumerate(drawn)]
    saved = savings_of(experiment(*trials))
    assert 0 <= saved.steps_run <= saved.steps_run + saved.steps_saved <= 20 * len(trials)
    counted = [each for each in trials if each.status is Status.STOPPED]
    assert sum(causes(experiment(*trials)).values()) == len(counted)


def test_the_words_of_a_sweep() -> None:
    text = summary(sweep(24), price_per_hour=3.0)
    assert [line[:9].strip() for line in text.splitlines()] == [
        "trials", "steps", "time", "money", "best", "",
    ]  # fmt: skip
    assert "24: " in text
    assert " saved (" in text
    assert "eval_loss" in text


@pytest.mark.parametrize(
    "made", [hostile(), running(), foreign(), *odd().values()], ids=lambda made: made.name[:10]
)
def test_any_sweep_has_words_that_a_terminal_bears(made: Experiment) -> None:
    for line in summary(made, price_per_hour=1.0).splitlines():
        assert line.isprintable()
