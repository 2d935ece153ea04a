"""A policy is one YAML file or one Python expression, and the two are equal."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import accepted, refusal
from tests.samples import OTHERS
from tests.strategies import rich_rules, sample_criteria
from tune_es import (
    Adaptive,
    Composite,
    Criterion,
    Divergence,
    OverfitGap,
    Patience,
    PerMetric,
    Policy,
    Target,
)
from tune_es.spec import KINDS

WRITTEN = """\
metric: val/loss
mode: min
stop:
  AnyOf:
    - Patience: {patience: 5, min_delta: 1e-3}
    - OverfitGap:
        train_metric: train/loss
        max_gap: 0.2
    - balanced
other_metrics:
  train/loss: min
max_t: 30
not_before: [10, 20]
"""


def test_the_file_and_the_expression_are_equal() -> None:
    policy = Policy(
        metric="val/loss",
        mode="min",
        stop=Patience(5, min_delta=0.001)
        | OverfitGap("train/loss", max_gap=0.2)
        | Adaptive.balanced(),
        other_metrics={"train/loss": "min"},
        max_t=30,
        not_before=(10, 20),
    )
    assert Policy.from_yaml(WRITTEN) == policy
    assert Policy.from_yaml(policy.to_yaml()) == policy


def test_a_policy_is_written_without_its_defaults() -> None:
    policy = Policy("loss", "min", stop=Patience(5))
    assert policy.to_yaml() == "metric: loss\nmode: min\nstop:\n  Patience:\n    patience: 5\n"


def test_a_guard_that_is_off_is_written() -> None:
    policy = Policy("loss", "min", stop=Patience(5), nonfinite_patience=None, not_before=0)
    assert "nonfinite_patience: null" in policy.to_yaml()
    assert Policy.from_yaml(policy.to_yaml()) == policy


@given(rule=sample_criteria | rich_rules)
def test_every_policy_survives_its_file(rule: Criterion) -> None:
    for policy in (
        Policy("score", "max", stop=rule, other_metrics=OTHERS, max_t=24, price_per_hour=1),
        Policy(
            "score",
            "min",
            stop=rule,
            other_metrics=OTHERS,
            max_t=2.5e6,
            time_attr="progress/step",
            not_before=[3, 4.5],
            nonfinite_patience=0,
            cost_attr="usd",
        ),
    ):
        text = policy.to_yaml()
        assert Policy.from_yaml(text) == policy
        assert Policy.from_yaml(text).to_yaml() == text
        assert Policy.from_dict(policy.to_dict()) == policy
        assert yaml.safe_load(text) is not None


@pytest.mark.parametrize("number", [1e-3, 1e-05, 1e22, 0.1 + 0.2, 5e-324, 123456789.125])
def test_numbers_survive_exactly(number: float) -> None:
    policy = Policy("loss", "min", stop=Patience(5, min_delta=number))
    assert Policy.from_yaml(policy.to_yaml()).criterion == Patience(5, min_delta=number)


@pytest.mark.parametrize(
    ("written", "number"),
    [("1e-3", 1e-3), ("1E-3", 1e-3), ("1.0e-3", 1e-3), ("+2e0", 2.0), (".5", 0.5), ("0", 0)],
)
def test_numbers_are_read_as_people_write_them(written: str, number: float) -> None:
    text = f"metric: a\nmode: min\nstop: {{Patience: {{patience: 5, min_delta: {written}}}}}"
    assert Policy.from_yaml(text).criterion == Patience(5, min_delta=number)


def test_anchors_and_merged_mappings_are_yaml_too() -> None:
    text = """\
metric: a
mode: min
other_metrics: {b: min}
stop:
  AllOf:
    - Patience: &patient {patience: 4, min_delta: 0.1}
    - Patience: {<<: *patient, metric: b}
