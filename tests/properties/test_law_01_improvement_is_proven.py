"""Law 1. Improvement must be proven: `new > best + min_delta`. Ties and NaN are misses."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, stop_at, verdicts_on
from tests.strategies import bad, curves, finite_curves, levels, wild
from tune_es import (
    BestSoFar,
    Budget,
    Criterion,
    GeneralizationLoss,
    Patience,
    Policy,
    Target,
    WindowGain,
)
from tune_es.signals.best import is_better

deltas = st.sampled_from([0.0, 0.25, 1.0])


@given(value=wild, best=wild, min_delta=deltas)
def test_law_1_better_is_strictly_better_and_finite(
    value: float, best: float, min_delta: float
) -> None:
    assert is_better(value, best, min_delta) == (math.isfinite(value) and value > best + min_delta)
    assert is_better(value, None) == math.isfinite(value)


@given(scores=curves, min_delta=deltas)
def test_law_1_every_evaluation_is_an_improvement_or_a_miss(
    scores: list[float], min_delta: float
) -> None:
    rule = Patience(1000, min_delta=min_delta)
    best, misses = None, 0
    for score, verdict in zip(scores, verdicts_on(rule, curve(*scores)), strict=True):
        proven = math.isfinite(score) and (best is None or score > best + min_delta)
        best, misses = (score, 0) if proven else (best, misses + 1)
        assert verdict.evidence["misses"] == misses
        assert verdict.evidence.get("best") == best


@given(scores=finite_curves, min_delta=deltas, miss=bad | st.sampled_from([0.0, 0.25, 1.0]))
def test_law_1_a_tie_and_a_nan_are_misses(
    scores: list[float], min_delta: float, miss: float
) -> None:
    rule = Patience(1000, min_delta=min_delta)
    before = verdicts_on(rule, curve(*scores))[-1].evidence
    tie = before["best"] + min(miss, min_delta) if math.isfinite(miss) else miss
    after = verdicts_on(rule, curve(*scores, tie))[-1].evidence
    assert after["misses"] == before["misses"] + 1
    assert after["best"] == before["best"]


@given(scores=curves)
def test_law_1_the_best_of_a_decision_is_the_first_of_the_highest(scores: list[float]) -> None:
    end = Budget(steps=len(scores) or 1)
    policy = Policy("score", "max", stop=end, nonfinite_patience=None, explosion_factor=None)
    decision = policy.first_stop(scores)
    finite = [score for score in scores if math.isfinite(score)]
    if decision is None:
        assert scores == []
    elif finite:
        assert decision.best == max(finite)
        assert decision.best_step == scores.index(max(finite)) + 1
    else:
        assert math.isnan(decision.best)
        assert decision.best_step is None


@given(scores=curves, min_delta=deltas)
def test_law_1_holds_for_the_signal_too(scores: list[float], min_delta: float) -> None:
    signal = BestSoFar(min_delta)
    state, said = signal.init(), verdicts_on(Patience(1000, min_delta=min_delta), curve(*scores))
    for score, verdict in zip(scores, said, strict=True):
        state, best = signal.step(state, score)
        assert verdict.evidence.get("best") == best


@given(level=levels, length=st.integers(3, 20))
def test_law_1_a_flat_curve_never_improves(level: float, length: int) -> None:
    flat = [level] * length
    for rule in (
        Patience(2),
        Patience(2, noise_factor=3.0),
        WindowGain(2),
        WindowGain(2, min_gain=0),
    ):
        assert stop_at(rule, curve(*flat)) == 2


@given(scores=st.lists(bad, min_size=1, max_size=20))
def test_law_1_infinity_is_no_best_value_and_reaches_no_goal(scores: list[float]) -> None:
    rules: list[Criterion] = [
        Target(0.5),
        GeneralizationLoss(),
        Patience(99, stopping_threshold=0.5),
    ]
    for rule in rules:
        for mode in ("min", "max"):
            assert stop_at(rule, curve(*scores, mode=mode)) is None
