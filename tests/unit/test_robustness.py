"""Curves that people ask about: improving, still falling, flat, and what else a sweep brings."""

from __future__ import annotations

import math

import pytest

from tests.builders import stops
from tune_es import Policy

NAN = math.nan
MAX_T = 60
PRESETS = ["safe", "balanced", "aggressive"]

#: Losses of runs that no preset may stop before their end.
ALIVE: dict[str, list[float]] = {
    "improving all the time": [1.0 - 0.01 * at for at in range(MAX_T)],
    "still falling, slower and slower": [1.0 / (1 + 0.2 * at) for at in range(MAX_T)],
    "falling in stairs": [1.0 - 0.1 * (at // 5) for at in range(MAX_T)],
    "falling under noise": [1.0 - 0.01 * at + 0.03 * (-1) ** at for at in range(MAX_T)],
    "through zero": [0.3 - 0.01 * at for at in range(MAX_T)],
    "far below zero": [-100.0 - at for at in range(MAX_T)],
    "with gaps of NaN": [NAN if at % 7 == 3 else 1.0 - 0.01 * at for at in range(MAX_T)],
    "tiny": [1e-9 * (1.0 - 0.01 * at) for at in range(MAX_T)],
    "huge": [1e30 * (1.0 - 0.01 * at) for at in range(MAX_T)],
}

#: Losses of runs that every preset stops before their end.
DONE: dict[str, list[float]] = {
    "flat": [0.5] * MAX_T,
    "flat at zero": [0.0] * MAX_T,
    "fell, then flat": [1.0 / (1 + at) if at < 10 else 0.1 for at in range(MAX_T)],
    "noise and no trend": [0.5 + 0.05 * math.sin(12.9898 * at * at) for at in range(MAX_T)],
    "worse and worse": [1.0 + 0.05 * at for at in range(MAX_T)],
    "overfitting": [0.5 + 0.001 * (at - 12) ** 2 for at in range(MAX_T)],
    "exploded": [1.0, 0.8, 0.7, *[10.0**at for at in range(MAX_T - 3)]],
    "one spike, then flat": [0.5, 0.5, 90.0, *[0.5] * (MAX_T - 3)],
    "flat, far from zero": [1e9] * MAX_T,
}

#: Losses of broken runs, and the evaluation at which the guard ends each.
BROKEN: dict[str, tuple[list[float], int]] = {
    "NaN from the start": ([NAN] * MAX_T, 3),
    "NaN later": ([1.0 - 0.01 * at for at in range(20)] + [NAN] * 40, 23),
    "infinite": ([1.0, 0.9, *[math.inf] * 58], 5),
    "either, in turn": ([1.0, *[NAN, math.inf, -math.inf] * 9], 4),
    "NaN, once, then three": ([1.0, NAN, 0.9, 0.8, NAN, NAN, NAN, 0.1], 7),
}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", ALIVE)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_still_improves_runs_to_its_end(preset: str, name: str, mode: str) -> None:
    values = [value if mode == "min" else -value for value in ALIVE[name]]
    policy = Policy("value", mode, stop=preset, max_t=MAX_T)
    assert stops(policy, values) == (MAX_T, "EXHAUSTED")


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", DONE)
@pytest.mark.parametrize("mode", ["min", "max"])
def test_what_is_done_is_stopped(preset: str, name: str, mode: str) -> None:
    values = [value if mode == "min" else -value for value in DONE[name]]
    stop = stops(Policy("value", mode, stop=preset, max_t=MAX_T), values)
    assert stop is not None
    assert stop[0] < MAX_T
    assert stop[1] in {"STALLED", "HOPELESS"}


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_ended_at_once(preset: str, name: str) -> None:
    losses, end = BROKEN[name]
    assert stops(Policy("loss", "min", stop=preset, max_t=MAX_T), losses) == (end, "BROKEN")


@pytest.mark.parametrize("name", [*ALIVE, *DONE])
@pytest.mark.parametrize("spacing", [0.5, 50])
def test_rare_and_frequent_evaluations_are_the_same_to_a_preset(name: str, spacing: float) -> None:
    losses = {**ALIVE, **DONE}[name]
    plain = stops(Policy("loss", "min", stop="balanced", max_t=MAX_T), losses)
    rows = [
        {"training_iteration": spacing * at, "loss": loss}
        for at, loss in enumerate(losses, start=1)
    ]
    spread = stops(Policy("loss", "min", stop="balanced", max_t=MAX_T * spacing), rows)
    assert plain is not None
    assert spread == (plain[0] * spacing, plain[1])


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("max_t", [1, 2, 3, 5, 8])
def test_a_short_budget_is_used_up(preset: str, max_t: int) -> None:
    falling = [1.0 - 0.01 * at for at in range(max_t)]
    assert stops(Policy("loss", "min", stop=preset, max_t=max_t), falling) == (max_t, "EXHAUSTED")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_drop_of_the_learning_rate_is_waited_for_where_it_is_named(preset: str) -> None:
    losses = [1.0 / (1 + at) + 0.5 for at in range(10)] + [0.6] * 20 + [0.2] * 30
    waiting = Policy("loss", "min", stop=preset, max_t=MAX_T, not_before=[31])
    stop = stops(waiting, losses)
    assert stop is not None
    assert stop[0] > 31
    decision = waiting.first_stop(losses)
    assert decision is not None
    assert decision.best == 0.2
