"""Law 10. What can be checked when a policy is built never raises in the middle of a sweep."""

from __future__ import annotations

import math
import pickle
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import refusal
from tests.samples import CRITERIA, OTHERS, criterion_samples, policy_with
from tests.strategies import rich_rules, wild
from tests.unit.test_reading import Odd
from tune_es import Criterion, Policy, Referee
from tune_es.spec import KINDS, PRESETS, from_spec, to_spec

SAMPLES = criterion_samples()

#: What people put into a policy file, right and wrong.
ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, False, 0, 1, -1, 2, 3, 0.0, 0.25, 0.5, 1.0, -1.5, 1e300, 10**400, math.nan,
        math.inf, "", "3", "1e-3", "min", "max", "any", "all", "primary", "range", "deviation",
        "loss", "f1", "score", "train", "nowhere", "safe", "Patience", "MovingMean",
        [], [1], ["f1"], ["f1", "loss"], ["Patience"], ["Patience", "Target"], {}, {"f1": 1},
        {"f1": 1, "loss": 2}, {"f1": "max"}, {"f1": 0}, {"f1": -1}, {"g": {"f1": 1}}, {"g": 3},
        {3: {"f1": 1}}, {1: 2}, {"Patience": {"patience": 3}}, {"Patience": 3}, {"Patience": {}},
        {"AnyOf": ["Patience"]}, {"AnyOf": {"criteria": ["Patience"]}}, {"AtLeast": {"k": 2}},
    ]
)  # fmt: skip

#: What trials report, right and wrong.
VALUES: st.SearchStrategy[Any] = wild | st.sampled_from(
    [None, True, "0.5", [0.5], {"x": 1}, 10**400, 3, b"1", 1j, object, Odd(KeyError)]
)
RESULTS = st.lists(
    st.dictionaries(st.sampled_from(["score", "f1", "loss", "train", "train_weight"]), VALUES),
    max_size=12,
)


def run(policy: Policy, results: list[dict[str, Any]]) -> None:
    """A trial from its first result to its last, stopped or not, and everything said of it."""
    referee = Referee(policy)
    for step, row in enumerate(results, start=1):
        decision = referee.report("trial", {**row, policy.time_attr: step})
        assert (decision.verdict.cause is not None) == decision.stop
        assert decision.verdict.evidence or not decision.stop
    pickle.dumps(referee.snapshot())


def field_names(name: str) -> list[str]:
    kind: Any = KINDS[name]
    return [each.name for each in fields(kind)]


@settings(max_examples=400)
@given(
    name=st.sampled_from([name for name, kind in KINDS.items() if issubclass(kind, Criterion)]),
    data=st.data(),
    results=RESULTS,
)
def test_law_10_plain_data_is_refused_or_works(
    name: str, data: st.DataObject, results: list[dict[str, Any]]
) -> None:
    names = st.sampled_from(field_names(name) or ["none of its own"])
    arguments = data.draw(st.dictionaries(names, ODD, max_size=3) | ODD)
    try:
        criterion = from_spec({name: arguments})
        policy = policy_with(criterion)
    except ValueError:
        return
    run(policy, results)
    assert Policy.from_yaml(policy.to_yaml()) == policy


@settings(max_examples=300)
@given(
    changes=st.dictionaries(st.sampled_from([each.name for each in fields(Policy)]), ODD),
    results=RESULTS,
)
def test_law_10_a_policy_is_refused_or_works(
    changes: dict[str, Any], results: list[dict[str, Any]]
) -> None:
    plain = {"metric": "score", "mode": "max", "stop": "balanced", "max_t": 9, **changes}
    try:
        policy = Policy.from_dict(plain)
    except ValueError:
        return
    run(policy, results)
    assert Policy.from_yaml(policy.to_yaml()) == policy


@settings(max_examples=200)
@given(
    rule=rich_rules | st.sampled_from(sorted(PRESETS)).map(from_spec),
    params=st.dictionaries(
        st.sampled_from(
            ["patience", "window", "k", "stop", "max_t", "min_gain", "Patience.patience"]
        ),
        ODD,
        max_size=2,
    ),
    results=RESULTS,
)
def test_law_10_parameters_of_a_trial_are_refused_or_work(
    rule: Criterion, params: dict[str, Any], results: list[dict[str, Any]]
) -> None:
    try:
        policy = policy_with(rule).with_params(params)
    except ValueError:
        return
    run(policy, results)


@pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)
@settings(max_examples=15)
@given(results=RESULTS)
def test_law_10_no_result_raises(criterion: Criterion, results: list[dict[str, Any]]) -> None:
    run(policy_with(criterion), results)


@pytest.mark.parametrize(
    "step", [None, True, "3", [3], {"x": 1}, 10**400, 1j, object, math.nan, math.inf, -math.inf]
)
def test_law_10_a_result_without_a_step_is_read_without_raising(step: object) -> None:
    reading = policy_with(SAMPLES["Patience-1"]).read("t", {"training_iteration": step, "score": 1})
    assert reading.observation is None
    assert "training_iteration" in reading.problems


def misspelt(name: str) -> str:
    """The name as a hurried person types it: a letter is missing, or one too many."""
    return name[:2] + name[3:] if len(name) > 4 else name + name[-1]


@pytest.mark.parametrize("name", CRITERIA)
def test_law_10_a_misspelt_criterion_is_answered_with_its_name(name: str) -> None:
    message = refusal(from_spec, {misspelt(name): {}})
    assert f"did you mean {name!r}?" in message


FIELDS = [
    (name, each.name)
    for name, samples in CRITERIA.items()
    for each in fields(samples[0])
    if each.name != "criteria"
]


@pytest.mark.parametrize(("name", "field"), FIELDS)
def test_law_10_a_misspelt_field_is_answered_with_its_name(name: str, field: str) -> None:
    spec = to_spec(CRITERIA[name][0])[name]
    arguments = spec if isinstance(spec, dict) else {}
    message = refusal(from_spec, {name: {**arguments, misspelt(field): 1}})
    assert f"stop.{name} has no field {misspelt(field)!r}" in message
    assert f"did you mean {field!r}?" in message


@pytest.mark.parametrize("field", [each.name for each in fields(Policy)])
def test_law_10_a_misspelt_field_of_a_policy_is_answered_with_its_name(field: str) -> None:
    plain = {"metric": "score", "mode": "max", "stop": {"Patience": {"patience": 3}}}
    message = refusal(Policy.from_dict, {**plain, misspelt(field): 1})
    assert f"Policy has no field {misspelt(field)!r}" in message
    assert f"did you mean {field!r}?" in message


@pytest.mark.parametrize("mode", ["minimum", "MIN", "mx", "lower", "", None, True, 1, ["min"]])
def test_law_10_a_wrong_mode_is_answered_with_the_right_ones(mode: Any) -> None:
    plain = {"metric": "score", "stop": {"Patience": {"patience": 3}}}
    for data in ({**plain, "mode": mode}, {**plain, "mode": "max", "other_metrics": {"f1": mode}}):
        message = refusal(Policy.from_dict, data)
        assert f"must be a known name, got {mode!r}" in message
        assert "Valid: max, min" in message


@pytest.mark.parametrize("metric", OTHERS)
def test_law_10_a_misspelt_metric_is_answered_with_its_name(metric: str) -> None:
    stop = {"Patience": {"patience": 3, "metric": metric + "s"}}
    message = refusal(Policy, "score", "max", stop=stop, other_metrics=OTHERS)
    assert f"judges {metric + 's'!r}" in message
    assert f"did you mean {metric!r}?" in message
