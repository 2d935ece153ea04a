"""Numbers that run along every trial, beside slow ones; and how kernels are compiled."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.fast_cases import task_curves, trials_of
from tests.strategies import levels, wild
from tune_es import Adaptive, NoiseLevel
from tune_es.promotion import Track
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast import compiled as compiling
from tune_es.replay.fast.adaptive import append, level_offsets, line, tables
from tune_es.replay.fast.noise import noise_of
from tune_es.replay.fast.quotas import points_of
from tune_es.replay.fast.ranking import ascending
from tune_es.replay.fast.running import best_so_far, elapsed
from tune_es.replay.fast.sums import EXACT, added
from tune_es.replay.life import durations
from tune_es.signals import Regression


@given(task_curves())
def test_the_best_so_far_is_the_largest_finite_oriented_value(curves: TaskCurves) -> None:
    found = best_so_far(curves)
    for start, stop in zip(curves.starts, curves.starts[1:], strict=False):
        oriented = [curves.task.sign * v for v in curves.metrics["score"][start:stop].tolist()]
        for at in range(len(oriented)):
            seen = [value for value in oriented[: at + 1] if math.isfinite(value)]
            assert found[start + at] == max(seen, default=-math.inf)


def test_the_best_of_another_metric_has_the_mode_of_the_objective() -> None:
    curves = trials_of([3, 2], [1], metrics={"test": [[0.5, 0.75], [0.25]]})
    assert best_so_far(curves, "test").tolist() == [-0.5, -0.5, -0.25]


@given(task_curves())
def test_seconds_are_added_up_trial_by_trial(curves: TaskCurves) -> None:
    found, spans = elapsed(curves, step_s=0.1), durations(curves, 0.1)
    for start, stop in zip(curves.starts, curves.starts[1:], strict=False):
        assert found[start:stop].tolist() == np.cumsum(spans[start:stop]).tolist()


def noise_with_gaps(count: int) -> list[float]:
    draw = np.random.default_rng(3)
    values = draw.normal(size=count)
    values[draw.random(count) < 0.1] = math.nan
    return list(values.tolist())


any_values = st.just(noise_with_gaps(90)) | st.lists(levels | wild, max_size=40)


@given(any_values)
def test_every_line_is_that_of_the_live_regression_to_the_bit(values: list[float]) -> None:
    offsets, sums = level_offsets(len(values)), Regression()
    blocks = np.empty((offsets[-1], 6))
    for index, value in enumerate(values):
        append(blocks, offsets, value, index)
        sums = sums.append(value)
    for start in range(-1, len(values) + 1):
        live = sums.line(start)
        expected = (False, 0.0, 0.0) if live is None else (True, *live)
        assert repr(line(blocks, offsets, start, len(values))) == repr(expected)


@given(any_values)
def test_the_noise_level_is_that_of_the_live_signal_to_the_bit(values: list[float]) -> None:
    signal, state, expected = NoiseLevel(), NoiseLevel().init(), []
    for value in values:
        state, noise = signal.step(state, value)
        expected.append(noise or 0.0)
    rows = np.array([0, len(values)])
    assert noise_of(np.array(values, float), rows[:1], rows[1:]).tolist() == expected


def test_shares_of_the_history_are_rounded_as_the_live_clock_does() -> None:
    rule = Adaptive(patience=1, budget_share=0.0, history_share=0.07, trend_share=0.07)
    assert 0.07 * 200 > 14
    windows, trends, remaining = tables(rule, 300, 200)
    assert (windows[200], trends[200], remaining[200]) == (14, 14, 100)


@given(any_values, st.integers(1, 7))
def test_the_noise_of_promotion_is_that_of_a_live_track(values: list[float], cut: int) -> None:
    column, bounds = np.array(values, float), sorted({0, min(cut, len(values)), len(values)})
    starts, stops = np.array(bounds[:-1], np.int64), np.array(bounds[1:], np.int64)
    points = points_of(column, column, column, starts, stops)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        track = Track("a")
        for row in range(start, stop):
            track.record(row - start + 1, values[row])
            assert points["noise"][row] == track.standing().noise


@compiling.compiled
def total(values: Floats, exact: bool) -> float:
    return added(values, exact)


@compiling.compiled
def sorting(values: Floats) -> Ints:
    return ascending(values)


@given(st.lists(levels | st.sampled_from([math.inf, -math.inf]), max_size=40))
def test_equal_numbers_keep_their_order(values: list[float]) -> None:
    expected = sorted(range(len(values)), key=lambda at: values[at])
    assert sorting(np.array(values, float)).tolist() == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=9))
def test_sums_are_those_of_this_python(values: list[float]) -> None:
    assert total(np.array(values, float), EXACT) == sum(values)


@pytest.mark.parametrize(
    ("values", "plain", "exact"),
    [
        ([1e16, 1.0, -1e16], 0.0, 1.0),
        ([1.0, 1e100, 1.0, -1e100], 0.0, 2.0),
        ([0.1] * 10, 0.9999999999999999, 1.0),
        ([1e308, 1e308, -1e308], math.inf, math.inf),
        ([], 0.0, 0.0),
    ],
)
def test_a_sum_may_carry_along_what_it_rounds_off(
    values: list[float], plain: float, exact: float
) -> None:
    column = np.array(values, float)
    assert (total(column, False), total(column, True)) == (plain, exact)


def module_of(path: Path, text: str) -> ModuleType:
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_kernel_is_kept_under_the_texts_of_those_it_calls(tmp_path: Path) -> None:
    def named(*texts: str) -> str:
        def kernel(value: float) -> float:
            return value

        modules = [module_of(tmp_path / f"m{at}_{text}.py", text) for at, text in enumerate(texts)]
        return str(compiling.calling(*modules)(kernel).__qualname__)

    assert named("a = 1", "b = 1") == named("a = 1", "b = 1")
    assert len({named("a = 1"), named("a = 2"), named("a = 1", "b = 1")}) == 3


def test_a_kernel_is_compiled_where_nothing_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def njit(cache: bool = False, **options: Any) -> Callable[[Any], Any]:
        asked.append(cache)
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(compiling, "njit", njit)
    assert compiling.compiled(abs)(-1) == 1
    assert asked == [True, False]
