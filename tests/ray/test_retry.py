"""Trials that die and are started again, at once or by ``Tuner.restore``."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ray import tune
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from tests.ray.sweeps import Recorder, Sweep, expected, fit, run, run_of, runs, tuner, warned
from tests.ray.trainables import losses
from tune_es import Patience, Policy
from tune_es.ray import EarlyStopper, EarlyStoppingScheduler

pytestmark = pytest.mark.chaos

POLICY = Policy("loss", "min", stop=Patience(4), max_t=20)
CURVE = [0.9, 0.5, 0.7, 0.6, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]
UNDISTURBED = expected(POLICY, CURVE)


class Watchful(EarlyStoppingScheduler):
    """The scheduler, noting when it is told of errors and of trials."""

    def __init__(self, policy: Policy) -> None:
        super().__init__(policy)
        self.told: list[tuple[str, str, str]] = []

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        self.told.append(("add", run_of(trial), trial.status))
        super().on_trial_add(tune_controller, trial)

    def on_trial_error(self, tune_controller: TuneController, trial: Trial) -> None:
        self.told.append(("error", run_of(trial), trial.status))
        super().on_trial_error(tune_controller, trial)

    def about(self, name: str) -> list[tuple[str, str]]:
        return [(what, status) for what, told, status in self.told if told == name]


class Retried(NamedTuple):
    sweep: Sweep
    told: Watchful
    recorder: Recorder
    folder: Path

    def steps(self, name: str) -> list[int]:
        rows = [row for _, row in self.recorder.results if row["config"]["run"]["name"] == name]
        return [row["training_iteration"] for row in rows]


WAYS: dict[str, dict[str, Any]] = {
    "saves": {"saves": True},
    "forgets": {},
    "vanishes": {"kill": True},
    "dies": {"crashes": 2},
}


@pytest.fixture(scope="module", params=["scheduler", "stopper"])
def retried(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Retried:
    """One curve in trials that die in different ways before step 8, with one retry for each."""
    folder = tmp_path_factory.mktemp("retry")
    told, recorder = Watchful(POLICY), Recorder()
    by_scheduler = request.param == "scheduler"
    names = WAYS if by_scheduler else ("forgets",)
    marks = {"crash_before": 8, "marks": str(folder / "marks")}
    sweep = fit(
        losses,
        runs(*(run(name, CURVE, **marks, **WAYS[name]) for name in names)),
        folder,
        scheduler=told if by_scheduler else None,
        stop=None if by_scheduler else EarlyStopper(POLICY),
        callbacks=[recorder],
        max_failures=1,
    )
    return Retried(sweep, told, recorder, folder)


scheduler_only = pytest.mark.parametrize("retried", ["scheduler"], indirect=True)


def test_a_trial_that_died_once_is_decided_as_one_that_did_not(retried: Retried) -> None:
    assert retried.steps("forgets") == [*range(1, 8), *range(1, 10)]
    assert retried.sweep.numbers("forgets") == UNDISTURBED
    assert retried.sweep.result("forgets").error is None


@scheduler_only
def test_so_is_one_that_goes_on_from_its_checkpoint(retried: Retried) -> None:
    assert retried.steps("saves") == [*range(1, 8), 8, 9]
    assert retried.sweep.numbers("saves") == UNDISTURBED


@scheduler_only
def test_so_is_one_whose_process_vanished(retried: Retried) -> None:
    assert retried.steps("vanishes") == [*range(1, 8), *range(1, 10)]
    assert retried.sweep.numbers("vanishes") == UNDISTURBED


def test_the_curve_decides_after_the_crash() -> None:
    assert UNDISTURBED[0] == 9


@scheduler_only
def test_a_final_failure_ends_the_trial_and_not_the_sweep(retried: Retried) -> None:
    assert [bool(error) for error in retried.sweep.errors] == [
        last["config"]["run"]["name"] == "dies" for last in retried.sweep.lasts
    ]
    assert retried.sweep.steps("dies") == 7
    assert retried.sweep.es("dies")["best"] == 0.4


@scheduler_only
def test_the_scheduler_is_told_of_a_retry_as_ray_does_it(retried: Retried) -> None:
    retry = [("add", "PENDING"), ("error", "ERROR"), ("add", "PENDING")]
    assert retried.told.about("forgets") == retry
    assert retried.told.about("dies") == [*retry, ("error", "RUNNING")]


@scheduler_only
def test_resume_errored_goes_on_with_the_history_of_the_trial(retried: Retried) -> None:
    path = str(retried.folder / "sweep")
    again = tune.Tuner.restore(path, trainable=losses, resume_errored=True)
    sweep = Sweep(again.fit())
    assert sweep.numbers("dies") == UNDISTURBED
    assert sweep.result("dies").error is None
    others = ("saves", "forgets", "vanishes")
    assert {name: sweep.numbers(name) for name in others} == dict.fromkeys(others, UNDISTURBED)


def test_restart_errored_bears_parameters_that_were_refused_before(tmp_path: Path) -> None:
    """The trial with the bad parameter is the first that the restored scheduler sees."""
    dies_late = run("bad", [3, 2, 2, 2, 2], crash_before=5, marks=str(tmp_path))
    space = {"run": dies_late, "es": tune.grid_search([{"patience": 2}, {"patience": -2}])}
    sweep = tuner(
        losses,
        space,
        tmp_path,
        scheduler=EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(3)),
        max_concurrent_trials=1,
    )
    with warned() as messages:
        first = Sweep(sweep.fit())
    assert [message for message in messages if "Patience.patience" in message]
    assert [bool(error) for error in first.errors] == [False, True]
    again = tune.Tuner.restore(
        str(tmp_path / "sweep"), trainable=losses, param_space=space, restart_errored=True
    )
    second = Sweep(again.fit()).lasts
    steps = {last["config"]["es"]["patience"]: last["training_iteration"] for last in second}
    assert steps == {2: 4, -2: 5}
