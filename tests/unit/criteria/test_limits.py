"""Target and Budget."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tests.builders import curve, late, refusal, stop_at, stops, verdicts_on
from tune_es import Budget, Criterion, Policy, Target

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("rule", "scores", "stop"),
    [
        (Target(0.9), [0.5, 0.89, 0.9], 2),
        (Target(0.9), [0.5, 0.89], None),
        (Target(0.0), [-1.0, -0.5, 0.0], 2),
        (Target(0.0), [-1.0, -0.5], None),
        (Target(-0.5), [-1.0, -0.4], 1),
        (Target(0.9, patience=2), [0.9, 0.8, 0.95, 0.9], 3),
        (Target(0.9, patience=2), [0.9, NAN, 0.9, 0.9], 3),
        (Target(0.9), [INF, NAN, -INF], None),
        (Target(0.9, patience=2), [0.9, INF, 0.9, 0.8], None),
    ],
)
def test_a_target_is_reached(rule: Target, scores: list[float], stop: int | None) -> None:
    assert stop_at(rule, curve(*scores)) == stop


@pytest.mark.parametrize(
    ("goal", "losses", "stop"),
    [(0.1, [0.5, 0.11, 0.1], 3), (0.0, [0.5, 0.1, 0.0], 3), (-1.0, [0.0, -0.9, -1.5], 3)],
)
def test_a_target_is_in_the_users_sign(goal: float, losses: list[float], stop: int) -> None:
    policy = Policy("loss", "min", stop=Target(goal))
    assert stops(policy, losses) == (stop, "REACHED")
    decision = policy.first_stop(losses)
    assert decision is not None
    assert decision.verdict.evidence == {"value": losses[-1], "target": goal, "hits": 1}


def test_left_counts_the_hits_that_are_missing() -> None:
    said = verdicts_on(Target(1, patience=3), curve(0, 1, 1, None, 0, 1, 1, 1, 1, None))
    assert [each.left for each in said[:8]] == [3, 2, 1, 1, 3, 2, 1, 0]
    assert all(each.left == 0 for each in said[8:])


def spent(policy: Policy, *results: dict[str, object]) -> tuple[float, str] | None:
    return stops(policy, [{"loss": 1.0 - 0.01 * at, **row} for at, row in enumerate(results)])


def test_a_budget_of_steps_is_in_units_of_the_clock() -> None:
    assert stop_at(Budget(steps=3), curve(1, 2, 3, 4)) == 2
    assert stop_at(Budget(steps=100), curve(1, 2, 3, 4, first=30, spacing=30)) == 3
    assert stop_at(Budget(steps=100), curve(1, 2, first=150)) == 0
    assert stop_at(Budget(steps=2.5), curve(1, 2, 3)) == 2


def test_a_budget_counts_results_without_the_metric_too() -> None:
    assert stop_at(Budget(steps=3), curve(1, None, None)) == 2


def test_a_budget_of_seconds_is_rays_training_time() -> None:
    policy = Policy("loss", "min", stop=Budget(seconds=60))
    rows: list[dict[str, object]] = [{"time_total_s": 59.9}, {}, {"time_total_s": 60.0}]
    assert spent(policy, *rows) == (3, "EXHAUSTED")
    decision = policy.first_stop([{"loss": 1.0, "time_total_s": 90.0}])
    assert decision is not None
    assert decision.verdict.evidence == {"seconds": 90.0, "seconds_limit": 60}


def test_a_budget_of_money_is_time_at_its_price() -> None:
    policy = Policy("loss", "min", stop=Budget(cost=2.0), price_per_hour=4.0)
    rows: list[dict[str, object]] = [{"time_total_s": 1799.0}, {"time_total_s": 1800.0}]
    assert spent(policy, *rows) == (2, "EXHAUSTED")


def test_a_budget_of_money_is_what_the_trial_reports_where_it_does() -> None:
    policy = Policy("loss", "min", stop=Budget(cost=2.0), cost_attr="bill/usd")
    rows: list[dict[str, object]] = [{"bill": {"usd": 1.9}}, {}, {"bill/usd": 2.1}]
    assert spent(policy, *rows) == (3, "EXHAUSTED")
    both = Policy("loss", "min", stop=Budget(cost=2.0), cost_attr="usd", price_per_hour=3600.0)
    assert spent(both, {"usd": 1.0, "time_total_s": 9.0}, {"time_total_s": 9.0}) == (2, "EXHAUSTED")


def test_of_several_limits_the_first_ends_it_and_all_are_shown() -> None:
    policy = Policy("loss", "min", stop=Budget(steps=9, seconds=60, cost=1), price_per_hour=36.0)
    rows: list[dict[str, object]] = [{"time_total_s": 50.0}, {"time_total_s": 100.0}]
    assert spent(policy, *rows) == (2, "EXHAUSTED")
    decision = policy.first_stop([{"loss": 1.0, **row} for row in rows])
    assert decision is not None
    assert decision.verdict.evidence == {
        "steps": 2, "steps_limit": 9, "seconds": 100.0, "seconds_limit": 60, "cost": 1.0,
        "cost_limit": 1,
    }  # fmt: skip


def test_the_budget_of_the_policy_is_max_t() -> None:
    assert stops(Policy("loss", "min", stop=Target(-9), max_t=3), [3.0, 2.0, 1.0, 0.0]) == (
        3,
        "EXHAUSTED",
    )


def test_a_budget_of_money_that_nobody_reports_is_refused() -> None:
    message = refusal(Policy, "loss", "min", stop=Budget(cost=2.0))
    assert "cost_attr" in message
    assert "price_per_hour" in message


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(Target, "0.9"), "Target.value must be a number, got '0.9'"),
        (late(Target, NAN), "Target.value must be a number, got nan"),
        (late(Target, True), "got True"),
        (late(Target, 0.9, 0), "Target.patience must be a whole number of at least 1, got 0"),
        (late(Budget), "Budget must limit steps, seconds or cost, got none of them"),
        (late(Budget, steps=0), "Budget.steps must be a number above 0, got 0"),
        (late(Budget, seconds=-1), "Budget.seconds must be a number above 0, got -1"),
        (late(Budget, cost=INF), "Budget.cost must be a number above 0, got inf"),
        (late(Budget, steps=10**400), "Budget.steps"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
