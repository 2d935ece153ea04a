"""A policy: what it refuses when built, and what it decides."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.builders import refusal, stops
from tune_es import (
    Adaptive,
    Budget,
    Cause,
    Composite,
    Divergence,
    OverfitGap,
    Patience,
    PerMetric,
    Policy,
    Target,
)

NAN, INF = math.nan, math.inf
P3 = Patience(3)

#: Changes to a good policy, and words of the refusal.
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"metric": ""}, "got ''"),
    ({"metric": None}, "got None"),
    ({"metric": 5}, "got 5"),
    ({"metric": ["loss"]}, "got ['loss']"),
    ({"mode": "minimum"}, "Metric.mode must be a known name, got 'minimum'; did you mean 'min'?"),
    ({"mode": "MAX"}, "did you mean 'max'?"),
    ({"mode": None}, "got None"),
    ({"mode": True}, "got True"),
    ({"mode": ["min"]}, "got ['min']"),
    ({"stop": "balansed"}, "stop names no criterion 'balansed'; did you mean 'balanced'?"),
    ({"stop": None}, "stop must be the name of a preset or a criterion"),
    ({"stop": 5}, "got 5"),
    ({"stop": "balanced"}, "Policy.max_t is needed by Adaptive: give the training_iteration of a"),
    ({"stop": "Patience"}, "Policy.max_t is needed by Patience"),
    ({"stop": P3 | Adaptive.safe()}, "Policy.max_t is needed by"),
    ({"stop": Patience(3, metric="f1")}, "Policy.stop judges 'f1', which is neither Policy.metric"),
    ({"stop": Patience(3, metric="los")}, "did you mean 'loss'? Valid: loss"),
    ({"stop": Patience(3, metric="")}, "got ''"),
    ({"stop": {"Patience": {"patience": 3, "metric": 5}}}, "got 5"),
    ({"stop": {"Patience": {"patience": 3, "metric": ["loss"]}}}, "got ['loss']"),
    ({"stop": OverfitGap("train_loss")}, "Policy.stop judges 'train_loss'"),
    ({"stop": PerMetric(P3, ("loss", "f1"))}, "Policy.stop judges 'f1'"),
    ({"stop": Composite(P3, {"loss": 1, "f1": 1})}, "Policy.stop judges 'f1'"),
    ({"stop": {"Composite": {"rule": "safe", "weights": {"loss": 1, 2: 1}}}}, "2"),
    ({"stop": {"PerMetric": {"rule": "safe", "metrics": ["loss", 5]}}}, "5"),
    ({"stop": Budget(cost=1.0)}, "Policy.cost_attr or price_per_hour is needed by Budget.cost"),
    ({"other_metrics": {"f1": "maximum"}}, "got 'maximum'; did you mean 'max'?"),
    ({"other_metrics": {"f1": None}}, "got None"),
    ({"other_metrics": ["f1"]}, "Policy.other_metrics must map names to modes: ['f1']"),
    ({"other_metrics": "f1"}, "Policy.other_metrics must map names to modes: 'f1'"),
    ({"other_metrics": {"loss": "min"}}, "Policy.other_metrics repeats the primary metric 'loss'"),
    ({"other_metrics": {5: "min"}}, "got 5"),
    ({"other_metrics": {5: "min", "f1": "max"}}, "got 5"),
    ({"max_t": 0}, "Policy.max_t must be a number above 0, got 0"),
    ({"max_t": -5}, "got -5"),
    ({"max_t": "20"}, "got '20'"),
    ({"max_t": True}, "got True"),
    ({"max_t": NAN}, "got nan"),
    ({"max_t": INF}, "got inf"),
    ({"max_t": 10**400}, "Policy.max_t must be a number above 0"),
    ({"time_attr": ""}, "Policy.time_attr must be a result key, got ''"),
    ({"time_attr": None}, "got None"),
    ({"time_attr": 5}, "got 5"),
    ({"not_before": -1}, "Policy.not_before must be a number at least 0, got -1"),
    ({"not_before": "10"}, "Policy.not_before"),
    ({"not_before": [5, "10"]}, "got '10'"),
    ({"not_before": [5, NAN]}, "got nan"),
    ({"not_before": True}, "got True"),
    ({"not_before": {"step": 5}}, "Policy.not_before must be a number"),
    ({"nonfinite_patience": -1}, "Policy.nonfinite_patience must be a whole number of at least 0"),
    ({"nonfinite_patience": 1.5}, "got 1.5"),
    ({"nonfinite_patience": False}, "got False"),
    ({"price_per_hour": 0}, "Policy.price_per_hour must be a number above 0, got 0"),
    ({"price_per_hour": "cheap"}, "got 'cheap'"),
    ({"cost_attr": 5}, "Policy.cost_attr must be a result key, got 5"),
    ({"cost_attr": []}, "got []"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_is_refused(change: dict[str, Any], words: str) -> None:
    good: dict[str, Any] = {"metric": "loss", "mode": "min", "stop": P3}
    assert words in refusal(Policy, **{**good, **change})
    assert words in refusal(Policy.from_dict, {**good, **change})


def test_unknown_fields_are_refused_with_what_was_meant() -> None:
    good: dict[str, Any] = {"metric": "loss", "mode": "min", "stop": P3}
    for wrong, meant in {
        "metrc": "did you mean 'metric'?",
        "monitor": "it is called 'metric' here",
        "direction": "it is called 'mode' here",
        "grace_period": "it is called 'not_before' here",
        "max_epochs": "it is called 'max_t' here",
        "metrics": "it is called 'other_metrics' here",
        "criterion": "it is called 'stop' here",
    }.items():
        message = refusal(Policy.from_dict, {**good, wrong: "loss"})
        assert f"Policy has no field {wrong!r}" in message
        assert meant in message


@pytest.mark.parametrize("missing", ["metric", "mode"])
def test_what_has_no_default_must_be_given(missing: str) -> None:
    data = {"metric": "loss", "mode": "min", "max_t": 9}
    del data[missing]
    assert f"Policy lacks the field {missing!r}" in refusal(Policy.from_dict, data)


def test_the_first_example_of_everybody_works() -> None:
    policy = Policy("eval_loss", "min", max_t=20)
    assert policy.criterion == Adaptive.balanced()
    assert policy == Policy(metric="eval_loss", mode="min", stop="balanced", max_t=20)
    assert list(policy.metrics) == ["eval_loss"]


@pytest.mark.parametrize(
    ("policy", "results", "stop"),
    [
        (Policy("a", "min", stop=P3), [3, 2, 1, 1, 1, 1], (6, "STALLED")),
        (Policy("a", "min", stop=P3), [3, 2, 1, 1, 1, 0], None),
        (Policy("a", "max", stop=P3, max_t=2), [1, 2, 3], (2, "EXHAUSTED")),
        (Policy("a", "max", stop=P3, max_t=2.5), [1, 2, 3], (3, "EXHAUSTED")),
        (Policy("a", "max", stop=P3), [1, NAN, NAN, NAN], (4, "BROKEN")),
        (Policy("a", "max", stop=Patience(2)), [1, NAN, NAN, NAN], (3, "STALLED")),
        (Policy("a", "max", stop=P3, nonfinite_patience=0), [1, INF], (2, "BROKEN")),
        (Policy("a", "max", stop=P3, nonfinite_patience=None), [NAN] * 9, (3, "STALLED")),
        (Policy("a", "max", stop=Target(1), nonfinite_patience=None), [INF] * 9, None),
        (Policy("a", "max", stop=Target(5), max_t=9), [1, 5], (2, "REACHED")),
        (Policy("a", "max", stop=Target(5), max_t=1), [5], (1, "REACHED")),
        (Policy("a", "max", stop=P3), [], None),
        # not_before: judgements wait, facts do not
        (Policy("a", "max", stop=Patience(1), not_before=4), [1] * 6, (4, "STALLED")),
        (Policy("a", "max", stop=Patience(1), not_before=[2, 4]), [1] * 6, (4, "STALLED")),
        (Policy("a", "max", stop=Patience(1), not_before=(4, 2)), [1] * 6, (4, "STALLED")),
        (Policy("a", "max", stop=Patience(1), not_before=0), [1] * 6, (2, "STALLED")),
        (Policy("a", "max", stop=Patience(1), not_before=[]), [1] * 6, (2, "STALLED")),
        (Policy("a", "max", stop=Patience(2), not_before=4), [1, 1, 1, 2, 2, 2], (6, "STALLED")),
        (Policy("a", "max", stop=Divergence(0.5, patience=1), not_before=4), [1, 0], None),
        (Policy("a", "max", stop=P3, not_before=9), [1, NAN, NAN, NAN], (4, "BROKEN")),
        (Policy("a", "max", stop=Target(5), not_before=9), [5], (1, "REACHED")),
        (Policy("a", "max", stop=P3, not_before=9, max_t=4), [1] * 6, (4, "EXHAUSTED")),
    ],
)
def test_when_a_trial_is_stopped_and_why(
    policy: Policy, results: list[float], stop: tuple[int, str] | None
) -> None:
    assert stops(policy, results) == stop


def test_a_waiting_judgement_does_not_hide_a_fact() -> None:
    rule = Patience(1) | Target(1.0, patience=3)
    assert stops(Policy("a", "max", stop=rule, not_before=9), [1.0] * 6) == (3, "REACHED")


def test_best_is_in_the_users_sign_and_of_the_primary_metric() -> None:
    rule = Patience(2, metric="f1")
    policy = Policy("loss", "min", stop=rule, other_metrics={"f1": "max"})
    rows = [{"loss": loss, "f1": 0.5} for loss in (0.5, 0.25, 0.75)]
    decision = policy.first_stop(rows)
    assert decision is not None
    assert (decision.best, decision.best_step) == (0.25, 2)
    assert decision.verdict.evidence["best"] == 0.5


def test_while_running_the_verdict_is_that_of_the_rule() -> None:
    """What the user asked for, and not the guard or the budget, is what patience is left of."""
    for max_t in (None, 50):
        policy = Policy("a", "max", stop=Patience(10), max_t=max_t)
        state, lefts = policy.init(), []
        for step in range(1, 5):
            seen = policy.read("t", {"training_iteration": step, "a": 0.5}).observation
            assert seen is not None
            state, decision = policy.step(state, seen, _nobody())
            assert decision.verdict.criterion == "Patience"
            lefts.append(decision.verdict.left)
        assert lefts == [10, 9, 8, 7]


def test_under_nan_the_guard_shows_itself() -> None:
    policy = Policy("a", "max", stop=Patience(10))
    decision = policy.first_stop([0.5, NAN, NAN, NAN])
    assert decision is not None
    assert decision.verdict.cause is Cause.BROKEN
    assert decision.verdict.evidence == {"non_finite": 3, "limit": 3}
    assert decision.best == 0.5


def _nobody() -> Any:
    from tune_es import Cohort

    return Cohort().peers("t")


def test_a_curve_may_bring_its_own_steps() -> None:
    policy = Policy("a", "max", stop=Patience(2), time_attr="t/s")
    nested = [{"t": {"s": 10 * at}, "a": 1.0} for at in range(9)]
    flat = [{"t/s": 10 * at, "a": 1.0} for at in range(9)]
    assert stops(policy, nested) == stops(policy, flat) == (20, "STALLED")


def test_results_that_repeat_a_step_do_not_raise() -> None:
    policy = Policy("a", "max", max_t=10)
    assert stops(policy, [{"training_iteration": 1, "a": 0.5}] * 30) is not None


def test_a_result_without_the_metric_is_no_evaluation() -> None:
    rows: list[dict[str, float]] = [{"a": 1.0}, {}, {}, {}, {"a": 1.0}, {"a": 1.0}]
    assert stops(Policy("a", "max", stop=Patience(2)), rows) == (6, "STALLED")


def test_policies_are_equal_by_what_they_say() -> None:
    one = Policy("a", "max", stop="safe", max_t=9, other_metrics={"b": "min", "c": "max"})
    other = Policy("a", "max", {"Adaptive": {"budget_share": 0.4, "history_share": 0, "trend_share":
                   0.33, "z": 1, "tolerance": 0.003}}, {"c": "max", "b": "min"}, 9)  # fmt: skip
    assert one == other
    assert repr(one) == repr(other) or one.to_dict() == other.to_dict()
    assert one != Policy("a", "max", stop="balanced", max_t=9)


def test_a_policy_uses_peers_where_its_rule_does() -> None:
    from tune_es import BelowMedian

    assert Policy("a", "max", stop=BelowMedian() | P3).uses_peers
    assert not Policy("a", "max", stop=P3).uses_peers


@pytest.mark.parametrize(("mode", "worth"), [("max", 0.75), ("min", -0.85)])
def test_utility_is_the_best_value_less_the_share_of_the_budget(mode: str, worth: float) -> None:
    policy = Policy("score", mode, stop=Patience(1), max_t=10, budget_price=0.25)
    decision = policy.first_stop([0.8, 0.8])
    assert decision is not None
    assert policy.utility(decision) == pytest.approx(worth)
    assert Policy("score", mode, max_t=10).utility(decision) is None
    assert Policy.from_yaml(policy.to_yaml()) == policy


def test_before_a_value_was_seen_utility_is_no_number() -> None:
    policy = Policy("score", "max", stop=Patience(1), max_t=10, budget_price=1)
    decision = policy.first_stop([math.nan] * 3)
    assert decision is not None
    assert math.isnan(policy.utility(decision) or 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"budget_price": 1}, r"Policy\.max_t is needed by budget_price=1"),
        ({"budget_price": -1, "max_t": 9}, r"Policy\.budget_price must be .*at least 0, got -1"),
        ({"budget_price": "1", "max_t": 9}, r"Policy\.budget_price must be a number"),
    ],
)
def test_a_price_needs_a_budget_and_is_not_negative(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Policy("score", "max", stop=Patience(1), **fields)
