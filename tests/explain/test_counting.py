"""Which stops were right, on curves whose rest is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from experiments.calibration import count, table_of
from experiments.calibration_report import Stops, halves, tested
from tune_es import (
    After,
    AsyncHalving,
    BelowMedian,
    GeneralizationLoss,
    Patience,
    Policy,
    Target,
)
from tune_es.replay import TaskCurves, load_tasks, task_curves
from tune_es.report.explain import measured, shipped
from tune_es.report.explain.calibration import Cell
from tune_es.report.explain.counting import judged, right_alone, right_among


def test_a_stop_is_right_where_the_rest_brings_half_a_percent_at_most() -> None:
    stalls, a_bit, better = ([1.0, 0.5, 0.5, 0.5, last] for last in (0.5, 0.4976, 0.49))
    found = judged(
        Policy("loss", "min", stop=Patience(2), max_t=5),
        task_curves([stalls, a_bit, better], "loss", "min"),
    )
    assert found.at.tolist() == [4, 4, 4]
    assert found.right.tolist() == [True, True, False]
    assert found.names.tolist() == ["STALLED"] * 3
    assert found.parts.tolist() == [4] * 3


def test_the_sign_is_that_of_the_metric() -> None:
    scores = [[0.1, 0.5, 0.5, 0.5, last] for last in (0.3, 0.7)]
    policy = Policy("f1", "max", stop=Patience(2), max_t=5)
    assert judged(policy, task_curves(scores, "f1", "max")).right.tolist() == [True, False]


def test_facts_and_stops_at_the_end_are_no_stops_to_be_judged() -> None:
    curves = task_curves([[0.9, 0.2, 0.1], [0.9, 0.9, 0.9], [0.9, 0.9, 0.9, 0.9]], "loss", "min")
    policy = Policy("loss", "min", stop=Target(0.2) | Patience(2), max_t=4)
    assert judged(policy, curves).trials.tolist() == [2]


def test_curves_that_are_never_finite_lose_nothing() -> None:
    curves = task_curves([[math.nan] * 4, [0.5, math.inf, 0.5, 0.4]], "loss", "min")
    assert right_alone(curves, np.array([3, 3])).tolist() == [True, False]


def test_by_comparison_only_the_best_of_the_sweep_counts() -> None:
    losses = [[0.5, 0.4], [0.9, 0.39], [0.9, 0.8], [0.9, 0.7]]
    curves = task_curves(losses, "loss", "min")
    found = right_among(curves, np.array([2, 1, 1, 1]))
    assert found.tolist() == [True, False, True, True]
    assert right_among(curves, np.array([2, 2, 1, 1])).all()


def test_a_rule_that_compares_trials_is_counted_on_sweeps_by_criterion() -> None:
    losses = [[level + 1 / step for step in range(1, 9)] for level in (0.1, 0.2, 0.3, 0.4)]
    losses += [[0.6 + level, *[0.6 + level] * 7] for level in (0.0, 0.1)]
    policy = Policy("loss", "min", stop=BelowMedian(2, 2) | After(6, Patience(3)), max_t=8)
    found = judged(policy, task_curves(losses, "loss", "min"), trials=6, seeds=2)
    assert set(found.names.tolist()) <= {"BelowMedian", "Patience"}
    assert (found.names == "BelowMedian").any()
    assert found.right.all()
    promoting = Policy("loss", "min", stop="none", promotion=AsyncHalving(), max_t=8)
    let_go = judged(promoting, task_curves(losses, "loss", "min"), trials=6, seeds=2)
    assert set(let_go.names.tolist()) == {"AsyncHalving"}


def test_the_policy_of_a_sweep_is_counted_on_other_tasks_with_their_budget() -> None:
    late = [[1.0, 0.5, 0.5, 0.5, 0.5, 0.5, last] for last in (0.5, 0.5, 0.1)]
    tasks = [task_curves(late * 10, "acc", "min", name=name) for name in ("one", "two")]
    table = measured(Policy("loss", "min", stop=Patience(3), max_t=99), tasks, 5, "mine")
    counts = table.cells[Cell("STALLED")]
    assert (counts.right, counts.stops, counts.tasks) == (40, 60, 2)
    assert table.find("STALLED", "min", 3) == Cell("STALLED", "min", 3)
    assert table.share(Cell("STALLED")).value == pytest.approx(2 / 3, abs=0.02)


def test_a_metric_that_the_curves_lack_is_named() -> None:
    policy = Policy(
        "loss", "min", stop=GeneralizationLoss(metric="f1"), other_metrics={"f1": "max"}
    )
    curves = task_curves([[0.5, 0.4]], "loss", "min", f2=[[0.1, 0.2]])
    with pytest.raises(ValueError, match="no metric 'f1'; did you mean 'f2'"):
        measured(policy, [curves], 2, "mine")


@pytest.fixture(scope="module")
def tasks(shared: Path) -> list[TaskCurves]:
    return load_tasks(shared / "curves")


@pytest.fixture(scope="module")
def found(tasks: list[TaskCurves]) -> dict[str, Stops]:
    return count(tasks)


def test_the_counts_that_are_shipped_are_those_of_the_recorded_curves(
    tasks: list[TaskCurves], found: dict[str, Stops]
) -> None:
    table, now = shipped(), table_of(found, tasks)
    assert (table.source, table.budgets) == (now.source, now.budgets)
    assert table.cells.keys() == now.cells.keys()
    for cell, counts in table.cells.items():
        again = now.cells[cell]
        assert (counts.right, counts.stops, counts.tasks) == (
            again.right, again.stops, again.tasks,
        ), cell  # fmt: skip
        assert counts.effective == pytest.approx(again.effective, abs=0.06)


def test_on_tasks_left_out_it_beats_a_constant_and_the_formula_of_the_seed(
    tasks: list[TaskCurves], found: dict[str, Stops]
) -> None:
    own = {name: stops for name, stops in found.items() if not stops.among}
    for made_of, _ in zip(halves(tasks), range(2), strict=False):
        said = tested(own, made_of)
        right = said.right
        ours, of_rule, constant, seed = (
            float(((each - right) ** 2).mean())
            for each in (said.share, said.of_rule, said.constant, said.seed)
        )
        assert ours < of_rule < constant < seed
        assert abs(said.share.mean() - right.mean()) < 0.12
