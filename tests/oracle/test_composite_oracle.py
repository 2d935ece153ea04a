"""The composite against scoring the whole history again at every evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, verdicts_on
from tests.strategies import finite_curves, levels
from tune_es import Composite, Patience, Verdict
from tune_es.signals.period import find_period

rows = st.lists(st.tuples(levels, levels), min_size=1, max_size=20)
weights = st.tuples(st.integers(0, 3), st.integers(1, 3))


def scored(pairs: Sequence[tuple[float, float]], a: float, b: float) -> list[float]:
    """The history under one pair of weights."""
    shares = np.array([a, b]) / (a + b)
    return [float(shares @ np.array(pair)) for pair in pairs]


def said(
    rule: Composite, pairs: Sequence[tuple[float, float]], **extra: list[float]
) -> list[Verdict]:
    columns = {"a": [a for a, _ in pairs], "b": [b for _, b in pairs], **extra}
    return verdicts_on(rule, curve(*[0.0] * len(pairs), metrics=columns))


def same(found: Verdict, expected: Verdict) -> None:
    assert (found.stop, found.cause, found.left) == (expected.stop, expected.cause, expected.left)
    assert dict(found.evidence) == pytest.approx(dict(expected.evidence))


#: Weights with which scores that differ by exact multiples do not become ties by rounding.
EVEN = [(1, 1), (3, 1), (1, 3), (0, 1)]


@given(pairs=rows, changes=st.lists(st.sampled_from(EVEN), min_size=1, max_size=20))
def test_reported_weights_score_the_whole_history_again(
    pairs: list[tuple[float, float]], changes: list[tuple[int, int]]
) -> None:
    """After every result the verdict is that of a fresh run under the weights that now hold."""
    rule = Composite(
        Patience(2),
        weights={"a": 1, "b": 1},
        weights_from={"a": "w_a", "b": "w_b"},
        normalise="none",
    )
    in_force = [changes[at % len(changes)] for at in range(len(pairs))]
    reported = {"w_a": [float(a) for a, _ in in_force], "w_b": [float(b) for _, b in in_force]}
    for at, verdict in enumerate(said(rule, pairs, **reported)):
        fresh = verdicts_on(Patience(2), curve(*scored(pairs[: at + 1], *in_force[at])))
        same(verdict, fresh[-1])


@given(
    pairs=rows, change=st.integers(1, 20), before=st.sampled_from(EVEN), after=st.sampled_from(EVEN)
)
def test_scheduled_weights_score_the_whole_history_again(
    pairs: list[tuple[float, float]],
    change: int,
    before: tuple[int, int],
    after: tuple[int, int],
) -> None:
    later = {"a": after[0], "b": after[1]}
    rule = Composite(
        Patience(2),
        weights={"a": before[0], "b": before[1]},
        schedule={change: later},
        normalise="none",
    )
    for at, verdict in enumerate(said(rule, pairs)):
        in_force = after if at + 1 >= change else before
        fresh = verdicts_on(Patience(2), curve(*scored(pairs[: at + 1], *in_force)))
        same(verdict, fresh[-1])


@given(pairs=rows, unit=st.sampled_from([1.0, 1024.0]))
def test_range_normalises_what_has_shown_its_range(
    pairs: list[tuple[float, float]], unit: float
) -> None:
    """Both metrics show their extremes first, so that the scales never move again."""
    first = [(-1.0, unit), (1.0, -unit)]
    whole = first + [(a, b * unit) for a, b in pairs]
    rule = Composite(Patience(2), weights={"a": 1, "b": 1})
    columns = np.array(whole)
    normalised = (columns + np.array([1.0, unit])) / [2.0, 2 * unit]
    for at, verdict in enumerate(said(rule, whole)):
        if at >= 1:
            scores = (normalised[: at + 1] @ [0.5, 0.5]).tolist()
            same(verdict, verdicts_on(Patience(2), curve(*scores))[-1])


@given(pairs=rows)
def test_a_group_is_one_metric_to_the_others(pairs: list[tuple[float, float]]) -> None:
    shares: Mapping[str, float] = {"a": 0.75 / 4, "b": 0.25 + 0.75 * 3 / 4}
    grouped = Composite(
        Patience(2),
        weights={"joint": 3, "b": 1},
        groups={"joint": {"a": 1, "b": 3}},
        normalise="none",
    )
    for metric, share in shares.items():
        assert grouped.share_of(metric, grouped.weights) == pytest.approx(share)
    flat = Composite(Patience(2), weights=shares, normalise="none")
    for one, other in zip(said(grouped, pairs), said(flat, pairs), strict=True):
        assert dict(one.evidence)["best"] == pytest.approx(dict(other.evidence)["best"])


def slow_period(values: Sequence[float]) -> int | None:
    """The first clear peak of the autocorrelation of the residuals of `polyfit`."""
    y = np.array(values)
    x = np.arange(len(y))
    if len(y) < 4:
        return None
    flat = y - np.polyval(np.polyfit(x, y, 1), x)
    if np.abs(flat).max() <= 1e-9 * np.abs(y).max():
        return None

    def correlation(lag: int) -> float:
        early, late = flat[: len(flat) - lag], flat[lag:]
        power = np.sqrt((early @ early) * (late @ late))
        return float(early @ late / power) if power else 0.0

    for lag in range(2, len(y) // 2 + 1):
        here = correlation(lag)
        if here > correlation(lag - 1) and here >= correlation(lag + 1) and here >= 0.5:
            return lag
    return None


@given(values=finite_curves)
def test_a_period_is_the_first_clear_peak_of_the_autocorrelation(values: list[float]) -> None:
    slow = slow_period([value + 0.001 * (at * at % 7) for at, value in enumerate(values)])
    assert find_period([value + 0.001 * (at * at % 7) for at, value in enumerate(values)]) == slow
