"""What a rule says before it stops: the evaluations left, the numbers, and of which metric."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.builders import curve, refusal, shown, verdicts_on
from tests.samples import CRITERIA
from tune_es import (
    Adaptive,
    AllOf,
    AnyOf,
    AtLeast,
    Composite,
    Criterion,
    Divergence,
    Explosion,
    GeneralizationLoss,
    NonFinite,
    Patience,
    Plateau,
    ProgressQuotient,
    SuccessiveHalving,
    Target,
    UninterruptedProgress,
)

NAN = math.nan
#: Rules of one curve, scores (None: a result without the metric), and what is left after each.
LEFT: list[tuple[Criterion, list[float | None], list[float | None]]] = [
    (Patience(2), [1, 1, None, 1], [2, 1, 1, 0]),
    (Patience(1), [1, 1, 1, None], [1, 0, 0, 0]),
    (Patience(2, start_from=9), [1, 1, 1], [2, 2, 2]),
    (GeneralizationLoss(5), [1, None, 2], [1, None, 1]),
    (UninterruptedProgress(strips=1, strip=3), [9, 8, 7, 6, None, 5, 4], [2, 1, 3, 2, None, 1, 0]),
    (UninterruptedProgress(strips=2, strip=2), [9, 8, 7, 6, 5, 4], [3, 4, 3, 2, 1, 0]),
    (Plateau(std=0, window=3, grace_period=4), [1, 2, 3, 4, 4, 4], [3, 2, 1, 1, 1, 0]),
    (NonFinite(2), [1, NAN, NAN, NAN], [None, 2, 1, 0]),
    (Divergence(drop=1.0, patience=3), [1, -1, -1, 1, -1, -1, -1], [3, 2, 1, 3, 2, 1, 0]),
    (Explosion(factor=2, patience=2), [-1, -3, -1, -3, -3], [None, 1, None, 1, 0]),
    (Adaptive(patience=3, budget_share=0, history_share=0), [1, 1, None, 1, 1], [3, 2, None, 1, 0]),
    (Patience(3) | Patience(20), [1, 1], [3, 2]),
    (Patience(2) | Patience(3, min_delta=9), [1, 2, 2, None, 2], [2, 2, 1, 1, 0]),
    (Patience(2) & Patience(3), [1, 1, 1, None, 1], [3, 2, 1, 1, 0]),
    (AtLeast(2, Patience(1), Patience(3), Patience(4)), [1, 1, 1, 1], [3, 2, 1, 0]),
]


@pytest.mark.parametrize(("rule", "scores", "left"), LEFT, ids=[repr(each[0]) for each in LEFT])
def test_left_counts_down_to_the_stop(
    rule: Criterion, scores: list[float | None], left: list[float | None]
) -> None:
    said = verdicts_on(rule, curve(*scores, max_t=20))
    assert [verdict.left for verdict in said] == left
    assert [verdict.heard for verdict in said] == [score is not None for score in scores]
    assert [verdict.stop for verdict in said] == [
        score is not None and of == 0 for score, of in zip(scores, left, strict=True)
    ]


def test_a_strip_that_has_begun_says_when_it_ends() -> None:
    seen = curve(3, 2, 1, 3, 2, 1, metrics={"train": [1, 2, 3, 1, 2, 3]})
    said = verdicts_on(ProgressQuotient("train", alpha=1, strip=3), seen)
    assert [verdict.left for verdict in said] == [2, 1, 3, 2, 1, 3]


def test_progress_may_be_judged_on_another_metric() -> None:
    rule = ProgressQuotient("train", strip=2, metric="f1")
    seen = curve(1, 1, metrics={"train": [1, 1], "f1": [0.5, 0.25]})
    assert verdicts_on(rule, seen)[-1].evidence["loss_percent"] == 50


def test_progress_is_endless_where_training_is_perfect() -> None:
    """A best training loss of 0 is no divisor: no loss is over any share of the progress."""
    seen = curve(2, 1, metrics={"train": [1.0, 0.0]}, modes={"train": "min"})
    said = verdicts_on(ProgressQuotient("train", alpha=1, strip=2), seen)
    assert said[-1].evidence["progress"] == math.inf
    assert not said[-1].stop


@pytest.mark.parametrize(
    ("rule", "scores", "evidence"),
    [
        (Plateau(window=2, grace_period=2), [1], {"evaluations": 1}),
        (
            Plateau(window=3, grace_period=0), [1, 2, 4],
            {"value": 4, "std": pytest.approx(1.2472, abs=1e-4), "limit": 0.01},
        ),
        (NonFinite(), [NAN, 1], {"non_finite": 0}),
        (Explosion(), [-1], {"bad": 0}),
        (
            GeneralizationLoss(5), [4, 3],
            {"value": 3, "best": 4, "loss_percent": 25, "limit": 5},
        ),
        (SuccessiveHalving(grace_period=2), [1, 1, 1], {"rung": 2}),
        (Adaptive(patience=9), [1], {"value": 1, "best": 1, "window": 9}),
    ],
)  # fmt: skip
def test_the_numbers_are_there_while_a_trial_goes_on(
    rule: Criterion, scores: list[float], evidence: dict[str, float]
) -> None:
    assert verdicts_on(rule, curve(*scores, max_t=20))[-1].evidence == evidence


NAMED = {
    f"{name}-{at}": rule
    for name, samples in CRITERIA.items()
    for at, rule in enumerate(samples)
    if getattr(rule, "metric", "none") is None and not rule.parts and not rule.uses_peers
}
SCORES = [
    [0.1, 0.5, 0.5, 0.4, 0.9, -3.0, -9.0, -9.0, 0.9, 0.9, 0.9, 0.9],
    [-1.0, -9.0, -9.0, NAN, NAN, NAN, NAN, -0.5],
]


@pytest.mark.parametrize("scores", SCORES, ids=["gains", "breaks"])
@pytest.mark.parametrize("rule", NAMED.values(), ids=NAMED)
def test_on_another_metric_it_says_what_it_says_of_the_score(
    rule: Criterion, scores: list[float]
) -> None:
    """In that metric's sign, and whatever the score does."""
    losses = [-score for score in scores]
    flat = curve(*[7.0] * len(scores), max_t=12, metrics={"loss": losses}, modes={"loss": "min"})
    of_score = verdicts_on(rule, curve(*losses, mode="min", max_t=12))
    of_metric = verdicts_on(rule.on("loss"), flat)
    assert [each.criterion for each in of_metric] == [f"{type(rule).__name__}[loss]"] * len(scores)
    renamed = [replace(each, criterion=type(rule).__name__) for each in of_metric]
    assert shown(of_score) == shown(renamed)


