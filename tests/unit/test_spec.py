"""Criteria as plain data: both ways, and what is refused on the way in."""

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import refusal
from tune_es import (
    Adaptive,
    After,
    AllOf,
    AnyOf,
    AtLeast,
    BelowMedian,
    Composite,
    Criterion,
    Cyclic,
    MovingMedian,
    Patience,
    PerMetric,
    Plateau,
    Smoothed,
    SuccessiveHalving,
    Target,
)
from tune_es.spec import KINDS, PRESETS, from_spec, to_spec

#: A criterion, and how it is written; what has its default is left out.
WRITTEN: list[tuple[Criterion, Any]] = [
    (Patience(), {"Patience": {}}),
    (Patience(5), {"Patience": {"patience": 5}}),
    (Patience(0.5, relative=True), {"Patience": {"patience": 0.5, "relative": True}}),
    (Patience(5, baseline=0), {"Patience": {"patience": 5, "baseline": 0}}),
    (Patience(5, metric="val/loss"), {"Patience": {"patience": 5, "metric": "val/loss"}}),
    (Target(0.9), {"Target": {"value": 0.9}}),
    (Target(0), {"Target": {"value": 0}}),
    (
        Patience(5) | Target(0.9),
        {"AnyOf": [{"Patience": {"patience": 5}}, {"Target": {"value": 0.9}}]},
    ),
    (
        Patience(5) & Target(0.9),
        {"AllOf": [{"Patience": {"patience": 5}}, {"Target": {"value": 0.9}}]},
    ),
    (
        AtLeast(2, Patience(5), Plateau()),
        {"AtLeast": {"criteria": [{"Patience": {"patience": 5}}, {"Plateau": {}}], "k": 2}},
    ),
    (After(3, Plateau()), {"After": {"first_step": 3, "rule": {"Plateau": {}}}}),
    (
        Smoothed(Plateau(), by=MovingMedian(3)),
        {"Smoothed": {"rule": {"Plateau": {}}, "by": {"MovingMedian": {"window": 3}}}},
    ),
    (Smoothed(Patience()), {"Smoothed": {"rule": {"Patience": {}}}}),
    (Cyclic(Plateau(), 4), {"Cyclic": {"rule": {"Plateau": {}}, "period": 4}}),
    (
        PerMetric(Patience(), ("a", "b"), join=2),
        {"PerMetric": {"rule": {"Patience": {}}, "metrics": ["a", "b"], "join": 2}},
    ),
    (
        Composite(Plateau(), {"g": 1}, groups={"g": {"a": 1, "b": 2}}, schedule={10: {"g": 2}}),
        {
            "Composite": {
                "rule": {"Plateau": {}},
                "weights": {"g": 1},
                "groups": {"g": {"a": 1, "b": 2}},
                "schedule": {10: {"g": 2}},
            }
        },
    ),
    (Adaptive.balanced(), {"Adaptive": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("criterion", "written"), WRITTEN)
def test_written_and_read(criterion: Criterion, written: Any) -> None:
    assert to_spec(criterion) == written
    assert from_spec(written) == criterion


@pytest.mark.parametrize(
    ("written", "criterion"),
    [
        ("safe", Adaptive.safe()),
        ("balanced", Adaptive.balanced()),
        ("patience", Patience()),
        ("median", BelowMedian()),
        ("halving", SuccessiveHalving()),
        ("aggressive", Adaptive.aggressive()),
        ("Patience", Patience()),
        ({"Patience": None}, Patience()),
        ({"Patience": {}}, Patience()),
        (Patience(3), Patience(3)),
        ({"AnyOf": ["Patience"]}, AnyOf(Patience())),
        ({"AnyOf": {"criteria": ["Patience", "Plateau"]}}, Patience() | Plateau()),
        ({"AllOf": ["safe", {"Target": {"value": 1}}]}, AllOf(Adaptive.safe(), Target(1))),
        (
            {"Smoothed": {"rule": "Plateau", "by": "MovingMedian"}},
            Smoothed(Plateau(), MovingMedian()),
        ),
        ({"After": {"first_step": 2, "rule": Patience(3)}}, After(2, Patience(3))),
        ({"PerMetric": {"rule": "Patience", "metrics": ("a",)}}, PerMetric(Patience(), ("a",))),
        ({"AtLeast": {"k": 1, "criteria": ("Patience",)}}, AtLeast(1, Patience())),
    ],
)
def test_other_ways_to_write_it(written: Any, criterion: Criterion) -> None:
    assert from_spec(written) == criterion


def test_presets_and_classes_have_different_names() -> None:
    assert not set(PRESETS) & set(KINDS)
    assert all(from_spec(name) == PRESETS[name]() for name in PRESETS)


#: What is written, and words of the refusal: who, rule, value, nearest valid name.
REFUSED: list[tuple[Any, list[str]]] = [
    ("balancd", ["stop names no criterion 'balancd'", "did you mean 'balanced'?"]),
    ("plateau", ["did you mean 'Plateau'?"]),
    ("", ["names no criterion ''"]),
    (None, ["stop must be the name of a preset or a criterion", "got None", "presets: safe"]),
    (3, ["got 3"]),
    (True, ["got True"]),
    ([], ["got []"]),
    (["Patience"], ["got ['Patience']"]),
    ({}, ["got {}"]),
    ({"Patience": {}, "Target": {}}, ["one criterion with its fields"]),
    ({3: {}}, ["got {3: {}}"]),
    ({"Patience": 3}, ["stop.Patience must hold fields and their values, got 3"]),
    ({"Patience": "5"}, ["stop.Patience must hold fields and their values, got '5'"]),
    ({"Patiense": {}}, ["stop names no criterion 'Patiense'", "did you mean 'Patience'?"]),
    ({"Patience": {"patiense": 3}}, ["stop.Patience has no field 'patiense'", "mean 'patience'?"]),
    ({"Patience": {3: 3}}, ["stop.Patience has no field 3"]),
    ({"Patience": {"monitor": "x"}}, ["it is called 'metric' here"]),
    ({"Patience": {"patience": -3}}, ["Patience.patience must be", "got -3"]),
    ({"Target": {}}, ["stop.Target lacks the field 'value', which has no default"]),
    ("Target", ["stop.Target lacks the field 'value'"]),
    ({"Target": []}, ["Target"]),
    ({"Patience": ["Target"]}, ["Patience"]),
    ({"Patience": [3]}, ["Patience"]),
    ({"AnyOf": []}, ["AnyOf.criteria must hold at least 1 criterion"]),
    ({"AnyOf": None}, ["AnyOf"]),
    ({"AnyOf": ["Patience", "Targt"]}, ["AnyOf.criteria[1] names no criterion 'Targt'"]),
    ({"AnyOf": ["Patience", 3]}, ["stop.AnyOf.criteria[1] must be the name", "got 3"]),
    ({"AnyOf": ["MovingMean"]}, ["AnyOf"]),
    ({"AtLeast": {"criteria": ["Patience"]}}, ["AtLeast.k"]),
    ({"AtLeast": {"k": 1}}, ["AtLeast.criteria must hold at least 1"]),
    ({"AtLeast": {"k": 1, "criteria": "Patience"}}, ["must be a list of criteria, got 'Patience'"]),
    ({"AtLeast": ["Patience"]}, ["AtLeast"]),
    ({"After": {"first_step": 3}}, ["stop.After lacks the field 'rule'"]),
    ({"After": {"first_step": 3, "rule": "Plato"}}, ["stop.After.rule names no criterion 'Plato'"]),
    ({"After": {"first_step": 3, "rule": {"Patience": {"p": 3}}}}, ["stop.After.rule.Patience"]),
    ({"Smoothed": {"rule": "Patience", "by": "Patience"}}, ["Smoothed.by must be a signal"]),
    ({"Smoothed": {"rule": "Patience", "by": {"MovingMean": {"windw": 3}}}}, ["'window'?"]),
    ({"Smoothed": {"rule": "MovingMean"}}, ["Smoothed"]),
    ("MovingMean", ["stop must describe a criterion, got 'MovingMean'"]),
    ({"PerMetric": {"rule": "Patience", "metrics": "loss"}}, ["PerMetric.metrics must be a list"]),
    ({"PerMetric": {"rule": "Patience", "metrics": 3}}, ["PerMetric.metrics"]),
    ({"Composite": {"rule": "Patience", "weights": [1]}}, ["Composite.weights must map"]),
    ({"Criterion": {}}, ["stop names no criterion 'Criterion'"]),
    ({"_Joined": []}, ["stop names no criterion '_Joined'"]),
    ({"__import__": {}}, ["stop names no criterion '__import__'"]),
    ({"os.system": ["echo"]}, ["stop names no criterion 'os.system'"]),
]  # fmt: skip


@pytest.mark.parametrize(("written", "words"), REFUSED)
def test_what_is_refused(written: Any, words: list[str]) -> None:
    message = refusal(from_spec, written)
    assert [each for each in words if each not in message] == [], message


def test_the_place_is_told_wherever_it_is() -> None:
    deep = {"AnyOf": ["safe", {"AllOf": [{"After": {"first_step": 1, "rule": {"Target": {}}}}]}]}
    message = refusal(from_spec, deep, "es.stop")
    assert (
        "es.stop.AnyOf.criteria[1].AllOf.criteria[0].After.rule.Target lacks the field 'value'"
        in message
    )


def test_only_criteria_are_offered_where_a_criterion_is_asked_for() -> None:
    message = refusal(from_spec, 3)
    assert "Patience" in message
    assert "MovingMean" not in message


def test_a_spec_is_not_changed_by_reading_it() -> None:
    written = {
        "AnyOf": [{"Patience": {"patience": 5}}, {"After": {"first_step": 1, "rule": "safe"}}]
    }
    before = repr(written)
    from_spec(written)
    assert repr(written) == before