"""
    rule = Patience(4, min_delta=0.1) & Patience(4, min_delta=0.1, metric="b")
    assert Policy.from_yaml(text).criterion == rule


def test_names_of_any_language_survive() -> None:
    policy = Policy(
        "Verlust/größe: ✓", "min", stop=Patience(5, metric="# no"), other_metrics={"# no": "max"}
    )
    assert Policy.from_yaml(policy.to_yaml()) == policy


@pytest.mark.parametrize(
    "name", ["yes", "no", "null", "3", "1e3", "~", "true", "- a", "{a}", "2020-01-01", "<<", "="]
)
def test_names_that_look_like_something_else_survive(name: str) -> None:
    policy = Policy(
        name, "max", stop=PerMetric(Patience(3), (name, "f1")), other_metrics={"f1": "max"}
    )
    assert Policy.from_yaml(policy.to_yaml()) == policy
    weighted = Policy(name, "max", stop=Composite(Patience(3), {name: 1}))
    assert Policy.from_yaml(weighted.to_yaml()) == weighted


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(WRITTEN, encoding="utf-8")
    assert Policy.from_file(path) == Policy.from_file(str(path)) == Policy.from_yaml(WRITTEN)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Policy.from_file(tmp_path / "nowhere.yaml")


#: Few lines that stand for six to the power of six rules.
LAUGHS = "metric: a\nmode: min\nmax_t: 9\nstop:\n  AnyOf:\n  - &r0 {Patience: {patience: 3}}\n" + (
    "".join(f"  - &r{at} {{AnyOf: [{', '.join([f'*r{at - 1}'] * 6)}]}}\n" for at in range(1, 7))
)

#: Code in a file: each would run something where a loader builds objects.
CODE = [
    "!!python/object/apply:os.system ['echo hacked > {path}']",
    "!!python/object/apply:builtins.open ['{path}', 'w']",
    "!!python/object/new:subprocess.Popen [['touch', '{path}']]",
    "!!python/name:os.system",
    "!!python/module:os",
    "!!python/object:tune_es.Patience {{patience: 3}}",
    "!!python/tuple [1, 2]",
    "!Patience {{patience: 3}}",
]


@pytest.mark.parametrize("code", CODE)
@pytest.mark.parametrize("field", ["metric", "stop", "not_before"])
def test_a_policy_file_can_run_nothing(code: str, field: str, tmp_path: Path) -> None:
    target = tmp_path / "hacked"
    good = {"metric": "a", "mode": "min", "stop": "safe", "max_t": "9"}
    lines = {**good, field: code.format(path=target)}
    text = "\n".join(f"{name}: {value}" for name, value in lines.items())
    assert "the policy is not valid YAML" in refusal(Policy.from_yaml, text)
    assert not target.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a policy must be a mapping of fields to values, got None"),
        ("- metric", "got ['metric']"),
        ("balanced", "got 'balanced'"),
        ("3", "got 3"),
        ("metric: [", "the policy is not valid YAML"),
        ("metric: a\n\tmode: min", "the policy is not valid YAML"),
        ("metric: a\nmode: min\n--- 1", "the policy is not valid YAML"),
        ("metric: a\nmode: min\nmetric: b", "'metric' a second time"),
        ("metric: a\nmode: min\nstop: {Patience: {patience: 3, patience: 4}}", "a second time"),
        ("metric: a\nmode: on", "Metric.mode must be a known name, got True"),
        ("metric: 3\nmode: min", "got 3"),
        (
            "metric: a\nmode: min\nmax_t: 20 epochs",
            "Policy.max_t must be a number above 0",
        ),
        ("metric: a\nmode: min\nmax_t: .inf", "got inf"),
        ("metric: a\nmode: min\nmax_t: .nan", "got nan"),
        ("metric: a\nmode: min\nmax_t: 2020-01-01", "Policy.max_t"),
        ("metric: a\nmode: min\nmax_t: 2020-13-45", "the policy is not valid YAML"),
        ("metric: a\nmode: min\n3: 4", "Policy has no field 3"),
        ("metric: a\nmode: min\nstop: {Patience: {patience: 0}}", "got 0"),
        ("metric: a\nmode: min\nstop: {Patience: [5]}", "Patience"),
        ("metric: a\nmode: min\nstop: [Patience]", "got ['Patience']"),
        ("? [a]\n: b", "the policy is not valid YAML"),
        ("metric: \x00", "the policy is not valid YAML"),
        ("[" * 5000, "the policy is not valid YAML"),
        ("metric: a\nmode: min\nother_metrics: {1: min, 1.0: max}", "1.0 a second time"),
        ("metric: a\nmode: min\nmax_t: !!int ''", "a value does not fit its tag"),
        ("metric: a\nmode: min\nmax_t: !!bool often", "a value does not fit its tag"),
        ("metric: a\nmode: min\nmax_t: !!timestamp soon", "a value does not fit its tag"),
        ("metric: a\nmode: min\nstop: !!map [1]", "a value does not fit its tag"),
        ("metric: a\nmode: min\nmax_t: 9" + "9" * 5000, "the policy is not valid YAML"),
        ("metric: a\nmode: min\nmax_t: 9" + "9" * 400, "Policy.max_t must be a number above 0"),
        ("metric: a\nmode: min\nnot_before: !!binary ''", "not_before must be a number at least 0"),
        ("metric: a\nmode: min\nnot_before: ''", "not_before must be a number at least 0, got ''"),
        ("metric: a\nmode: min\nstop: &a {AnyOf: [*a]}", "what begins in line 3 holds itself"),
        ("metric: a\nmode: min\nstop: &a {<<: *a}", "what begins in line 3 holds itself"),
        (LAUGHS, "has over 10000 values"),
    ],
    ids=range(35),
)
def test_what_is_refused(text: str, words: str) -> None:
    assert words in refusal(Policy.from_yaml, text)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", WRITTEN.encode("utf-16"), b"metric: \xe9"])
def test_a_file_that_is_no_utf_8_is_named(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    assert f"{str(path)!r} must be a text in UTF-8" in refusal(Policy.from_file, path)
    path.write_bytes(WRITTEN.encode("utf-8-sig"))
    assert Policy.from_file(path) == Policy.from_yaml(WRITTEN)


#: Anything that YAML can hold, with names that a policy knows at any depth.
NAMES = st.sampled_from(
    [*KINDS, *(each.name for each in fields(Policy)), "metric", "patience", "x"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | NAMES | st.text(max_size=4)
    | st.dates() | st.binary(max_size=2) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(NAMES | st.integers() | st.none(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=100)
@given(changes=st.dictionaries(NAMES, ANYTHING, max_size=3))
def test_any_data_are_a_policy_or_refused_in_one_line(changes: dict[str, Any]) -> None:
    text = yaml.safe_dump({"metric": "a", "mode": "min", "stop": "safe", "max_t": 9, **changes})
    policy = accepted(Policy.from_yaml, text)
    assert policy is None or Policy.from_yaml(policy.to_yaml()) == policy


@settings(max_examples=100)
@given(st.text("ab:-{}[]&*!<>|'\"?%#, \n\t19.e~=", max_size=30) | st.text(max_size=20))
def test_any_text_is_refused_in_one_line(text: str) -> None:
    assert len(refusal(Policy.from_yaml, text).splitlines()) == 1


def test_plain_data_hold_no_objects() -> None:
    policy = Policy("a", "min", stop=Target(1) | Divergence() | Patience(3), not_before=(1, 2))

    def plain(value: Any) -> bool:
        if isinstance(value, dict):
            return all(plain(key) and plain(item) for key, item in value.items())
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (str, int, float, bool)

    assert plain(policy.to_dict())
