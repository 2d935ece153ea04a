"""The studies of searchers and of tuned policies: their parts on made tasks, and small runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from ray.tune.search.optuna import OptunaSearch

from experiments import left_out_tasks, live_tuning
from experiments.left_out_tasks import Family
from experiments.searchers import report
from experiments.searchers.beside import Beside
from experiments.searchers.sweeps import Found, sweeps
from experiments.searchers.tabular import Tabular
from tests.replay.schedulers import Logged, recorded
from tune_es import Policy, Target
from tune_es.replay import Cluster, InOrder, PolicyScheduler, load_tasks, replay

CONFIGS = [{"lr": lr, "beta1": beta} for lr, beta in [(1e-3, 0.9), (1e-2, 0.99), (1e-1, 0.9)]]
CURVES = recorded([[0.5, 0.4], [0.9, 0.3], [0.6, 0.6]], configs=CONFIGS)


@pytest.fixture(autouse=True)
def _quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def test_a_point_runs_as_the_nearest_configuration_that_has_not_run() -> None:
    problem = Tabular(CURVES)
    point = {"lr": 2e-2, "beta1": 0.011}  # searched is the distance from 1
    assert problem.nearest(point) == 1
    assert problem.nearest(point, {1}) == 2
    assert problem.nearest(point, {1, 2}) == 0
    assert [problem.best, problem.scale] == pytest.approx([-0.3, 0.1])
    assert problem.bests([0, 1, 1], [1, 1, 2]).tolist() == [-0.5, -0.5, -0.3]
    lr = problem.space()["lr"]
    assert [lr.low, lr.high] == pytest.approx([1e-3, 1e-1])


class Told(OptunaSearch):
    """Ray's searcher, which writes down what it is told."""

    told: list[tuple[str, str, Any]]

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self.told.append(("result", trial_id, result["training_iteration"]))
        super().on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self.told.append(("complete", trial_id, (result or {}).get("val_loss")))
        super().on_trial_complete(trial_id, result, error)


def test_a_searcher_is_told_what_ray_tells_it_and_that_the_recorded_one_ran() -> None:
    problem = Tabular(CURVES)
    search = Told(dict(problem.space()), metric="val_loss", mode="min", seed=0)
    search.told = []
    policy = Policy("val_loss", "min", stop=Target(0.45), max_t=2)
    beside = Beside(Logged(PolicyScheduler(policy)), search, 6, problem)
    run = replay(beside, CURVES, Cluster(1), chosen=beside.asked())
    order = list(run.curves or ())
    assert sorted(order) == [0, 1, 2]
    stopped_early = str(order.index(0))  # 0.4 is within the target, at the last step
    assert ("result", stopped_early, 2) not in search.told
    assert ("complete", stopped_early, 0.4) in search.told
    study: Any = search._ot_study
    ran = [CONFIGS[curve]["lr"] for curve in order]
    assert [trial.params["lr"] for trial in study.trials] == pytest.approx(ran)


def test_no_more_is_asked_for_once_the_budget_is_used() -> None:
    problem = Tabular(CURVES)
    search = OptunaSearch(dict(problem.space()), metric="val_loss", mode="min", seed=0)
    beside = Beside(InOrder(), search, 3, problem)
    assert len(replay(beside, CURVES, Cluster(1), chosen=beside.asked()).reached) == 2


def test_differences_are_to_rays_searcher() -> None:
    found = [
        Found(task, seed, 4, "ASHA", name, 10, 1.0, (regret,))
        for task in ("a", "b")
        for seed in (0, 1)
        for name, regret in (("random", 0.1), ("OptunaSearch", 0.01))
    ]
    text = report.render(found, [10], "the command", 1)
    assert "| random | +1.00 (+1.00, +1.00) | 10 | 100.0 |" in text
    assert "| OptunaSearch | -2.00 (-2.00, -2.00) | 10 | 100.0 |" in text


def test_every_searcher_searches_recorded_configurations(shared: Path) -> None:
    curves = load_tasks([shared / "curves" / "taskset_text"])[0].chosen(range(60))
    found = sweeps(curves, 0, [4], ["OptunaSearch", "ours: common rung"])
    assert {each.searcher for each in found} == {"OptunaSearch", "ours: common rung"}
    assert all(0 <= each.regrets[-1] <= each.regrets[0] <= 1 for each in found)


def test_patience_is_searched_for_every_objective(shared: Path) -> None:
    curves = load_tasks([shared / "curves" / "taskset_text"])[0].chosen(range(100))
    found = live_tuning.searches(curves, 0)
    assert [each.objective for each in found] == [each.name for each in live_tuning.OBJECTIVES]
    assert all(0 < each.patience <= 1 for each in found)


def test_the_task_left_out_has_no_say() -> None:
    costs = np.array([[0.1, 0.1, 0.1], [0.5, 0.5, 0.5]])
    regrets = np.array([[0.9, 0.0, 0.0], [0.0, 0.0, 0.0]])
    cost, regret = Family("two", costs, regrets).left_out("mean")
    at = int(np.searchsorted(left_out_tasks.LIMITS, 0.01))
    assert cost[at].tolist() == [0.1, 0.5, 0.5]  # the first task is where the cheap one fails
    assert regret[at].tolist() == [0.9, 0.0, 0.0]


def test_tasks_are_left_out_one_by_one(shared: Path, tmp_path: Path) -> None:
    folder = shared / "curves" / "deepobs"
    small = ["--policies", "12", "--seeds", "1", "--processes", "1", "--out", str(tmp_path)]
    left_out_tasks.main(["--curves", str(folder), *small])
    text = (tmp_path / "left_out_tasks.md").read_text()
    tasks = len(load_tasks([folder]))
    assert f"## On clean tasks ({tasks})" in text


def test_without_a_price_the_best_patience_is_the_longest_gap() -> None:
    gains = [1.0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.39, 0.39, 0.39]  # gaps of 1, 2 and 4
    curves = recorded([gains, gains])
    assert live_tuning.best_patience(curves, 0.0) == 0.4  # 3 misses in a row come before step 8
    assert live_tuning.best_patience(curves, 0.1) == 0.2
    assert live_tuning.best_patience(curves, 10.0) == 0.1
    text = live_tuning.render_alone({0.0: [0.4], 0.1: [0.2]})
    assert "| none: the plain loss | 0.400 (0.400, 0.400) |" in text
