"""Patience against the callbacks that have its options, and where it means to differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, stop_at, verdicts_on
from tests.oracle.callbacks import keras_stop, lightning_stop, transformers_stop
from tests.strategies import bad, levels
from tune_es import Cause, Patience

#: Their sums with the deltas are exact, so that rounding decides nothing.
eighths = st.integers(-72, 72).map(lambda eighth: eighth / 8)
values = st.lists(levels | eighths | bad, max_size=30)
finite_values = st.lists(levels | eighths, max_size=30)
#: Thresholds that no value meets exactly: there Lightning asks for better, Patience for as good.
thresholds = st.integers(-4, 4).map(lambda level: level / 4 + 0.123456789)
modes = st.sampled_from(["min", "max"])
patiences = st.integers(1, 6)
deltas = st.sampled_from([0.0, 0.25, 1.0])
CAUSES = {
    "not finite": Cause.BROKEN,
    "threshold reached": Cause.REACHED,
    "diverged": Cause.HOPELESS,
    "no improvement": Cause.STALLED,
}


@given(values=finite_values, mode=modes, patience=patiences, min_delta=deltas)
def test_patience_stops_where_keras_does(
    values: list[float], mode: str, patience: int, min_delta: float
) -> None:
    rule = Patience(patience, min_delta=min_delta)
    keras = keras_stop(values, mode, patience=patience, min_delta=min_delta)
    assert stop_at(rule, curve(*values, mode=mode)) == keras


@given(values=finite_values, mode=modes, patience=patiences, baseline=levels)
def test_with_a_baseline_patience_stops_where_keras_does_or_while_keras_waits(
    values: list[float], mode: str, patience: int, baseline: float
) -> None:
    """Keras does not stop at an epoch that beats the previous best without beating the baseline."""
    rule = Patience(patience, baseline=baseline)
    keras = keras_stop(values, mode, patience=patience, baseline=baseline)
    ours = stop_at(rule, curve(*values, mode=mode))
    if keras is not None:
        assert ours is not None
        assert ours <= keras
    if ours is not None and ours != keras:
        sign = 1 if mode == "max" else -1
        oriented = [sign * value for value in values[: ours + 1]]
        assert max(oriented) <= sign * baseline
        assert oriented[-1] > max(oriented[:-1], default=float("-inf")) or ours == 0


@given(values=finite_values, mode=modes, patience=patiences, late=st.integers(0, 9))
def test_what_keras_ignores_at_the_start_patience_only_does_not_count(
    values: list[float], mode: str, patience: int, late: int
) -> None:
    """A value before the start is a best value here and nothing there, so this stops no later."""
    rule = Patience(patience, start_from=late + 1)
    keras = keras_stop(values, mode, patience=patience, start_from_epoch=late)
    ours = stop_at(rule, curve(*values, mode=mode))
    assert ours is None or ours >= late
    if keras is not None:
        assert ours is not None
        assert ours <= keras
    poor = max(values, default=0.0) + 1 if mode == "min" else min(values, default=0.0) - 1
    level = [poor] * late + values[late:]
    there = keras_stop(level, mode, patience=patience, start_from_epoch=late)
    assert stop_at(rule, curve(*level, mode=mode)) == there


@given(
    values=values,
    mode=modes,
    patience=patiences,
    min_delta=deltas,
    check_finite=st.booleans(),
    limits=st.tuples(st.none() | thresholds, st.none() | thresholds),
)
def test_patience_stops_where_lightning_does_and_for_the_same_reason(
    values: list[float],
    mode: str,
    patience: int,
    min_delta: float,
    check_finite: bool,
    limits: tuple[float | None, float | None],
) -> None:
    stopping, divergence = limits
    there = lightning_stop(
        values,
        mode,
        patience=patience,
        min_delta=min_delta,
        check_finite=check_finite,
        stopping_threshold=stopping,
        divergence_threshold=divergence,
    )
    rule = Patience(
        patience,
        min_delta=min_delta,
        check_finite=check_finite,
        stopping_threshold=stopping,
        divergence_threshold=divergence,
    )
    known = [value for value in values if abs(value) != float("inf")]
    if len(known) < len(values) and not check_finite:
        return  # an infinite value is the best for ever there, and a miss here
    said = verdicts_on(rule, curve(*values, mode=mode))
    here = next(((at, each.cause) for at, each in enumerate(said) if each.stop), None)
    assert here == (None if there is None else (there[0], CAUSES[there[1]]))


def test_at_the_stopping_threshold_itself_lightning_goes_on_and_patience_stops() -> None:
    assert lightning_stop([0.5, 0.9], "max", patience=9, stopping_threshold=0.9) is None
    assert stop_at(Patience(9, stopping_threshold=0.9), curve(0.5, 0.9)) == 1


@given(values=finite_values, mode=modes, patience=patiences)
def test_patience_stops_where_transformers_does(
    values: list[float], mode: str, patience: int
) -> None:
    there = transformers_stop(values, mode, patience=patience)
    assert stop_at(Patience(patience), curve(*values, mode=mode)) == there


@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_loops_themselves_stop_on_a_flat_curve(mode: str) -> None:
    flat = [0.5] * 9
    assert keras_stop(flat, mode, patience=3) == 3
    assert lightning_stop(flat, mode, patience=3) == (3, "no improvement")
    assert transformers_stop(flat, mode, patience=3) == 3
