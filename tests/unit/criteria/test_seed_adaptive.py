"""The two adaptive variants of the guide, exactly as it gives them: the formula and the listing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, late, refusal, stop_at, verdicts_on
from tests.strategies import levels
from tune_es import Criterion, DecayingDelta, ShrinkingPatience


def test_delta_decays_by_the_formula() -> None:
    """delta_t = delta_0 * exp(-alpha t / T)."""
    rule = DecayingDelta(patience=99, min_delta=0.1, alpha=2.0)
    said = verdicts_on(rule, curve(*[0.5] * 10, max_t=10))
    deltas = [each.evidence["min_delta"] for each in said]
    assert deltas == pytest.approx([0.1 * math.exp(-2.0 * t / 10) for t in range(1, 11)])
    assert {each.evidence["limit"] for each in said} == {99}


@pytest.mark.parametrize(
    ("min_delta", "alpha", "scores", "stop"),
    [
        (0.1, 0.0, [0.5, 0.59, 0.59, 0.59], 2),
        (0.1, 1.0, [0.5, 0.55, 0.54, 0.9], 2),
        (0.1, 9.0, [0.5, 0.56, 0.57, 0.58], None),
        (0.1, 9.0, [0.5, 0.501, 0.51, 0.52], None),
        (0.0, 1.0, [0.5, 0.5, 0.5], 2),
    ],
)
def test_a_gain_has_to_exceed_the_delta_of_its_step(
    min_delta: float, alpha: float, scores: list[float], stop: int | None
) -> None:
    rule = DecayingDelta(patience=2, min_delta=min_delta, alpha=alpha)
    assert stop_at(rule, curve(*scores, max_t=4)) == stop


#: p0, t of T = 10, and max(2, int(p0 * (1 - t / T))) past 70 %.
PATIENCES = [
    (5, 1, 5), (5, 6, 5), (5, 7, 5), (5, 8, 2), (5, 9, 2), (5, 10, 2),
    (15, 7, 15), (15, 8, 2), (20, 8, 3), (20, 9, 2), (30, 8, 5), (30, 9, 2), (1, 7, 1), (1, 8, 2),
]  # fmt: skip


@pytest.mark.parametrize(("p0", "step", "patience"), PATIENCES)
def test_patience_shrinks_by_the_listing(p0: int, step: int, patience: int) -> None:
    rule = ShrinkingPatience(patience=p0, min_delta=0.5)
    verdict = verdicts_on(rule, curve(1.0, first=step, max_t=10))[-1]
    assert verdict.evidence["limit"] == patience
    progress = step / 10
    late = progress > 0.7
    assert verdict.evidence["min_delta"] == (0.5 * (1 + progress) if late else 0.5)


def listing(scores: Sequence[float], p0: int, delta0: float, total: int) -> int | None:
    """The guide's loop, in its own words."""
    best, counter = None, 0
    for step, score in enumerate(scores, start=1):
        patience, delta = p0, delta0
        progress = step / total
        if progress > 0.7:
            patience = max(2, int(p0 * (1 - progress)))
            delta = delta0 * (1 + progress)
        if best is None or score > best + delta:
            best, counter = score, 0
        else:
            counter += 1
        if counter >= patience:
            return step - 1
    return None


def formula(
    scores: Sequence[float], p0: int, delta0: float, alpha: float, total: int
) -> int | None:
    best, counter = None, 0
    for step, score in enumerate(scores, start=1):
        if best is None or score > best + delta0 * math.exp(-alpha * step / total):
            best, counter = score, 0
        else:
            counter += 1
        if counter >= p0:
            return step - 1
    return None


curves = st.lists(levels | st.floats(-1, 1), max_size=30)


@given(scores=curves, p0=st.integers(1, 20), delta0=st.sampled_from([0.0, 0.1, 0.25]))
def test_the_listing_stops_where_the_guide_does(
    scores: list[float], p0: int, delta0: float
) -> None:
    rule = ShrinkingPatience(p0, delta0)
    assert stop_at(rule, curve(*scores, max_t=30)) == listing(scores, p0, delta0, 30)


@given(
    scores=curves,
    p0=st.integers(1, 8),
    delta0=st.sampled_from([0.0, 0.1, 0.25]),
    alpha=st.sampled_from([0.0, 1.0, 5.0]),
)
def test_the_formula_stops_where_the_guide_does(
    scores: list[float], p0: int, delta0: float, alpha: float
) -> None:
    rule = DecayingDelta(p0, delta0, alpha=alpha)
    assert stop_at(rule, curve(*scores, max_t=30)) == formula(scores, p0, delta0, alpha, 30)


def test_they_are_two_different_rules() -> None:
    """The formula lowers what a gain has to be, the listing raises it."""
    early, late = curve(0.5, max_t=10)[0], curve(0.5, first=9, max_t=10)[0]
    deltas = [
        [verdicts_on(rule, [seen])[-1].evidence["min_delta"] for seen in (early, late)]
        for rule in (DecayingDelta(), ShrinkingPatience())
    ]
    assert deltas[0][0] > deltas[0][1]
    assert deltas[1][0] < deltas[1][1]


@pytest.mark.parametrize("rule", [DecayingDelta(), ShrinkingPatience()])
def test_without_a_budget_they_say_nothing(rule: DecayingDelta | ShrinkingPatience) -> None:
    assert rule.needs_max_t
    assert stop_at(rule, curve(*[0.5] * 20)) is None


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(DecayingDelta, patience=0), "DecayingDelta.patience must be a whole number"),
        (late(DecayingDelta, patience=0.5), "DecayingDelta.patience"),
        (
            late(DecayingDelta, alpha=-1),
            "DecayingDelta.alpha must be a number at least 0, got -1",
        ),
        (late(ShrinkingPatience, min_delta=-1), "ShrinkingPatience.min_delta"),
        (late(ShrinkingPatience, patience="5"), "ShrinkingPatience.patience"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
