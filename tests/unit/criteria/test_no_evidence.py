"""NoEvidence: the sign of a smoothed number, and how long it has been above zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import curve, late, refusal, stops, verdicts_on
from tune_es import NoEvidence, PerMetric, Policy

NAN, INF = math.nan, math.inf
WHOLE = "evidence/whole"


def policy(rule: NoEvidence) -> Policy:
    return Policy("train_loss", "min", stop=rule, other_metrics={WHOLE: "min"})


def results(*numbers: float | None, name: str = WHOLE) -> list[dict[str, object]]:
    told = [{} if number is None else {name: number} for number in numbers]
    return [{"train_loss": 1.0 - 0.01 * at, **row} for at, row in enumerate(told)]


@pytest.mark.parametrize(
    ("patience", "smoothing", "numbers", "stop"),
    [
        # no smoothing: the sign of each value
        (1, 0.0, [-1.0, 0.0, 0.1], 3),
        (2, 0.0, [0.1, -0.1, 0.1, 0.1], 4),
        (2, 0.0, [0.1, None, 0.1], 3),
        (2, 0.0, [0.1, NAN, 0.1], 3),
        (2, 0.0, [0.1, INF, -INF, 0.1], 4),
        (1, 0.0, [0.0, 0.0, -0.0], None),
        (1, 0.0, [NAN, INF, None], None),
        # smoothed: one value above zero does not outweigh what was
        (1, 0.5, [-1.0, 0.4, 0.4], 3),  # -1, -0.067, 0.2
        (1, 0.5, [-1.0, 0.25, 0.1], None),  # -1, -0.167, -0.014
        (1, 0.9, [0.1], 1),  # no bias towards 0 at the start
        (1, 0.9, [-9.0, 0.5, 0.5, 0.5, 0.5], None),
    ],
)
def test_when_it_stops(
    patience: int, smoothing: float, numbers: list[float | None], stop: int | None
) -> None:
    found = stops(policy(NoEvidence(patience, smoothing)), results(*numbers))
    assert found == (None if stop is None else (stop, "STALLED"))


def test_the_evidence_is_what_was_reported_and_what_was_made_of_it() -> None:
    decision = policy(NoEvidence(2, 0.5)).first_stop(results(-1.0, 0.8, 0.5))
    assert decision is not None
    verdict = decision.verdict
    assert verdict.criterion == "NoEvidence[evidence/whole]"
    assert verdict.evidence == pytest.approx(
        {"value": 0.5, "smooth": (4 * 0.5 + 2 * 0.8 - 1.0) / 7, "over": 2, "limit": 2}
    )


def test_a_number_that_is_maximised_is_the_same_with_its_sign_turned() -> None:
    rule = NoEvidence(1, 0.0)
    judged = Policy("train_loss", "min", stop=rule, other_metrics={WHOLE: "max"})
    assert stops(judged, results(1.0, 0.5, -0.5)) == (3, "STALLED")


def test_a_nested_number_is_found() -> None:
    rows: list[dict[str, object]] = [{"train_loss": 1.0, "evidence": {"whole": 0.5}}] * 2
    assert stops(policy(NoEvidence(2)), rows) == (2, "STALLED")


def test_each_layer_is_waited_for() -> None:
    layers = ("evidence/body", "evidence/head")
    rule = PerMetric(NoEvidence(1, 0.0), metrics=layers)
    judged = Policy("train_loss", "min", stop=rule, other_metrics=dict.fromkeys(layers, "min"))
    pairs = [(0.1, -0.5), (-0.1, 0.5), (0.2, 0.1)]
    rows: list[dict[str, object]] = [
        {"train_loss": 1.0, "evidence": {"body": body, "head": head}} for body, head in pairs
    ]
    assert stops(judged, rows) == (3, "STALLED")


def test_left_counts_down_while_it_is_above_zero() -> None:
    seen = curve(*[None] * 5, metrics={WHOLE: [-1.0, 0.5, None, 0.5, -0.5]}, modes={WHOLE: "min"})
    said = verdicts_on(NoEvidence(2, 0.0), seen)
    assert [each.left for each in said] == [2, 1, 1, 0, 2]
    assert [each.heard for each in said] == [True, True, False, True, True]


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(NoEvidence, 0), "NoEvidence.patience must be a whole number of at least 1, got 0"),
        (late(NoEvidence, smoothing=1.0), "NoEvidence.smoothing must be a number at least 0 and"),
        (late(NoEvidence, smoothing=-0.1), "got -0.1"),
        (
            late(Policy, "train_loss", "min", stop=NoEvidence()),
            "Policy.stop judges 'evidence/whole', which is neither Policy.metric nor in Policy.",
        ),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)
