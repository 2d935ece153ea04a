"""Stopping parameters searched beside the training: what the objective makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.search import ConcurrencyLimiter

from search_spaces.stopping import promotion_space
from tests.ray.sweeps import Sweep, fit, run
from tests.ray.trainables import losses
from tune_es import Never, Policy
from tune_es.ray import EarlyStoppingOptunaSearch, EarlyStoppingScheduler
from tune_es.replay import Candidate, PolicyScheduler, judge, task_curves

MAX_T = 32
#: A gain comes at 1, 2, 4, 8, 16 and 32: each costs twice the patience of the one before.
CURVE = [0.5 ** (step.bit_length() - 1) for step in range(1, MAX_T + 1)]
PATIENCE = "es/stop/Patience/patience"
PRICE = 0.5
SPACE = {"run": run("one", CURVE), "es": {"stop": {"Patience": {"patience": tune.randint(1, 33)}}}}


def steps_with(patience: int) -> int:
    decision = Policy("loss", "min", stop={"Patience": {"patience": patience}}).first_stop(CURVE)
    return MAX_T if decision is None else int(decision.step)


def worth(patience: int) -> float:
    steps = steps_with(patience)
    return -min(CURVE[:steps]) - PRICE * steps / MAX_T


def searched(tmp_path: Path, points: list[int], **asked: Any) -> tuple[Sweep, Any]:
    search = EarlyStoppingOptunaSearch(
        points_to_evaluate=[{PATIENCE: each} for each in points], seed=0, **asked
    )
    scheduler = EarlyStoppingScheduler(
        metric="loss", mode="min", stop=Never(), max_t=MAX_T, budget_price=PRICE
    )
    sweep = fit(
        losses,
        SPACE,
        tmp_path,
        search_alg=ConcurrencyLimiter(search, max_concurrent=2),
        scheduler=scheduler,
        num_samples=8,
    )
    return sweep, search._ot_study


def test_the_plain_metric_likes_the_largest_patience_and_utility_does_not(tmp_path: Path) -> None:
    points = [1, 3, 5, 9, 17, 32]
    _, plain = searched(tmp_path / "plain", points, metric="loss", mode="min")
    sweep, priced = searched(tmp_path / "priced", points, metric="es/utility", mode="max")
    assert plain.best_params[PATIENCE] > MAX_T / 2
    best = max(range(1, 33), key=worth)
    assert 1 < best < MAX_T / 4
    assert best <= priced.best_params[PATIENCE] <= MAX_T / 4
    for trial in priced.trials:
        assert trial.value == pytest.approx(worth(trial.params[PATIENCE]))
    for last in sweep.lasts:
        patience = last["config"]["es"]["stop"]["Patience"]["patience"]
        assert last["es"]["utility"] == pytest.approx(worth(patience))


def test_metric_and_cost_may_be_two_objectives(tmp_path: Path) -> None:
    points = [1, 2, 4, 8, 16, 32]
    asked = {"metric": ["loss", "training_iteration"], "mode": ["min", "min"]}
    _, study = searched(tmp_path, points, **asked)
    assert len({tuple(each.values) for each in study.best_trials}) >= 4
    assert {each.state.name for each in study.trials} == {"COMPLETE"}


def test_the_knobs_of_promotion_are_tuned_by_trials_that_replay_a_sweep(tmp_path: Path) -> None:
    sweep = fit(
        replayed_sweep,
        {"promotion": promotion_space()},
        tmp_path,
        search_alg=EarlyStoppingOptunaSearch(metric="cost", mode="min", seed=0),
        num_samples=2,
    )
    assert len({last["cost"] for last in sweep.lasts}) == 2
    assert all(0 < last["cost"] < 1 for last in sweep.lasts)


def replayed_sweep(config: Mapping[str, Any]) -> None:
    """A trial of the outer sweep is a whole sweep with the promotion rule that it brings."""
    policy = Policy("loss", "min", stop="none", max_t=9, promotion=config["promotion"])
    values = [[1 / (1 + rank * step) for step in range(1, 10)] for rank in range(1, 20)]
    one = Candidate("one", lambda task, trials: PolicyScheduler(policy, trials=trials))
    (score,) = judge([task_curves(values, "loss", "min")], [one], trials=19, seeds=1)
    tune.report({"cost": score.cost, "regret": score.regret})
