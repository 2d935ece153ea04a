"""Reasons out of decisions, sentences and plain data."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_es import Budget, Criterion, Decision, Patience, Policy, Target, Verdict
from tune_es.monitoring import Why, sentence
from tune_es.records import Action, Cause

NUMBERS = st.floats() | st.integers(-10, 10)
WORDS = st.text("abcdefghijk_", min_size=1, max_size=6)


@given(st.sampled_from([*Cause]), st.dictionaries(WORDS, NUMBERS, max_size=4))
def test_a_sentence_is_read_back_as_it_was_rounded(
    cause: Cause, evidence: dict[str, float]
) -> None:
    decision = Decision("a", 3, Action.STOP, Verdict(True, "Patience", cause, evidence))
    said = Why.said(sentence(decision), 3)
    assert said is not None
    assert (said.cause, said.criterion, said.step) == (cause.name, "Patience", 3)
    rounded = {name: float(f"{value:.4g}") for name, value in evidence.items()}
    assert repr(said.evidence) == repr(rounded)


@given(st.dictionaries(WORDS, NUMBERS, max_size=4))
def test_plain_data_is_read_back_as_it_was(evidence: dict[str, float]) -> None:
    why = Why(3.0, "STALLED", "Patience", {k: float(v) for k, v in evidence.items()}, "words")
    assert repr(Why.read(json.loads(json.dumps(why.as_dict())))) == repr(why)


@pytest.mark.parametrize("text", [None, 3, "", "continue", "paused at rung 3", "odd: x (a=1)"])
def test_what_is_no_reason_of_a_stop_is_none(text: object) -> None:
    assert Why.said(text, 1) is None


@pytest.mark.parametrize("data", [None, 3, [], {}, {"evidence": 3}, {"evidence": {}, "step": "x"}])
def test_what_is_no_reason_is_none(data: object) -> None:
    assert Why.read(data) is None


@pytest.mark.parametrize("stop", [Patience(2), Target(0.5), Budget(steps=3)], ids=repr)
def test_every_stop_has_one(stop: Criterion) -> None:
    decision = Policy("loss", "min", stop=stop).first_stop([0.9, 0.95, 0.96, 0.4])
    why = Why.of(decision)
    assert why is not None
    assert Why.said(why.sentence, why.step) is not None
    assert not any(math.isnan(each) for each in why.evidence.values())


def test_a_decision_that_goes_on_has_none() -> None:
    assert Why.of(None) is None
    assert Why.of(Decision("a", 1, Action.CONTINUE, Verdict(False, "Patience"))) is None
