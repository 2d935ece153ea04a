"""The adaptive rule: its options and presets; where it stops is the oracle's business."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.builders import curve, late, refusal, stop_at, verdicts_on
from tune_es import Adaptive, Criterion

NAN = math.nan
FLAT = [0.7] * 60


@pytest.mark.parametrize(
    ("preset", "fields"),
    [
        (Adaptive.safe, (5, 0.4, 0.0, 1e-3, 0.33, 1.0, 0.003)),
        (Adaptive.balanced, (5, 0.2, 0.5, 1e-3, 0.5, 2.0, 0.01)),
        (Adaptive.aggressive, (5, 0.1, 0.5, 3e-3, 0.5, 2.0, 0.003)),
    ],
)
def test_the_presets_are_those_of_the_note(
    preset: Callable[[], Adaptive], fields: tuple[float, ...]
) -> None:
    rule = preset()
    found = (
        rule.patience,
        rule.budget_share,
        rule.history_share,
        rule.min_gain,
        rule.trend_share,
        rule.z,
        rule.tolerance,
    )
    assert found == fields
    assert (rule.scale, rule.metric) == ("best", None)


def test_the_default_is_balanced() -> None:
    assert Adaptive() == Adaptive.balanced()


@pytest.mark.parametrize(
    ("rule", "max_t", "stop"),
    [
        (Adaptive.safe(), 50, 20),
        (Adaptive.balanced(), 50, 10),
        (Adaptive.aggressive(), 50, 5),
        (Adaptive.balanced(), 10, 5),
        (Adaptive(patience=12), 50, 12),
        (Adaptive(patience=3, budget_share=0.0), 50, 3),
        (Adaptive(patience=3, budget_share=0.07), 100, 7),
        (Adaptive(budget_share=1.0), 50, 50),
    ],
)
def test_on_a_flat_curve_the_window_decides(rule: Adaptive, max_t: int, stop: int) -> None:
    """Condition 1 needs `w` evaluations before this one; a flat trend promises nothing."""
    assert stop_at(rule, curve(*FLAT, max_t=max_t)) == stop


def test_the_window_grows_with_the_history() -> None:
    rule = Adaptive(patience=2, budget_share=0.0, history_share=0.5)
    for rise in (4, 10, 20):
        scores = [0.1 * at for at in range(rise)] + [0.1 * (rise - 1)] * 60
        stop = stop_at(rule, curve(*scores, max_t=200))
        window = verdicts_on(rule, curve(*scores, max_t=200))[2 * rise].evidence["window"]
        assert window == math.ceil(0.5 * (2 * rise + 1))
        assert stop is not None
        assert stop >= 2 * (rise - 1)


def test_a_trend_that_can_still_pay_off_keeps_a_trial_alive() -> None:
    """No new best for long, but the values climb towards it from a dip."""
    dip = [1.0] * 3 + [0.2 + 0.02 * at for at in range(30)]
    patient = Adaptive(patience=12, budget_share=0.0, history_share=0.0)
    assert stop_at(patient, curve(*dip, max_t=400)) is None
    assert stop_at(replace(patient, tolerance=100.0), curve(*dip, max_t=400)) is not None


def test_near_the_end_no_trend_can_pay_off() -> None:
    dip = [1.0] * 3 + [0.2 + 0.02 * at for at in range(30)]
    patient = Adaptive(patience=12, budget_share=0.0, history_share=0.0)
    assert stop_at(patient, curve(*dip, max_t=33)) is not None


def test_a_small_gain_is_measured_by_the_best_or_by_the_range() -> None:
    """0.001 is a thousandth of 1, and a tenth of a range of 0.01."""
    creep = [1.0 + 0.0001 * at for at in range(60)]
    quick = Adaptive(patience=3, budget_share=0.0, history_share=0.0, tolerance=100.0)
    assert stop_at(quick, curve(*creep, max_t=60)) is not None
    assert stop_at(replace(quick, scale="range"), curve(*creep, max_t=60)) is None


def test_the_range_knows_no_origin() -> None:
    rule = Adaptive(patience=2, scale="range")
    shape = [0.0, 0.5, 0.75, 1.0, *[1.0] * 20]
    at_zero = stop_at(rule, curve(*shape, max_t=24))
    for origin in (-1.0, -0.5, 1024.0):
        assert stop_at(rule, curve(*[origin + score for score in shape], max_t=24)) == at_zero


def test_a_curve_of_nothing_finite_is_left_to_the_guard() -> None:
    said = verdicts_on(Adaptive(), curve(*[NAN] * 40, max_t=40))
    assert not any(each.stop for each in said)
    assert said[-1].evidence == {"evaluations": 40}


def test_without_a_budget_it_says_nothing() -> None:
    assert Adaptive().needs_max_t
    assert stop_at(Adaptive(), curve(*FLAT)) is None


def test_the_evidence_is_both_conditions() -> None:
    said = verdicts_on(
        Adaptive.balanced(), curve(*[-score for score in FLAT], mode="min", max_t=50)
    )
    verdict = said[10]
    assert verdict.stop
    assert set(verdict.evidence) == {
        "value", "best", "window", "gain", "slope", "slope_error", "remaining", "hope", "needed",
    }  # fmt: skip
    assert verdict.evidence["best"] == -0.7
    assert verdict.evidence["window"] == 10
    assert verdict.evidence["gain"] == 0.0
    assert verdict.evidence["remaining"] == 39.0
    assert verdict.evidence["needed"] == pytest.approx(0.007)


def test_left_counts_down_to_the_stop_of_a_flat_curve() -> None:
    said = verdicts_on(Adaptive.balanced(), curve(*FLAT[:12], max_t=50))
    assert [each.left for each in said] == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0]


@pytest.mark.parametrize("spacing", [1, 7, 50, 0.5])
def test_steps_may_lie_at_any_distance(spacing: float) -> None:
    seen = curve(*FLAT, first=spacing, spacing=spacing, max_t=50 * spacing)
    assert stop_at(Adaptive.balanced(), seen) == 10


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(Adaptive, patience=0), "Adaptive.patience must be a whole number of at least 1"),
        (late(Adaptive, patience=0.5), "got 0.5"),
        (
            late(Adaptive, budget_share=1.1),
            "must be a number at least 0 and at most 1",
        ),
        (late(Adaptive, budget_share=-0.1), "got -0.1"),
        (late(Adaptive, history_share=0.96), "at least 0 and at most 0.95, got 0.96"),
        (late(Adaptive, history_share=1), "got 1"),
        (late(Adaptive, trend_share=-0.1), "at least 0 and at most 1, got -0.1"),
        (late(Adaptive, trend_share=1.1), "at least 0 and at most 1, got 1.1"),
        (late(Adaptive, trend_share="half"), "Adaptive.trend_share must be a number"),
        (late(Adaptive, min_gain=-1e-9), "Adaptive.min_gain must be a number at least 0"),
        (late(Adaptive, z=NAN), "Adaptive.z must be a number at least 0, got nan"),
        (
            late(Adaptive, tolerance=True),
            "Adaptive.tolerance must be a number",
        ),
        (late(Adaptive, scale="rnge"), "Adaptive.scale must be a known name, got 'rnge'; did you"),
        (late(Adaptive, scale=None), "Valid: best, range"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
