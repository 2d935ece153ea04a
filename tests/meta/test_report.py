"""Gain is what the held-out tasks show, and nothing less."""

from __future__ import annotations

import pytest

from tune_es.meta import Goal, Measured, OnTask, Row
from tune_es.meta.report import compare, row

GOAL = Goal(0.01, 0.9)


def policy(name: str, costs: list[float], regret: float = 0.0, held_out_regret: float = 0.0) -> Row:
    tuning = Measured(tuple(OnTask(cost, regret, 0.0) for cost in costs))
    held_out = Measured(tuple(OnTask(cost, held_out_regret, 0.0) for cost in costs))
    return row(name, tuning, held_out, GOAL)


SAFE, FULL = policy("safe", [0.8, 0.7, 0.9, 0.8, 0.8]), policy("full", [1.0] * 5)
LOSSY = policy("lossy", [0.1] * 5, regret=0.5)


def test_cheaper_on_every_task_is_a_gain() -> None:
    found = compare(policy("tuned", [0.7, 0.6, 0.8, 0.7, 0.7]), [FULL, SAFE], GOAL)
    assert (found.preset, found.gain) == ("safe", True)
    assert found.difference is not None
    assert found.difference.value == pytest.approx(-0.1)
    assert found.difference.high == pytest.approx(-0.1)  # the same on each task: no doubt


@pytest.mark.parametrize("costs", [[0.8, 0.7, 0.9, 0.8, 0.8], [0.2, 0.9, 1.0, 1.0, 0.8], [0.9] * 5])
def test_as_dear_or_cheaper_by_one_task_alone_is_none(costs: list[float]) -> None:
    found = compare(policy("tuned", costs), [FULL, SAFE], GOAL)
    assert not found.gain
    assert found.why == "no gain: it is not shown to cost less than safe on held-out tasks"


def test_cheap_and_over_the_limit_is_none() -> None:
    found = compare(policy("tuned", [0.1] * 5, held_out_regret=0.02), [FULL, SAFE], GOAL)
    assert not found.gain
    assert found.why == "no gain: 5 of 5 held-out tasks lose more than 0.01 (0 under safe)"


def test_a_preset_that_breaks_the_limit_is_not_the_one_to_beat() -> None:
    assert compare(policy("tuned", [0.7] * 5), [FULL, LOSSY, SAFE], GOAL).preset == "safe"


def test_one_task_of_ten_may_be_over() -> None:
    tasks = (OnTask(0.5, 0.5, 1.0), *[OnTask(0.5, 0.0, 0.0)] * 9)
    mine = row("tuned", Measured(tasks), Measured(tasks), GOAL)
    assert compare(mine, [policy("full", [1.0] * 10)], GOAL).gain
    assert mine.held_out is not None
    assert mine.held_out.over == 1
    assert mine.held_out.sweeps_over == pytest.approx(0.1)


def test_four_tasks_are_too_few() -> None:
    four = [0.1] * 4
    found = compare(policy("tuned", four), [policy("full", [10 * each for each in four])], GOAL)
    assert not found.gain
    assert found.why == "no gain: 4 held-out tasks are too few to show one"
