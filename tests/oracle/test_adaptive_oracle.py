"""The project's adaptive rule and patience against implementations that share no code with them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from experiments.recorded_curves import Curve, load_curves
from experiments.replayed_curves import steps_run
from tests.oracle.adaptive_oracle import (
    AGGRESSIVE,
    BALANCED,
    SAFE,
    Preset,
    patience_stop,
    slack_at,
)
from tune_es import Adaptive, Criterion, Observation, Patience, Policy, Referee, fired_at
from tune_es.cohort import Cohort

RULES: dict[str, tuple[Adaptive, Preset]] = {
    "safe": (Adaptive.safe(), SAFE),
    "balanced": (Adaptive.balanced(), BALANCED),
    "aggressive": (Adaptive.aggressive(), AGGRESSIVE),
}
#: Rounding may decide where a condition holds by less than this share of its own terms.
ROUNDING = 1e-9
#: Curves of a task that are checked; the oracle reads the whole history at every evaluation.
PER_TASK = 4


def floats_up_to(limit: float) -> st.SearchStrategy[float]:
    """Numbers whose squares neither overflow nor underflow."""
    return st.floats(-limit, limit).map(lambda value: round(value, 40))


MODERATE, TINY, HUGE = floats_up_to(1e6), floats_up_to(1e-6), floats_up_to(1e35)
BAD = st.sampled_from([math.nan, math.inf, -math.inf])
FLAT = st.sampled_from([0.25, 0.5])
VALUES = st.one_of(*(st.lists(kind | BAD, max_size=70) for kind in (MODERATE, TINY, HUGE, FLAT)))


@st.composite
def learning_curves(draw: st.DrawFn) -> list[float]:
    """Curves that fall, flatten, are noisy and lack values: what real ones look like."""
    length = draw(st.integers(1, 120))
    chance = random.Random(draw(st.integers(0, 2**32)))
    rate, noise, floor = draw(st.tuples(st.floats(0, 2), st.floats(0, 0.2), st.floats(0, 10)))
    gaps = draw(st.sampled_from([0.0, 0.0, 0.1, 0.5]))
    return [
        math.nan if chance.random() < gaps else floor + math.exp(-rate * i) + chance.gauss(0, noise)
        for i in range(length)
    ]


def assert_same_stop(
    values: Sequence[float], total: int, rule: Adaptive, preset: Preset, ranged: bool = False
) -> None:
    """The stop of the project is where the oracle has it, up to rounding."""
    stop = fired_at(rule, [-value for value in values], max_t=total)
    for i in range(len(values) if stop is None else stop + 1):
        worst = max(slack_at(values[: i + 1], total, preset, ranged))
        if i == stop:
            assert worst <= ROUNDING, f"stopped at {i}, where the oracle goes on"
        else:
            assert worst > -ROUNDING, f"went on at {i}, where the oracle stops; {stop=}"


@pytest.mark.parametrize("name", RULES)
@given(values=VALUES | learning_curves(), spare=st.integers(0, 30))
def test_adaptive_stops_where_the_oracle_does(name: str, values: list[float], spare: int) -> None:
    assert_same_stop(values, len(values) + spare, *RULES[name])


@given(values=learning_curves(), spare=st.integers(0, 30))
def test_adaptive_on_its_own_range_stops_where_the_oracle_does(
    values: list[float], spare: int
) -> None:
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    spread = max(finite) - min(finite)
    # Where the whole range is rounding, two ways to round have nothing in common to be compared by.
    assume(spread == 0 or spread > 1e-6 * max(map(abs, finite)))
    rule = Adaptive(scale="range")
    assert_same_stop(values, len(values) + spare, rule, BALANCED, ranged=True)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("value", [0.0, 0.7, -3.0, 1e35, 1e-35])
@pytest.mark.parametrize("length", [1, 5, 6, 10, 11, 100])
def test_adaptive_on_constant_curves(name: str, value: float, length: int) -> None:
    assert_same_stop([value] * length, length, *RULES[name])


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("at", [0, 7, 30])
@pytest.mark.parametrize("spike", [1e35, -1e35, 1e150, math.inf, -math.inf, math.nan])
def test_adaptive_after_one_spike(name: str, at: int, spike: float) -> None:
    values = [1.0 + 0.5**i for i in range(60)]
    values[at] = spike
    assert_same_stop(values, 60, *RULES[name])


@given(values=VALUES | learning_curves(), patience=st.integers(1, 12))
def test_patience_stops_where_the_oracle_does(values: list[float], patience: int) -> None:
    stop = fired_at(Patience(patience), [-value for value in values])
    assert stop == patience_stop(values, patience)


@given(values=learning_curves(), spacing=st.sampled_from([0.5, 1, 7, 50]))
def test_the_spacing_of_steps_is_no_matter(values: list[float], spacing: float) -> None:
    every_step = _first_stop(Adaptive.balanced(), values, 1, len(values))
    spread_out = _first_stop(Adaptive.balanced(), values, spacing, len(values))
    assert spread_out == every_step


def _first_stop(rule: Criterion, values: list[float], spacing: float, total: int) -> int | None:
    state, peers = rule.init(), Cohort().peers("")
    for i, value in enumerate(values):
        seen = Observation("", (i + 1) * spacing, -value, sign=-1, max_t=total * spacing)
        state, verdict = rule.step(state, seen, peers)
        if verdict.stop:
            return i
    return None


@pytest.fixture(scope="module")
def sample(shared: Path) -> list[Curve]:
    """A few curves of every task, the same on every run."""
    curves = load_curves(shared / "curves")
    by_task: dict[str, list[Curve]] = {}
    for curve in curves:
        by_task.setdefault(curve.task, []).append(curve)
    chance = random.Random(0)
    return [each for mine in by_task.values() for each in chance.sample(mine, PER_TASK)]


def minimised(curve: Curve) -> list[float]:
    return [-curve.sign * value for value in curve.values[: curve.max_t]]


@pytest.mark.parametrize("name", RULES)
def test_adaptive_stops_where_the_oracle_does_on_recorded_curves(
    name: str, sample: list[Curve]
) -> None:
    for curve in sample:
        assert_same_stop(minimised(curve), curve.max_t, *RULES[name])


def test_patience_stops_where_the_oracle_does_on_recorded_curves(sample: list[Curve]) -> None:
    for curve in sample:
        values = minimised(curve)
        assert fired_at(Patience(5), [-value for value in values]) == patience_stop(values, 5)


def test_a_live_referee_stops_where_the_study_says(sample: list[Curve]) -> None:
    for curve in sample:
        referee = Referee(Policy("value", curve.mode, stop=Adaptive.balanced(), max_t=curve.max_t))
        values = curve.values[: curve.max_t]
        results = [{"training_iteration": n, "value": v} for n, v in enumerate(values, 1)]
        stops = (n for n, result in enumerate(results, 1) if referee.report("trial", result).stop)
        run = steps_run(Adaptive.balanced(), values, curve.sign, curve.max_t)
        assert next(stops, len(values)) == run