def test_a_metric_that_fell_from_0_is_no_loss_that_exploded() -> None:
    assert not verdicts_on(Explosion(factor=2, patience=1), curve(-1, 0, -900))[-1].stop


def test_nothing_is_left_where_a_trend_alone_keeps_a_trial_alive() -> None:
    rule = Adaptive(patience=2, budget_share=0, history_share=0, min_gain=10)
    said = verdicts_on(rule, curve(1, 2, 3, 4, 5, max_t=100))
    assert [(verdict.left, verdict.stop) for verdict in said[2:]] == [(0, False)] * 3


def test_what_is_left_grows_with_the_history() -> None:
    rule = Adaptive(patience=2, budget_share=0, history_share=0.5)
    said = verdicts_on(rule, curve(1, 2, 3, 4, 5, 5, 5, 5, 5, 5, max_t=20))
    assert [verdict.left for verdict in said] == [2, 2, 3, 4, 5, 4, 3, 2, 1, 0]
    assert said[4].evidence == {"value": 5, "best": 5, "window": 3, "gain": 3}


def test_a_flat_trend_promises_nothing() -> None:
    rule = Adaptive(patience=2, budget_share=0, history_share=0)
    evidence = verdicts_on(rule, curve(1, 1, 1, 1, max_t=20))[-1].evidence
    assert [evidence[name] for name in ("slope", "slope_error", "hope", "remaining")] == [
        0,
        0,
        0,
        16,
    ]


def test_a_gain_of_nothing_is_none_where_any_gain_would_do() -> None:
    rule = Adaptive(patience=2, budget_share=0, history_share=0, min_gain=0, tolerance=0)
    assert verdicts_on(rule, curve(1, 1, 1, max_t=20))[-1].stop


def test_rules_that_are_written_in_another_order_are_one() -> None:
    """Their names are compared, and steps are ordered as numbers, not as texts."""
    one = Composite(
        Patience(2),
        weights={"f1": 1, "loss": 2},
        schedule={0: {"f1": 1}, 9: {"f1": 1}, 10: {"loss": 1}},
    )
    other = Composite(
        Patience(2),
        weights={"loss": 2, "f1": 1},
        schedule={10: {"loss": 1}, 9: {"f1": 1}, 0: {"f1": 1}},
    )
    assert AnyOf(one, other).parts == AllOf(other).parts == (one,)
    assert list(other.schedule) == [0, 9, 10]


def test_a_weight_is_of_a_name() -> None:
    assert "Composite.weights is named by strings, got 3" in refusal(
        Composite, Patience(2), weights={3: 1}
    )


def test_a_composite_is_said_in_its_own_sign() -> None:
    """Higher is better in it, whatever the mode of the policy's metric."""
    rule = Composite(Patience(2), weights={"f1": 1.0}, normalise="none")
    seen = curve(0.3, 0.2, mode="min", metrics={"f1": [0.5, 0.25]})
    assert [each.evidence["value"] for each in verdicts_on(rule, seen)] == [0.5, 0.25]


def test_a_cause_of_some_part_comes_before_none() -> None:
    said = verdicts_on(Target(0.5) | Patience(1), curve(0.4, 0.4))
    assert said[-1].criterion == "Patience"
