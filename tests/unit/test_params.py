"""The stopping parameters of one trial, laid over the policy of the sweep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.builders import refusal
from tests.samples import OTHERS
from tune_es import (
    Adaptive,
    After,
    AtLeast,
    Composite,
    Criterion,
    Cyclic,
    Divergence,
    Every,
    Patience,
    PerMetric,
    Plateau,
    Policy,
    Smoothed,
    Target,
)
from tune_es.params import changed, params_of

CHANGES: list[tuple[Criterion, dict[str, Any], Criterion]] = [
    (Patience(5), {}, Patience(5)),
    (Patience(5), {"patience": 7}, Patience(7)),
    (Patience(5), {"Patience.patience": 7}, Patience(7)),
    (Patience(5), {"patience": 7, "min_delta": 0.1}, Patience(7, min_delta=0.1)),
    (Patience(5), {"patience": 0.5}, Patience(0.5)),
    (Patience(5, baseline=1.0), {"baseline": None}, Patience(5)),
    (Adaptive.safe(), {"min_gain": 0.01}, Adaptive(5, 0.4, 0.0, 0.01, 0.33, 1.0, 0.003)),
    (Patience(5) | Target(0.9), {"value": 0.8}, Patience(5) | Target(0.8)),
    (Patience(5) | Target(0.9), {"Patience.patience": 2}, Patience(2) | Target(0.9)),
    (
        Patience(5) | Target(0.9),
        {"Patience.patience": 2, "Target.patience": 3},
        Patience(2) | Target(0.9, patience=3),
    ),
    (
        Patience(5, metric="f1") & Patience(5, metric="loss"),
        {"Patience[loss].patience": 2},
        Patience(5, metric="f1") & Patience(2, metric="loss"),
    ),
    (
        Patience(5, metric="val.f1") | Target(1),
        {"Patience[val.f1].patience": 2},
        Patience(2, metric="val.f1") | Target(1),
    ),
    (AtLeast(1, Patience(5), Plateau()), {"k": 2}, AtLeast(2, Patience(5), Plateau())),
    (After(3, Patience(5)), {"first_step": 4, "patience": 6}, After(4, Patience(6))),
    (Every(3, Patience(5)), {"n": 2}, Every(2, Patience(5))),
    (Smoothed(Patience(5)), {"patience": 6}, Smoothed(Patience(6))),
    (Cyclic(Patience(5)), {"period": 6}, Cyclic(Patience(5), 6)),
    (
        PerMetric(Patience(5), ("f1", "loss")),
        {"patience": 6, "join": "any"},
        PerMetric(Patience(6), ("f1", "loss"), "any"),
    ),
    (
        Composite(Patience(5), {"f1": 1, "loss": 1}),
        {"weights": {"f1": 3, "loss": 1}},
        Composite(Patience(5), {"f1": 3, "loss": 1}),
    ),
    ((Patience(5) & Plateau()) | Target(1), {"std": 0.5}, (Patience(5) & Plateau(0.5)) | Target(1)),
]


@pytest.mark.parametrize(("before", "params", "after"), CHANGES)
def test_fields_are_changed_wherever_they_are(
    before: Criterion, params: dict[str, Any], after: Criterion
) -> None:
    shown = repr(before)
    assert changed(before, params) == after
    assert repr(before) == shown


REFUSED: list[tuple[Criterion, dict[Any, Any], list[str]]] = [
    (Patience(5), {"patiense": 3}, ["es.patiense is no stopping parameter", "mean 'patience'?"]),
    (Patience(5), {"Plateau.std": 3}, ["es.Plateau.std is no stopping parameter"]),
    (Patience(5), {"metric": "x"}, ["es.metric is no stopping parameter"]),
    (Patience(5), {3: 3}, ["es.3 is no stopping parameter"]),
    (Patience(5), {"": 3}, ["is no stopping parameter"]),
    (Patience(5), {"patience": -3}, ["Patience.patience must be", "got -3"]),
    (Patience(5), {"patience": "3"}, ["got '3'"]),
    (Patience(5), {"patience": None}, ["got None"]),
    (
        Patience(5) | Target(0.9),
        {"patience": 3},
        ["es.patience is in several criteria; name one: Patience.patience, Target.patience"],
    ),
    (Patience(5) | Patience(9, min_delta=0.1), {"patience": 3}, ["in several criteria"]),
    (Patience(5) | Patience(9, min_delta=0.1), {"Patience.patience": 3}, ["in several criteria"]),
    (AtLeast(1, Patience(5), Plateau()), {"k": 3}, ["AtLeast.k must be at most"]),
    (Patience(5) | Target(0.9), {"criteria": []}, ["es.criteria is no stopping parameter"]),
    (Smoothed(Patience(5)), {"rule": "safe"}, ["es.rule is no stopping parameter"]),
]


@pytest.mark.parametrize(("criterion", "params", "words"), REFUSED)
def test_what_is_refused(criterion: Criterion, params: dict[Any, Any], words: list[str]) -> None:
    message = refusal(changed, criterion, params)
    assert [each for each in words if each not in message] == [], message


POLICY = Policy("score", "max", stop=Patience(5), other_metrics=OTHERS, max_t=20)


def test_a_policy_takes_fields_of_its_own_and_of_its_criteria() -> None:
    policy = POLICY.with_params({"max_t": 9, "patience": 2, "not_before": [3, 6]})
    assert (policy.max_t, policy.not_before, policy.criterion) == (9, (3, 6), Patience(2))
    assert POLICY.with_params({}) == POLICY
    assert POLICY.with_params({"nonfinite_patience": None}).nonfinite_patience is None


def test_a_whole_rule_may_be_a_parameter_and_is_changed_in_turn() -> None:
    assert POLICY.with_params({"stop": "safe"}).criterion == Adaptive.safe()
    policy = POLICY.with_params({"stop": {"Plateau": {"window": 6}}, "std": 0.5})
    assert policy.criterion == Plateau(0.5, 6)
    assert POLICY.with_params({"stop": Divergence()}).criterion == Divergence()


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"stop": "saf"}, "did you mean 'safe'?"),
        ({"max_t": -1}, "Policy.max_t must be a number above 0, got -1"),
        ({"max_t": None, "stop": "safe"}, "Policy.max_t is needed by Adaptive"),
        ({"mode": "min"}, "es.mode is no stopping parameter"),
        ({"stop": {"Patience": {"metric": "nowhere"}}}, "Policy.stop judges 'nowhere'"),
        ("safe", "es must map parameters to values, got 'safe'"),
        (["safe"], "got ['safe']"),
    ],
)
def test_what_a_policy_refuses(params: Any, words: str) -> None:
    assert words in refusal(POLICY.with_params, params)


def test_what_a_searcher_suggests_may_be_a_numpy_number() -> None:
    policy = POLICY.with_params({"patience": np.int64(3), "min_delta": np.float64(0.25)})
    assert policy.criterion == Patience(3, min_delta=0.25)
    assert Policy.from_yaml(policy.to_yaml()) == policy


@pytest.mark.parametrize(
    ("config", "params"),
    [
        ({"lr": 0.1}, {}),
        ({"es": None}, {}),
        ({"es": "safe"}, {"stop": "safe"}),
        ({"es": {"patience": 5}, "es/max_t": 9, 3: 4}, {"patience": 5, "max_t": 9}),
    ],
)
def test_a_config_holds_them_nested_or_flat(config: Any, params: dict[str, Any]) -> None:
    assert params_of(config) == params


def test_a_config_that_holds_something_else_there_is_refused() -> None:
    assert "config['es'] must map stopping parameters to values" in refusal(params_of, {"es": 3})
