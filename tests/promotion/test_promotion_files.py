"""Promotion in a policy: in Python, in YAML, and refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import late, refusal
from tests.promotion.streams import policy_of
from tests.samples import PROMOTIONS
from tune_es import AdaptiveQuota, AsyncHalving, Policy, RungTable
from tune_es.promotion import PromotionRule
from tune_es.replay import candidate
from tune_es.replay.curves import Task
from tune_es.spec import promotion_from_spec, to_spec

SAMPLES = [rule for rules in PROMOTIONS.values() for rule in rules]
SAMPLES += [AdaptiveQuota(max_regret=0.02), AsyncHalving(4, 1.5), RungTable({33: 4, 4: 33})]


@pytest.mark.parametrize("rule", SAMPLES, ids=repr)
def test_a_policy_with_promotion_survives_its_file(rule: PromotionRule) -> None:
    policy = policy_of(rule, 30)
    again = Policy.from_yaml(policy.to_yaml())
    assert again == policy
    assert again.promotion_rule == rule
    assert Policy.from_dict(policy.to_dict()) == policy
    assert promotion_from_spec(to_spec(rule)) == rule


WRITTEN = """\
metric: loss
mode: min
stop: safe
max_t: 30
promotion:
  RungTable:
    keep: {9: 2, 3: 5}
"""


def test_the_file_and_the_expression_are_equal() -> None:
    policy = Policy("loss", "min", stop="safe", max_t=30, promotion=RungTable({3: 5, 9: 2}))
    assert Policy.from_yaml(WRITTEN) == policy


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("AdaptiveQuota", AdaptiveQuota()),
        ({"AdaptiveQuota": {}}, AdaptiveQuota()),
        ({"AdaptiveQuota": {"max_regret": 0.05}}, AdaptiveQuota(0.05)),
        ({"AsyncHalving": {"grace_period": 2.0}}, AsyncHalving(2)),
    ],
)
def test_a_rule_as_plain_data(spec: Any, rule: PromotionRule) -> None:
    assert Policy("loss", "min", max_t=9, promotion=spec).promotion == rule


def test_a_policy_without_promotion_writes_none() -> None:
    policy = Policy("loss", "min", max_t=9)
    assert policy.promotion_rule is None
    assert "promotion" not in policy.to_yaml()


def test_a_rule_is_not_changed_by_what_happens_to_its_table() -> None:
    table = {4: 3}
    rule = RungTable(table)
    table[4] = 99
    assert rule == RungTable({4: 3})


#: What is given as ``promotion``, and what the message names.
REFUSED: dict[str, tuple[Any, list[str]]] = {
    "a rule misspelt": ("AdaptivQuota", ["promotion", "'AdaptivQuota'", "AdaptiveQuota"]),
    "a field misspelt": (
        {"AdaptiveQuota": {"max_regrets": 0.1}},
        ["promotion.AdaptiveQuota", "'max_regrets'", "did you mean 'max_regret'"],
    ),
    "no regret": ({"AdaptiveQuota": {"max_regret": 0}}, ["AdaptiveQuota.max_regret", "0"]),
    "less than no regret": ({"AdaptiveQuota": {"max_regret": -1}}, ["max_regret", "-1"]),
    "a table without rungs": ({"RungTable": {}}, ["RungTable.keep"]),
    "a stopping rule": ("safe", ["promotion", "promotion rule", "AdaptiveQuota"]),
    "a criterion": ({"Patience": {"patience": 3}}, ["promotion", "promotion rule"]),
    "a number": (3, ["promotion", "3"]),
    "two rules": ({"AdaptiveQuota": {}, "AsyncHalving": {}}, ["promotion"]),
}


@pytest.mark.parametrize(("spec", "words"), REFUSED.values(), ids=REFUSED)
def test_refusals(spec: Any, words: list[str]) -> None:
    message = refusal(Policy, "loss", "min", max_t=9, promotion=spec)
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


def test_promotion_needs_the_budget() -> None:
    message = refusal(Policy, "loss", "min", stop="none", promotion=AdaptiveQuota())
    assert "Policy.max_t" in message
    assert "AdaptiveQuota" in message


@pytest.mark.parametrize("build", [late(Policy, "loss", "min", stop=AdaptiveQuota(), max_t=9)])
def test_a_promotion_rule_is_no_stopping_rule(build: Any) -> None:
    message = refusal(build)
    assert message.startswith("stop must describe a criterion")


def test_a_candidate_of_a_replay_takes_its_budget_from_the_task() -> None:
    each = candidate("{stop: none, promotion: {AdaptiveQuota: {max_regret: 0.02}}}")
    assert each.policy is not None
    policy = each.policy(Task("set", "task", "acc", "max", 50))
    assert (policy.promotion, policy.max_t) == (AdaptiveQuota(0.02), 50)
