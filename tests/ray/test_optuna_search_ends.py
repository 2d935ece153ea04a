"""Whatever ends a sweep: its study holds no RUNNING trial."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler

from tests.ray.sweeps import Row, fit, run, tuner, within
from tests.ray.test_optuna_search import searcher, states, trials_of
from tests.ray.test_search import After
from tests.ray.trainables import losses
from tune_es.ray import EarlyStoppingOptunaSearch, EarlyStoppingScheduler

LONG = [1 / step for step in range(1, 500)]
SLOW = run("slow", LONG, pause_s=0.05)

SCHEDULERS: dict[str, Callable[[], TrialScheduler]] = {
    "ours": lambda: EarlyStoppingScheduler(metric="loss", mode="min", stop="none"),
    "fifo": FIFOScheduler,
}


def slow(config: Mapping[str, Any]) -> None:
    losses({"run": SLOW})


def own_space() -> EarlyStoppingOptunaSearch:
    """A searcher with a space of its own: Ray tells it nothing before the first trial."""
    return searcher(space={"x": FloatDistribution(0, 1)})


def check_ended(search: EarlyStoppingOptunaSearch, at_least: int = 1) -> None:
    """All have ended: those with results by their best, those that never ran as failed."""
    trials = trials_of(search)
    assert len(trials) >= 2
    assert {each.state.name for each in trials} <= {"COMPLETE", "FAIL"}
    complete = [each for each in trials if each.intermediate_values]
    assert len(complete) >= at_least
    for each in complete:
        assert each.value == min(each.intermediate_values.values())
        assert each.user_attrs["es/steps"] == max(each.intermediate_values)
        assert each.user_attrs["es/cause"] == "UNFINISHED"


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_stopper_that_ends_everything(tmp_path: Path, kind: str) -> None:
    search = own_space()
    options: Row = {"search_alg": search, "num_samples": 4, "scheduler": SCHEDULERS[kind]()}
    fit(slow, {}, tmp_path, stop=After(6), **options)
    check_ended(search)
    saved = own_space()
    saved.restore_from_dir(str(tmp_path / "sweep"))
    assert states(saved) == states(search)


def other(config: Mapping[str, Any]) -> None:
    """Reports its metric once, and something else from then on."""
    tune.report({"loss": config["x"]})
    for _ in range(200):
        time.sleep(0.05)
        tune.report({"other": 1})


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_a_last_result_without_the_metric_is_not_broken(tmp_path: Path, kind: str) -> None:
    search = own_space()
    options: Row = {"search_alg": search, "num_samples": 2, "scheduler": SCHEDULERS[kind]()}
    fit(other, {}, tmp_path, stop=After(8), **options)
    complete = [each for each in trials_of(search) if each.state.name == "COMPLETE"]
    assert [each.value for each in complete] == [each.params["x"] for each in complete] != []
    causes = {each.user_attrs["es/cause"] for each in trials_of(search)}
    assert causes == {"UNFINISHED"}


def test_a_time_budget(tmp_path: Path) -> None:
    search = searcher()
    options: Row = {"search_alg": search, "num_samples": 2, "time_budget_s": 12}
    fit(slow, {"x": tune.uniform(0, 1)}, tmp_path, **options)
    check_ended(search)


class Interrupt(tune.Callback):
    """Presses Ctrl-C after some results, once."""

    def __init__(self, after: int, mark: Path) -> None:
        self.left = after
        self.mark = mark

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        self.left -= 1
        if self.left <= 0 and not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_and_a_sweep_that_goes_on(tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/study.db"
    search = searcher(space={"x": FloatDistribution(0, 1)}, storage=storage)
    sweep = tuner(
        slow,
        {},
        tmp_path,
        search_alg=search,
        num_samples=2,
        stop={"training_iteration": 12},
        callbacks=[Interrupt(6, tmp_path / "interrupted")],
    )
    sweep.fit()
    check_ended(search)
    tune.Tuner.restore(str(tmp_path / "sweep"), trainable=slow).fit()
    trials = optuna.load_study(study_name="optuna", storage=storage).get_trials()
    assert {each.state.name for each in trials} <= {"COMPLETE", "FAIL"}
    ended = [each for each in trials if each.user_attrs["es/steps"] == 12]
    assert [each.value for each in ended] == [1 / 12] * 2
    assert [sorted(each.intermediate_values) for each in ended] == [[*range(1, 13)]] * 2


def test_a_sweep_that_dies_of_an_error(tmp_path: Path) -> None:
    class Dies(tune.Callback):
        def on_trial_result(
            self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
        ) -> None:
            if result["training_iteration"] == 3:
                raise ValueError("a callback dies")

    search = own_space()
    with within(180), pytest.raises(Exception, match="a callback dies"):
        fit(slow, {}, tmp_path, search_alg=search, num_samples=2, callbacks=[Dies()])
    assert "RUNNING" not in states(search)
    assert "COMPLETE" in states(search)
    assert os.environ.get("RAY_TUNE_CALLBACKS") is None


def test_a_space_that_dies_of_an_error(tmp_path: Path) -> None:
    def space(trial: optuna.Trial) -> None:
        trial.suggest_float("x", 0, 1)
        raise ValueError("a space dies")

    search = searcher(space=space)
    with within(180), pytest.raises(Exception, match="a space dies"):
        fit(slow, {}, tmp_path, search_alg=search)
    assert states(search) == ["FAIL"]
