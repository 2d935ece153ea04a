"""What travels between the rooms."""

from __future__ import annotations

import math
import pickle
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from tests.builders import refusal
from tune_es import Action, Cause, Decision, Metric, Observation, Verdict
from tune_es.records import JUDGEMENTS, PRECEDENCE


def test_a_metric_knows_its_sign() -> None:
    assert (Metric("loss", "min").sign, Metric("f1", "max").sign) == (-1, 1)


@pytest.mark.parametrize(
    ("name", "mode", "words"),
    [
        ("loss", "minimum", "Metric.mode must be a known name, got 'minimum'; did you mean 'min'?"),
        ("loss", "Max", "did you mean 'max'?"),
        ("loss", "lower", "Valid: max, min"),
        ("loss", None, "got None"),
        ("loss", True, "got True"),
        ("loss", 1, "got 1"),
        ("", "min", "Metric.name must be a non-empty string, got ''"),
        (None, "min", "Metric.name must be a non-empty string, got None"),
        (3, "min", "got 3"),
        (["loss"], "min", "got ['loss']"),
    ],
)
def test_a_metric_that_is_none_is_refused(name: Any, mode: Any, words: str) -> None:
    assert words in refusal(Metric, name, mode)


def test_codes_of_causes_are_written_to_logs_and_never_change() -> None:
    assert {cause.name: cause.value for cause in Cause} == {
        "BROKEN": 1, "HOPELESS": 2, "STALLED": 3, "OVERFIT": 4, "REACHED": 5, "EXHAUSTED": 6
    }  # fmt: skip


def test_every_cause_has_its_place_in_the_order() -> None:
    assert sorted(cause.name for cause in PRECEDENCE) == sorted(cause.name for cause in Cause)
    assert len(set(PRECEDENCE)) == len(PRECEDENCE)
    judgements = [cause in JUDGEMENTS for cause in PRECEDENCE]
    assert judgements == sorted(judgements), "what cannot be wrong comes before what can"


def test_an_observation_tells_zero_from_absence() -> None:
    seen = Observation("t", 1, 0.0, {"loss": 0.0}, {"loss": -1}, sign=-1)
    assert seen.value(None) == 0.0
    assert seen.value("loss") == 0.0
    assert seen.value("f1") is None
    assert Observation("t", 1, None).value(None) is None


def test_an_observation_knows_the_sign_of_every_metric() -> None:
    seen = Observation("t", 1, 1.0, {"loss": -1.0}, {"loss": -1, "f1": 1}, sign=-1)
    assert [seen.sign_of(name) for name in (None, "loss", "f1", "a weight")] == [-1, -1, 1, 1]


@pytest.mark.parametrize(
    ("action", "stop"), [(Action.STOP, True), (Action.CONTINUE, False), (Action.PAUSE, False)]
)
def test_a_decision_says_whether_the_trial_ends(action: Action, stop: bool) -> None:
    assert Decision("t", 1, action, Verdict(False, "Patience")).stop is stop


def test_records_are_frozen_and_can_be_pickled() -> None:
    verdict = Verdict(True, "Patience", Cause.STALLED, {"best": 0.5}, 0)
    decision = Decision("t", 3, Action.STOP, verdict, 0.5, 1)
    records: list[Any] = [Metric("loss", "min"), Observation("t", 1, 0.5), verdict, decision]
    for record in records:
        twin = pickle.loads(pickle.dumps(record))
        assert twin == record
        with pytest.raises(FrozenInstanceError):
            record.step = 3
    assert pickle.loads(pickle.dumps(Cause.BROKEN)) is Cause.BROKEN


def test_a_decision_before_any_finite_value_has_no_best() -> None:
    decision = Decision("t", 1, Action.CONTINUE, Verdict(False, "Patience"))
    assert math.isnan(decision.best)
    assert decision.best_step is None
