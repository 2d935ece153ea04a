"""NonFinite, Divergence, Plateau, OverfitGap and WindowGain: what each takes for a fault."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import curve, late, refusal, stop_at, stops, verdicts_on
from tune_es import (
    Cause,
    Criterion,
    Divergence,
    NonFinite,
    OverfitGap,
    Plateau,
    Policy,
    WindowGain,
)

NAN, INF = math.nan, math.inf

TABLE: list[tuple[Criterion, list[float], int | None]] = [
    (NonFinite(0), [0.5, NAN], 1),
    (NonFinite(0), [INF], 0),
    (NonFinite(0), [0.5, -INF], 1),
    (NonFinite(1), [NAN, 0.5, NAN, 0.5], None),
    (NonFinite(1), [NAN, INF], 1),
    (NonFinite(2), [NAN, NAN, 0.5, NAN, -INF, INF], 5),
    (NonFinite(), [0.5, NAN, NAN, NAN], 3),
    (NonFinite(), [0.5] * 9, None),
    # drop: a share of the absolute best
    (Divergence(drop=0.5, patience=1), [1.0, 0.5], None),
    (Divergence(drop=0.5, patience=1), [1.0, 0.25], 1),
    (Divergence(drop=0.5, patience=1), [-1.0, -1.5], None),
    (Divergence(drop=0.5, patience=1), [-1.0, -1.75], 1),
    (Divergence(drop=0.5, patience=2), [1.0, 0.25, 1.0, 0.25, 0.25], 4),
    (Divergence(drop=0.5, patience=2), [1.0, 0.25, NAN, 0.25], 3),
    (Divergence(drop=1.0, patience=1), [0.0, -0.001], 1),
    # threshold
    (Divergence(drop=None, threshold=0.0, patience=1), [1.0, 0.0, -0.5], 2),
    (Divergence(drop=None, threshold=0.0, patience=1), [1.0, 0.0, 0.0], None),
    (Divergence(drop=None, threshold=-1.0, patience=2), [-2.0, -2.0], 1),
    (Divergence(drop=0.5, threshold=0.9, patience=1), [1.0, 0.95, 0.8], 2),
    # plateau
    (Plateau(std=0.0, window=3, grace_period=0), [1, 1, 1], 2),
    (Plateau(std=0.0, window=3, grace_period=0), [1, 2, 1, 1, 1], 4),
    (Plateau(std=0.0, window=3, grace_period=5), [1] * 6, 4),
    (Plateau(std=0.5, window=2, grace_period=0), [1, 2], 1),
    (Plateau(std=0.49, window=2, grace_period=0), [1, 2], None),
    (Plateau(std=0.0, window=2, grace_period=0), [1, NAN, 1, NAN, 1, 1], 5),
    (Plateau(std=0.0, window=2, grace_period=0), [INF, INF, INF], None),
    (Plateau(std=0.1, window=2, grace_period=0, relative=True), [100, 110], 1),
    (Plateau(std=0.1, window=2, grace_period=0, relative=True), [-100, -110], 1),
    (Plateau(std=0.1, window=2, grace_period=0, relative=True), [0.1, 0.2], None),
    (Plateau(std=0.0, window=2, grace_period=0, threshold=0.0), [1, 1, 1], None),
    (Plateau(std=0.0, window=2, grace_period=0, threshold=0.0), [0, 0], 1),
    (Plateau(std=0.0, window=2, grace_period=0, threshold=0.0), [-1, -1], 1),
    (Plateau(), [5, 5, 5, 5], 3),
    # window gain
    (WindowGain(2, min_gain=0.0), [1, 2, 3, 3, 3], 4),
    (WindowGain(2, min_gain=0.0), [1, 2, 1, 2, 1], 3),
    (WindowGain(3, min_gain=0.5, relative=False), [0, 0.25, 0.5, 0.75, 1, 1.25], None),
    (WindowGain(3, min_gain=0.75, relative=False), [0, 0.25, 0.5, 0.75, 1], 3),
    (WindowGain(2, min_gain=0.5), [-4, -3, -2.5, -1.5, -1.4, -1.3], 5),
    (WindowGain(2, min_gain=0.5), [4, 5, 6], 2),
    (WindowGain(2), [NAN, NAN, NAN, 1, 1, 1], 5),
    (WindowGain(2), [NAN] * 9, None),
    (WindowGain(1, min_gain=0.0), [1, NAN], 1),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "scores", "stop"), TABLE)
def test_when_it_stops(rule: Criterion, scores: list[float], stop: int | None) -> None:
    assert stop_at(rule, curve(*scores)) == stop


@pytest.mark.parametrize(
    ("rule", "losses", "stop", "cause"),
    [
        (Divergence(drop=0.5, patience=1), [1.0, 1.5, 1.6], 3, "HOPELESS"),
        (Divergence(drop=None, threshold=0.0, patience=1), [-1.0, 0.0, 0.1], 3, "HOPELESS"),
        (Divergence(drop=None, threshold=2.0, patience=2), [3.0, 1.0, 3.0, 3.0], 4, "HOPELESS"),
        (Plateau(0.0, 2, 0, threshold=0.0), [-1.0, -1.0, 0.0, 0.0], 4, "STALLED"),
        (Plateau(0.0, 2, 0, threshold=0.5), [0.4, 0.4, 0.6, 0.6], 4, "STALLED"),
        (NonFinite(1), [NAN, INF], 2, "BROKEN"),
        (WindowGain(2, min_gain=0.0), [3.0, 2.0, 2.0, 2.0], 4, "STALLED"),
    ],
)
def test_where_lower_is_better(rule: Criterion, losses: list[float], stop: int, cause: str) -> None:
    policy = Policy("loss", "min", stop=rule, nonfinite_patience=None)
    assert stops(policy, losses) == (stop, cause)


@pytest.mark.parametrize(
    ("rule", "scores", "evidence"),
    [
        (NonFinite(1), [NAN, NAN], {"non_finite": 2, "limit": 2}),
        (
            Divergence(drop=2.0, patience=1),
            [-1.0, -4.0],
            {"value": 4.0, "best": 1.0, "floor": 3.0, "bad": 1, "limit": 1},
        ),
        (Plateau(0.5, 2, 0), [-1.0, -2.0], {"value": 2.0, "std": 0.5, "limit": 0.5}),
        (
            WindowGain(1, min_gain=0.5, relative=False),
            [-2.0, -1.75],
            {"best": 1.75, "window": 1, "gain": 0.25, "needed": 0.5},
        ),
    ],
)
def test_the_evidence_is_in_the_users_sign(
    rule: Criterion, scores: list[float], evidence: dict[str, float]
) -> None:
    losses = [-score for score in scores]
    verdict = verdicts_on(rule, curve(*losses, mode="min"))[-1]
    assert verdict.stop
    assert verdict.evidence == evidence


def gap_policy(**options: Any) -> Policy:
    return Policy("val", "min", other_metrics={"train": "min"}, stop=OverfitGap("train", **options))


def rows(vals: list[float], trains: list[float]) -> list[dict[str, float]]:
    return [{"val": val, "train": train} for val, train in zip(vals, trains, strict=True)]


@pytest.mark.parametrize(
    ("vals", "trains", "stop"),
    [
        ([0.5, 0.6, 0.7], [0.5, 0.3, 0.2], (3, "OVERFIT")),  # both part: overfitting
        ([0.5, 0.6, 0.7], [0.5, 0.6, 0.7], None),  # both get worse: the gap stays
        ([0.5, 0.5, 0.5], [0.5, 0.3, 0.1], None),  # validation only stalls
        ([0.5, 0.4, 0.3], [0.5, 0.1, 0.0], None),  # both improve, at whatever distance
        ([0.5, 0.6, 0.7], [0.1, 0.3, 0.5], None),  # the gap narrows: training worse than that
        ([0.5, 0.6, 0.4, 0.6, 0.7], [0.5, 0.3, 0.3, 0.2, 0.1], (5, "OVERFIT")),
        ([0.5, 0.6, NAN, 0.7], [0.5, 0.3, 0.2, 0.2], (4, "OVERFIT")),
    ],
)
def test_an_overfitting_gap_is_training_better_than_validation(
    vals: list[float], trains: list[float], stop: tuple[int, str] | None
) -> None:
    assert stops(gap_policy(patience=2, max_gap=0.1), rows(vals, trains)) == stop


def test_the_gap_is_positive_under_overfitting_and_said_so() -> None:
    decision = gap_policy(patience=1).first_stop(rows([0.5, 0.75], [0.5, 0.25]))
    assert decision is not None
    assert decision.verdict.evidence == {
        "value": 0.75, "best": 0.5, "gap": 0.5, "gap_at_best": 0.0, "bad": 1, "limit": 1
    }  # fmt: skip


def test_a_gap_of_accuracies_is_that_of_losses_turned_round() -> None:
    policy = Policy(
        "val", "max", other_metrics={"train": "max"}, stop=OverfitGap("train", patience=1)
    )
    assert stops(policy, rows([0.8, 0.7], [0.8, 0.95])) == (2, "OVERFIT")
    assert stops(policy, rows([0.8, 0.7], [0.8, 0.6])) is None


def test_causes() -> None:
    seen = curve(1.0, -9.0, -9.0, -9.0, metrics={"train": [0.0, 1.0, 2.0, 3.0]})
    causes = {
        NonFinite(0): None,
        Divergence(0.5, patience=1): Cause.HOPELESS,
        Plateau(0.0, 2): Cause.STALLED,
        WindowGain(2): Cause.STALLED,
        OverfitGap("train"): Cause.OVERFIT,
    }
    for rule, cause in causes.items():
        assert verdicts_on(rule, seen)[-1].cause is cause


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(NonFinite, -1), "NonFinite.patience must be a whole number of at least 0, got -1"),
        (late(NonFinite, 1.0), "got 1.0"),
        (late(Divergence, None, None), "Divergence.drop or Divergence.threshold must be given"),
        (late(Divergence, 0), "Divergence.drop must be a number above 0, got 0"),
        (late(Divergence, NAN), "Divergence.drop must be a number above 0, got nan"),
        (late(Divergence, None, "bad"), "Divergence.threshold must be a number, got 'bad'"),
        (late(Divergence, patience=0), "Divergence.patience"),
        (late(Plateau, -0.1), "Plateau.std must be a number at least 0, got -0.1"),
        (late(Plateau, window=1), "Plateau.window must be a whole number of at least 2, got 1"),
        (late(Plateau, grace_period=-1), "Plateau.grace_period"),
        (late(Plateau, threshold=INF), "Plateau.threshold must be a number, got inf"),
        (late(Plateau, relative="no"), "Plateau.relative"),
        (late(OverfitGap, "train", -1), "OverfitGap.max_gap must be a number at least 0, got -1"),
        (late(OverfitGap, "train", patience=0), "OverfitGap.patience"),
        (late(WindowGain, 0), "WindowGain.window must be a whole number of evaluations"),
        (late(WindowGain, 1.5), "got 1.5"),
        (late(WindowGain, min_gain=-1), "WindowGain.min_gain"),
        (late(WindowGain, relative=0.5), "WindowGain.relative"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
