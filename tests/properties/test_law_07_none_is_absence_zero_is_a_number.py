"""Law 7. None is absence, zero is a number; a relative threshold scales by the absolute value."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, stop_at, verdicts_on
from tests.strategies import curves, levels
from tune_es import (
    Adaptive,
    Criterion,
    Divergence,
    GeneralizationLoss,
    Patience,
    Plateau,
    Policy,
    Target,
    WindowGain,
)

#: Rules with a threshold, which may be zero as well as anything else.
THRESHOLDS: dict[str, Callable[[float], Criterion]] = {
    "Patience.baseline": lambda at: Patience(3, baseline=at),
    "Patience.stopping_threshold": lambda at: Patience(3, stopping_threshold=at),
    "Patience.divergence_threshold": lambda at: Patience(9, divergence_threshold=at),
    "Target.value": Target,
    "Divergence.threshold": lambda at: Divergence(drop=None, threshold=at),
    "Plateau.threshold": lambda at: Plateau(std=0.2, window=2, threshold=at),
}
#: Rules with a relative threshold, which is the same on a curve measured in other units.
RELATIVE: dict[str, Criterion] = {
    "Patience": Patience(2, min_delta=0.25, relative=True),
    "WindowGain": WindowGain(2, min_gain=0.25),
    "Plateau": Plateau(std=0.25, window=3, relative=True),
    "Divergence": Divergence(drop=0.5),
    "GeneralizationLoss": GeneralizationLoss(alpha=25),
    "Adaptive": Adaptive(patience=2, tolerance=0.25),
    "Adaptive, range": Adaptive(patience=2, tolerance=0.25, scale="range"),
}
quarters = st.lists(levels, max_size=25)


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("mode", ["min", "max"])
@given(scores=quarters, threshold=levels)
def test_law_7_a_threshold_of_zero_is_like_any_other(
    name: str, mode: str, scores: list[float], threshold: float
) -> None:
    """Curve and threshold moved together, so that the threshold is zero, stop where they did."""
    rule, at_zero = THRESHOLDS[name](threshold), THRESHOLDS[name](0.0)
    moved = [score - threshold for score in scores]
    assert stop_at(at_zero, curve(*moved, mode=mode)) == stop_at(rule, curve(*scores, mode=mode))


@pytest.mark.parametrize("name", THRESHOLDS)
def test_law_7_a_threshold_of_zero_is_not_no_threshold(name: str) -> None:
    zero = THRESHOLDS[name](0.0)
    shapes = ([-1.0, -0.75, -0.5, 0.5, 0.5], [1.0, 1.0, -1.0, -1.0], [0.5, 0.5, 0.5, 0.5, 0.5])
    without = {
        "Patience.baseline": Patience(3),
        "Patience.stopping_threshold": Patience(3),
        "Patience.divergence_threshold": Patience(9),
        "Plateau.threshold": Plateau(std=0.2, window=2),
    }.get(name)
    stopped = [stop_at(zero, curve(*shape)) for shape in shapes]
    plain = [None if without is None else stop_at(without, curve(*shape)) for shape in shapes]
    assert stopped != plain


@pytest.mark.parametrize("name", RELATIVE)
@given(scores=curves, unit=st.sampled_from([2.0**-20, 0.5, 4.0, 2.0**20]))
def test_law_7_a_relative_threshold_knows_no_unit(
    name: str, scores: list[float], unit: float
) -> None:
    rule, scaled = RELATIVE[name], [score * unit for score in scores]
    there, back = curve(*scores, max_t=40), curve(*scaled, max_t=40)
    assert stop_at(rule, back) == stop_at(rule, there)


@given(best=levels, share=st.sampled_from([0.25, 0.5]))
def test_law_7_a_relative_improvement_is_upwards_below_zero_too(best: float, share: float) -> None:
    rule = Patience(5, min_delta=share, relative=True)
    needed = best + share * abs(best)
    assert verdicts_on(rule, curve(best, needed))[-1].evidence["misses"] == 1
    assert verdicts_on(rule, curve(best, needed + 0.25))[-1].evidence["misses"] == 0


@given(scores=quarters.filter(lambda scores: 0.0 in scores))
def test_law_7_a_score_of_zero_is_a_score(scores: list[float]) -> None:
    """Moved up by eight, where no score is zero, the curve stops where it did."""
    for rule in (Patience(2), WindowGain(2, relative=False), Plateau(std=0.0, window=2)):
        moved = [score + 8 for score in scores]
        assert stop_at(rule, curve(*moved)) == stop_at(rule, curve(*scores))


def test_law_7_a_step_of_zero_is_a_step() -> None:
    policy = Policy("loss", "min", stop=Patience(2))
    results = [{"training_iteration": step, "loss": 1.0} for step in range(5)]
    decision = policy.first_stop(results)
    assert decision is not None
    assert (decision.step, decision.best_step) == (2, 0)
