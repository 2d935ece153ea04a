"""Prechelt's three criteria against numbers worked out by hand from the chapter's formulas."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tests.builders import curve, late, refusal, stop_at, stops, verdicts_on
from tune_es import (
    Cause,
    Criterion,
    GeneralizationLoss,
    Policy,
    ProgressQuotient,
    UninterruptedProgress,
)

#: Validation errors, and GL(t) = 100 * (E_va(t) / E_opt(t) - 1) after each.
ERRORS = [1.0, 0.8, 0.84, 0.88, 0.4, 0.5]
LOSSES = [0.0, 0.0, 5.0, 10.0, 0.0, 25.0]


def test_generalization_loss_is_that_of_the_formula() -> None:
    said = verdicts_on(GeneralizationLoss(alpha=100), curve(*ERRORS, mode="min"))
    assert [each.evidence["loss_percent"] for each in said] == pytest.approx(LOSSES)
    assert [each.evidence["best"] for each in said] == [1.0, 0.8, 0.8, 0.8, 0.4, 0.4]


@pytest.mark.parametrize(
    ("alpha", "stop"), [(4.9, 2), (5.1, 3), (9.9, 3), (10.1, 5), (24.9, 5), (25.1, None), (0, 2)]
)
def test_generalization_loss_fires_above_alpha(alpha: float, stop: int | None) -> None:
    seen = curve(*ERRORS, mode="min")
    assert stop_at(GeneralizationLoss(alpha), seen) == stop


def test_generalization_loss_at_alpha_itself_goes_on() -> None:
    assert stop_at(GeneralizationLoss(alpha=25), curve(0.5, 0.5, 0.625, mode="min")) is None


def test_generalization_loss_of_an_accuracy_is_a_share_of_its_best() -> None:
    said = verdicts_on(GeneralizationLoss(alpha=5), curve(0.8, 0.78, 0.72))
    assert [each.evidence["loss_percent"] for each in said] == pytest.approx([0.0, 2.5, 10.0])
    assert [each.cause for each in said] == [None, None, Cause.OVERFIT]


def test_generalization_loss_below_a_best_of_zero_is_infinite() -> None:
    said = verdicts_on(GeneralizationLoss(alpha=1e9), curve(0.0, 0.0, -1e-9))
    assert [each.evidence["loss_percent"] for each in said] == [0.0, 0.0, math.inf]
    assert said[-1].stop


def progress_policy(alpha: float, strip: int) -> Policy:
    return Policy(
        "val",
        "min",
        other_metrics={"train": "min"},
        stop=ProgressQuotient("train", alpha=alpha, strip=strip),
    )


#: P_k = 1000 * (mean / min - 1) over the strip [0.5, 0.4]: 1000 * (0.45 / 0.4 - 1) = 125, and GL
#: of 1.1 against 1.0 is 10: the quotient is 0.08.
ROWS = [
    {"val": 1.2, "train": 0.9},
    {"val": 1.0, "train": 0.7},
    {"val": 1.05, "train": 0.5},
    {"val": 1.1, "train": 0.4},
]


@pytest.mark.parametrize(("alpha", "stop"), [(0.079, 4), (0.081, None)])
def test_progress_quotient_is_that_of_the_formula(alpha: float, stop: int | None) -> None:
    expected = None if stop is None else (stop, "OVERFIT")
    assert stops(progress_policy(alpha, strip=2), ROWS) == expected


def test_progress_quotient_says_both_numbers() -> None:
    decision = progress_policy(0.05, strip=2).first_stop(ROWS)
    assert decision is not None
    evidence = decision.verdict.evidence
    assert evidence["loss_percent"] == pytest.approx(10.0)
    assert evidence["progress"] == pytest.approx(125.0)
    assert evidence["limit"] == 0.05


def test_progress_quotient_speaks_only_where_a_strip_ends() -> None:
    rows = [{"val": 1.0, "train": 1.0}, *[{"val": 2.0, "train": 1.0 - 0.001 * k} for k in range(9)]]
    for strip in (2, 3, 4, 5):
        assert stops(progress_policy(0.5, strip), rows) == (strip, "OVERFIT")


def test_progress_quotient_takes_halted_training_for_no_progress() -> None:
    rows = [{"val": 1.0, "train": 0.5}, {"val": 1.001, "train": 0.5}]
    assert stops(progress_policy(1e6, strip=2), rows) == (2, "OVERFIT")
    assert stops(progress_policy(1e6, strip=2), [{"val": 1.0, "train": 0.5}] * 4) is None


def test_progress_quotient_waits_for_both_metrics() -> None:
    rows: list[dict[str, object]] = [{"val": 1.0}, {"train": 1.0}, {"val": math.nan, "train": 1.0}]
    assert stops(progress_policy(0.0, strip=2), rows * 4) is None


#: Errors at the ends of strips of 2 are 6, 5, 6, 7, 5, 6, 7, 8.
STRIPS = [9, 6, 1, 5, 1, 6, 9, 7, 0, 5, 9, 6, 1, 7, 1, 8]


@pytest.mark.parametrize(("strips", "stop"), [(1, 5), (2, 7), (3, 15), (4, None)])
def test_uninterrupted_progress_counts_strips_that_ended_worse(
    strips: int, stop: int | None
) -> None:
    rule = UninterruptedProgress(strips, strip=2)
    assert stop_at(rule, curve(*STRIPS, mode="min")) == stop


def test_uninterrupted_progress_takes_a_tie_for_no_fall() -> None:
    rule = UninterruptedProgress(strips=2, strip=1)
    assert stop_at(rule, curve(3, 2, 2, 1, 1)) is None
    assert stop_at(rule, curve(3, 2, 1)) == 2


def test_uninterrupted_progress_passes_over_what_is_not_finite() -> None:
    rule = UninterruptedProgress(strips=1, strip=2)
    assert stop_at(rule, curve(5, math.nan, 5, math.inf, 4, 4)) == 5


def test_uninterrupted_progress_says_how_many_strips() -> None:
    said = verdicts_on(UninterruptedProgress(strips=3, strip=2), curve(*STRIPS, mode="min"))
    assert [each.evidence["worse_strips"] for each in said[1::2]] == [0, 0, 1, 2, 0, 1, 2, 3]
    assert said[-1].evidence["limit"] == 3


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            late(GeneralizationLoss, alpha=-1),
            "GeneralizationLoss.alpha must be a number at least",
        ),
        (late(GeneralizationLoss, alpha="5"), "got '5'"),
        (late(ProgressQuotient, "train", alpha=-0.5), "ProgressQuotient.alpha"),
        (late(ProgressQuotient, "train", strip=1), "whole number of at least 2, got 1"),
        (late(UninterruptedProgress, strips=0), "UninterruptedProgress.strips"),
        (late(UninterruptedProgress, strip=True), "UninterruptedProgress.strip must be a whole"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
