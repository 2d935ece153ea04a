"""The composite: units do not drown, and a change of weights scores the whole history again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.builders import curve, late, refusal, shown, stop_at, stops, verdicts_on
from tests.samples import OTHERS
from tune_es import BelowMedian, Composite, Criterion, Patience, Policy, Target

#: A loss of about 5 falls a little while an accuracy of about 0.9 rises through its whole range.
LOSS = [5.0, 5.1, 5.2, 5.0, 5.2, 5.0, 5.2, 5.0]
ACCURACY = [0.50, 0.55, 0.60, 0.65, 0.70, 0.75, 0.80, 0.90]


def columns(**named: list[float]) -> list[dict[str, float]]:
    return [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]


def policy_with(rule: Criterion, **modes: str) -> Policy:
    return Policy("acc", "max", other_metrics={"loss": "min", **modes}, stop=rule)


def test_units_do_not_drown() -> None:
    """A raw weighted sum sees only the loss and stops; normalised, the accuracy keeps it alive."""
    weights = {"loss": 0.5, "acc": 0.5}
    rows = columns(loss=LOSS, acc=ACCURACY)
    raw = policy_with(Composite(Patience(2), weights=weights, normalise="none"))
    assert stops(raw, rows) is not None
    patient = Composite(Patience(3), weights=weights)
    assert stops(policy_with(patient), rows) is None
    assert (
        stops(policy_with(Composite(Patience(3), weights=weights, normalise="deviation")), rows)
        is None
    )


@pytest.mark.parametrize("normalise", ["range", "deviation"])
@pytest.mark.parametrize("unit", [1e-3, 1024.0])
def test_a_metric_may_be_measured_in_any_unit(normalise: str, unit: float) -> None:
    rule = Composite(Patience(2), weights={"loss": 2, "acc": 1}, normalise=normalise)
    other = [loss * unit for loss in LOSS]
    there = stops(policy_with(rule), columns(loss=LOSS, acc=ACCURACY))
    assert stops(policy_with(rule), columns(loss=other, acc=ACCURACY)) == there


def both(a: list[float], b: list[float], **more: list[float]) -> list[Any]:
    return curve(*[0.0] * len(a), metrics={"a": a, "b": b, **more})


A, B = [0.0, 1.0, 0.5, 0.5, 0.5, 0.5], [1.0, 0.0, 0.25, 0.5, 0.25, 0.0]


def plain(weights: Mapping[str, float], **options: Any) -> Composite:
    return Composite(Patience(2), weights=weights, normalise="none", **options)


def test_scheduled_weights_make_the_history_comparable() -> None:
    """From step 4 on `best` is what a run under the later weights alone would have had."""
    changed = plain({"a": 1, "b": 0}, schedule={4: {"a": 0, "b": 1}})
    fresh = plain({"a": 0, "b": 1})
    said, expected = verdicts_on(changed, both(A, B)), verdicts_on(fresh, both(A, B))
    assert shown(said[3:]) == shown(expected[3:])
    assert said[3].evidence["best"] == 1.0
    assert said[2].evidence["best"] == 1.0
    assert verdicts_on(plain({"a": 1, "b": 0}), both(A, B))[3].evidence["best"] == 1.0
    assert said[3].evidence["misses"] == 3


def test_reported_weights_make_the_history_comparable() -> None:
    rule = plain({"a": 1, "b": 0}, weights_from={"a": "w_a", "b": "w_b"})
    w_a, w_b = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    said = verdicts_on(rule, both(A, B, w_a=w_a, w_b=w_b))
    before, after = verdicts_on(plain({"a": 1, "b": 0}), both(A, B)), plain({"a": 0, "b": 1})
    assert shown(said[:3]) == shown(before[:3])
    assert shown(said[3:]) == shown(verdicts_on(after, both(A, B))[3:])


def test_without_scoring_again_the_old_best_would_never_be_beaten() -> None:
    """The trap: under the first weights scores are ten times those under the second."""
    big, small = [10.0, 10.0, 10.0, 10.0, 10.0, 10.0], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    rule = plain({"a": 1, "b": 0}, schedule={3: {"a": 0, "b": 1}})
    said = verdicts_on(rule, both(big, small))
    assert [each.evidence["misses"] for each in said] == [0, 1, 0, 0, 0, 0]
    assert said[-1].evidence["best"] == 0.6


def test_decisions_already_made_stay() -> None:
    """Only the verdict on the newest observation is given after the history was scored again."""
    rule = plain({"a": 1, "b": 0}, schedule={5: {"a": 0, "b": 1}})
    said = verdicts_on(rule, both(A, B))
    assert [each.stop for each in said] == [False, False, False, True, True, True]


def test_weights_of_a_result_hold_until_the_next() -> None:
    rule = plain({"a": 1, "b": 0}, weights_from={"a": "w_a", "b": "w_b"})
    once = [
        replace(seen, values={**seen.values, "w_a": 0.0, "w_b": 1.0}) if at == 2 else seen
        for at, seen in enumerate(both(A, B))
    ]
    after = verdicts_on(plain({"a": 0, "b": 1}), both(A, B))
    assert shown(verdicts_on(rule, once)[2:]) == shown(after[2:])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
def test_a_reported_weight_that_cannot_be_one_is_passed_over(bad: float) -> None:
    rule = plain({"a": 1, "b": 1}, weights_from={"a": "w_a"})
    said = verdicts_on(rule, both(A, B, w_a=[bad] * 6))
    assert shown(said) == shown(verdicts_on(plain({"a": 1, "b": 1}), both(A, B)))


def test_weights_that_are_all_zero_are_passed_over() -> None:
    rule = plain({"a": 1, "b": 1}, weights_from={"a": "w_a", "b": "w_b"})
    zero = [0.0] * 6
    said = verdicts_on(rule, both(A, B, w_a=zero, w_b=zero))
    assert shown(said) == shown(verdicts_on(plain({"a": 1, "b": 1}), both(A, B)))


def test_weights_need_not_sum_to_one() -> None:
    one = verdicts_on(plain({"a": 1, "b": 3}), both(A, B))
    assert shown(verdicts_on(plain({"a": 0.25, "b": 0.75}), both(A, B))) == shown(one)
    assert shown(verdicts_on(plain({"a": 100, "b": 300}), both(A, B))) == shown(one)


def test_a_group_has_one_weight_however_many_metrics_it_holds() -> None:
    rule = Composite(
        Patience(2),
        weights={"vision": 1, "text": 2, "joint": 1},
        groups={"vision": {"v_acc": 1, "v_map": 3}, "text": {"t_loss": 1}},
    )
    shares = {name: rule.share_of(name, rule.weights) for name in rule.metrics}
    assert shares == {"joint": 0.25, "t_loss": 0.5, "v_acc": 0.0625, "v_map": 0.1875}
    assert rule.metric_names == {"joint", "t_loss", "v_acc", "v_map"}
    assert sum(shares.values()) == 1.0


def test_a_metric_may_be_in_several_groups() -> None:
    rule = Composite(
        Patience(2), weights={"x": 1, "y": 1}, groups={"x": {"m": 1, "n": 1}, "y": {"m": 1}}
    )
    assert rule.share_of("m", rule.weights) == 0.75


def test_a_missing_metric_keeps_its_last_value_and_none_is_invented() -> None:
    rule = plain({"a": 1, "b": 1})
    nothing_yet = curve(0, 0, metrics={"a": [1.0, 2.0], "b": [None, None]})
    assert [dict(each.evidence) for each in verdicts_on(rule, nothing_yet)] == [{}, {}]
    seen = curve(0, 0, 0, metrics={"a": [1.0, 2.0, None], "b": [5.0, None, None]})
    said = verdicts_on(rule, seen)
    assert said[1].evidence["value"] == 3.5
    assert dict(said[2].evidence) == {}


def test_nan_in_one_metric_is_a_miss() -> None:
    said = verdicts_on(plain({"a": 1, "b": 1}), both([1.0, 2.0, math.nan, 3.0], [1.0] * 4))
    assert [each.evidence["misses"] for each in said] == [0, 0, 1, 0]


def test_a_flat_metric_adds_nothing() -> None:
    flat = Composite(Patience(2), weights={"a": 1, "b": 1})
    alone = Composite(Patience(2), weights={"a": 1})
    assert stop_at(flat, both(A, [7.0] * 6)) == stop_at(alone, both(A, [7.0] * 6)) == 3


def test_the_score_is_the_share_of_the_range() -> None:
    rule = Composite(Patience(9), weights={"a": 1, "b": 3})
    verdict = verdicts_on(rule, both([0.0, 10.0, 5.0], [0.0, 0.1, 0.05]))[-1]
    assert verdict.evidence["value"] == pytest.approx(0.5)
    assert verdict.evidence["best"] == pytest.approx(1.0)


def test_lower_is_better_for_a_metric_that_says_so() -> None:
    rule = Composite(Target(0.99), weights={"loss": 1})
    assert stops(policy_with(rule), columns(acc=[0.0] * 3, loss=[2.0, 1.0, 1.5])) == (2, "REACHED")


def test_a_rule_about_the_other_trials_cannot_judge_a_composite() -> None:
    def build() -> Policy:
        rule = Composite(BelowMedian(), weights={"f1": 1})
        return Policy("score", "max", stop=rule, other_metrics=OTHERS)

    assert "BelowMedian" in refusal(build)


RULE = Patience(2)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(Composite, "safe", {"a": 1}), "Composite joins criteria such as Patience(5), got"),
        (late(Composite, RULE, {}), "Composite.weights must hold a weight above 0, got {}"),
        (late(Composite, RULE, {"a": 0}), "must hold a weight above 0, got {'a': 0}"),
        (
            late(Composite, RULE, {"a": -1}),
            "Composite.weights[a] must be a number at least 0, got -1",
        ),
        (late(Composite, RULE, {"a": "1"}), "got '1'"),
        (late(Composite, RULE, {"a": True}), "got True"),
        (late(Composite, RULE, {"a": math.nan}), "got nan"),
        (late(Composite, RULE, ["a"]), "Composite.weights must map names to values, got ['a']"),
        (late(Composite, RULE, 3), "Composite.weights must map"),
        (
            late(Composite, RULE, {"a": 1}, {"b": {"c": 1}}),
            "Composite.groups must be a known name",
        ),
        (
            late(Composite, RULE, {"a": 1}, {"a": {"c": 0}}),
            "Composite.groups[a] must hold a weight",
        ),
        (late(Composite, RULE, {"a": 1}, {"a": ["c"]}), "Composite.groups[a] must map"),
        (late(Composite, RULE, {"a": 1}, normalise="rang"), "did you mean 'range'?"),
        (late(Composite, RULE, {"a": 1}, normalise=None), "Composite.normalise"),
        (
            late(Composite, RULE, {"a": 1}, schedule={-1: {"a": 1}}),
            "Composite.schedule step must",
        ),
        (late(Composite, RULE, {"a": 1}, schedule={"9": {"a": 1}}), "got '9'"),
        (
            late(Composite, RULE, {"a": 1}, schedule={9: {"b": 1}}),
            "Composite.schedule[9] must be a kn",
        ),
        (
            late(Composite, RULE, {"a": 1}, schedule={9: {"a": 0}}),
            "Composite.schedule[9] must hold",
        ),
        (late(Composite, RULE, {"a": 1}, schedule={9: 1}), "Composite.schedule[9] must map"),
        (
            late(Composite, RULE, {"a": 1}, schedule={9: {"a": 1}, "x": {"a": 1}}),
            "Composite.schedule",
        ),
        (
            late(Composite, RULE, {"a": 1}, weights_from={"b": "w"}),
            "Composite.weights_from must be",
        ),
        (late(Composite, RULE, {"a": 1}, weights_from={"a": 3}), "result keys, got 3"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
