"""Criteria against the sentence in their docstring, worked out over the whole history."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, verdicts_on
from tests.strategies import bad, levels
from tune_es import (
    BelowMedian,
    BelowPercentile,
    Criterion,
    Divergence,
    Explosion,
    GeneralizationLoss,
    NoEvidence,
    NonFinite,
    OverfitGap,
    Plateau,
    Policy,
    ProgressQuotient,
    Referee,
    Target,
    UninterruptedProgress,
    WindowGain,
)

#: Multiples of a quarter: their sums, differences and ties are exact.
values = st.lists(levels | bad, max_size=24)
finite_values = st.lists(levels, max_size=24)
Said = list[bool]
Oracle = Callable[[Sequence[float]], bool]


def finite(history: Sequence[float]) -> list[float]:
    return [value for value in history if math.isfinite(value)]


def fired(criterion: Criterion, scores: Sequence[float]) -> Said:
    return [verdict.stop for verdict in verdicts_on(criterion, curve(*scores))]


def by_history(oracle: Oracle, scores: Sequence[float]) -> Said:
    """The oracle asked after every evaluation about everything up to there."""
    return [oracle(scores[: at + 1]) for at in range(len(scores))]


@given(scores=values, window=st.integers(1, 6), gain=st.sampled_from([0.0, 0.25, 1.0]))
def test_window_gain(scores: list[float], window: int, gain: float) -> None:
    def oracle(history: Sequence[float]) -> bool:
        before = finite(history[:-window])
        return bool(before) and max(finite(history)) - max(before) <= gain

    rule = WindowGain(window, min_gain=gain, relative=False)
    assert fired(rule, scores) == by_history(oracle, scores)


@given(scores=values, alpha=st.sampled_from([0.0, 20.0, 50.0, 100.0]))
def test_generalization_loss(scores: list[float], alpha: float) -> None:
    def oracle(history: Sequence[float]) -> bool:
        if not math.isfinite(history[-1]):
            return False
        best, value = max(finite(history)), history[-1]
        lost = 100 * (best - value)
        return lost > alpha * abs(best) if best else lost > 0

    assert fired(GeneralizationLoss(alpha), scores) == by_history(oracle, scores)


@given(scores=values, strips=st.integers(1, 3), strip=st.integers(1, 4))
def test_uninterrupted_progress(scores: list[float], strips: int, strip: int) -> None:
    def oracle(history: Sequence[float]) -> bool:
        if not math.isfinite(history[-1]):
            return False
        ends = finite(history)[strip - 1 :: strip][-strips - 1 :]
        falls = [ends[at] < ends[at - 1] for at in range(1, len(ends))]
        return len(falls) == strips and all(falls)

    rule = UninterruptedProgress(strips, strip)
    assert fired(rule, scores) == by_history(oracle, scores)


@given(
    pairs=st.lists(st.tuples(levels | bad, levels | bad), max_size=24),
    strip=st.integers(2, 4),
    alpha=st.sampled_from([0.001, 0.0625]),
)
def test_progress_quotient(pairs: list[tuple[float, float]], strip: int, alpha: float) -> None:
    def oracle(at: int) -> bool:
        seen = [pair for pair in pairs[: at + 1] if all(map(math.isfinite, pair))]
        if not all(map(math.isfinite, pairs[at])) or len(seen) % strip:
            return False
        best, value = max(v for v, _ in seen), seen[-1][0]
        train = np.array([t for _, t in seen[-strip:]])
        loss = _share(best - value, best) * 100
        progress = _share(train.max() - train.mean(), train.max()) * 1000
        return bool(loss > alpha * progress)

    scores, train = [v for v, _ in pairs], [t for _, t in pairs]
    seen = curve(*scores, metrics={"train": train})
    rule = ProgressQuotient("train", alpha=alpha, strip=strip)
    said = [verdict.stop for verdict in verdicts_on(rule, seen)]
    assert said == [oracle(at) for at in range(len(pairs))]


def _share(distance: float, best: float) -> float:
    if distance == 0:
        return 0.0
    return distance / abs(best) if best else math.inf


@given(
    scores=values,
    window=st.integers(2, 5),
    std=st.sampled_from([0.0, 0.13, 0.31]),
    grace=st.integers(0, 6),
    threshold=st.none() | levels,
)
def test_plateau(
    scores: list[float], window: int, std: float, grace: int, threshold: float | None
) -> None:
    def oracle(history: Sequence[float]) -> bool:
        recent = history[-window:]
        if len(recent) < window or len(finite(recent)) < window or len(history) < grace:
            return False
        poor = threshold is None or recent[-1] <= threshold
        return bool(np.std(recent) <= std) and poor

    rule = Plateau(std, window, grace, threshold=threshold)
    assert fired(rule, scores) == by_history(oracle, scores)


@given(scores=values, drop=st.sampled_from([0.5, 1.0, 2.0]), patience=st.integers(1, 3))
def test_divergence(scores: list[float], drop: float, patience: int) -> None:
    def is_bad(history: Sequence[float]) -> bool:
        best = max(history)
        return history[-1] < best - drop * abs(best)

    def oracle(history: Sequence[float]) -> bool:
        known = finite(history)
        if not math.isfinite(history[-1]) or len(known) < patience:
            return False
        return all(is_bad(known[: len(known) - back]) for back in range(patience))

    assert fired(Divergence(drop, patience=patience), scores) == by_history(oracle, scores)


@given(
    scores=values,
    factor=st.sampled_from([1.5, 4.0]),
    patience=st.integers(1, 3),
    least=st.sampled_from([0.0, 0.5]),
)
def test_explosion(scores: list[float], factor: float, patience: int, least: float) -> None:
    def is_bad(history: Sequence[float]) -> bool:
        start = max(abs(history[0]), least)
        return max(history) < 0 and abs(history[-1]) > factor * start

    def oracle(history: Sequence[float]) -> bool:
        known = finite(history)
        if not math.isfinite(history[-1]) or len(known) < patience:
            return False
        return all(is_bad(known[: len(known) - back]) for back in range(patience))

    assert fired(Explosion(factor, patience, least), scores) == by_history(oracle, scores)


@given(scores=values, patience=st.integers(0, 4))
def test_non_finite(scores: list[float], patience: int) -> None:
    def oracle(history: Sequence[float]) -> bool:
        recent = history[-1 - patience :]
        return len(recent) == patience + 1 and not finite(recent)

    assert fired(NonFinite(patience), scores) == by_history(oracle, scores)


@given(
    numbers=st.lists(levels | bad, max_size=24),
    patience=st.integers(1, 4),
    smoothing=st.sampled_from([0.0, 0.5, 0.75]),
)
def test_no_evidence(numbers: list[float], patience: int, smoothing: float) -> None:
    """Every weighted mean anew: a value that is ``age`` evaluations old weighs smoothing**age."""

    def is_over(history: Sequence[float]) -> bool:
        weights = smoothing ** np.arange(len(history))[::-1]
        return math.fsum(weights * history) > 0

    def oracle(history: Sequence[float]) -> bool:
        known = finite(history)
        if not math.isfinite(history[-1]) or len(known) < patience:
            return False
        return all(is_over(known[: len(known) - back]) for back in range(patience))

    scores = [0.0] * len(numbers)
    seen = curve(*scores, metrics={"number": numbers}, modes={"number": "min"})
    rule = NoEvidence(patience, smoothing, metric="number")
    assert [each.stop for each in verdicts_on(rule, seen)] == by_history(oracle, numbers)


@given(scores=values, goal=levels, patience=st.integers(1, 3))
def test_target(scores: list[float], goal: float, patience: int) -> None:
    def oracle(history: Sequence[float]) -> bool:
        recent = finite(history[-patience:])
        return len(recent) == patience and min(recent) >= goal

    assert fired(Target(goal, patience), scores) == by_history(oracle, scores)


@given(
    pairs=st.lists(st.tuples(levels, levels), max_size=24),
    max_gap=st.sampled_from([0.0, 0.5]),
    patience=st.integers(1, 3),
)
def test_overfit_gap(pairs: list[tuple[float, float]], max_gap: float, patience: int) -> None:
    def is_worse(at: int) -> bool:
        best = max(value for value, _ in pairs[: at + 1])
        first = next(row for row in range(len(pairs)) if pairs[row][0] == best)
        value, train = pairs[at]
        widened = (train - value) - (pairs[first][1] - best)
        return value < best and widened > max_gap * abs(best)

    said = [
        at + 1 >= patience and all(is_worse(at - back) for back in range(patience))
        for at in range(len(pairs))
    ]
    scores, train = [value for value, _ in pairs], [train for _, train in pairs]
    rule = OverfitGap("train", max_gap, patience)
    seen = curve(*scores, metrics={"train": train})
    assert [verdict.stop for verdict in verdicts_on(rule, seen)] == said


@pytest.mark.parametrize("mode", ["min", "max"])
@given(
    table=st.lists(st.lists(levels, min_size=5, max_size=5), min_size=2, max_size=6),
    percent=st.sampled_from([None, 0, 10, 25, 50, 75, 100]),
)
def test_below_median_and_percentile(
    mode: str, table: list[list[float]], percent: float | None
) -> None:
    """All trials in step; each is compared with the earlier ones that were here."""
    pick, sign = (max, 1) if mode == "max" else (min, -1)
    rule = BelowMedian(2, 2) if percent is None else BelowPercentile(percent, 2, 2)
    of_oriented = 50 if percent is None else percent
    referee = Referee(Policy("score", mode, stop=rule))
    for step in range(1, 6):
        for trial, row in enumerate(table):
            others = [pick(other[:step]) for other in table[:trial]]
            own = pick(row[:step])
            limit = np.percentile([sign * score for score in others] or [0.0], of_oriented)
            behind = bool(others) and sign * own < limit - 1e-12
            result = {"training_iteration": step, "score": row[step - 1]}
            decision = referee.report(str(trial), result)
            assert decision.stop == (step >= 2 and len(others) >= 2 and behind)
