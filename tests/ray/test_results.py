"""What a sweep leaves: ``es`` in the results table, JSON, CSV and TensorBoard of every trial."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ray import tune
from ray.tune.logger import CSVLoggerCallback
from ray.tune.stopper import CombinedStopper, MaximumIterationStopper, TrialPlateauStopper

from tests.ray.logs import csv_rows, scalars
from tests.ray.sweeps import Recorder, Row, Sweep, expected, fit, run, runs, warned
from tests.ray.trainables import losses, nested_losses
from tune_es import BelowMedian, Patience, Policy, Referee, Target
from tune_es.monitoring import columns
from tune_es.ray import EarlyStopper, EarlyStoppingCallback, EarlyStoppingScheduler

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"reason", "code", "cause", "best", "best_step", "patience_left", "order"}
NAN = math.nan

CURVES: dict[str, list[float]] = {
    "stalls": [0.9, 0.5, 0.6, 0.6, 0.6, 0.6],
    "reaches": [0.8, 0.4, 0.05, 0.04],
    "uses up": [0.2, 0.19, 0.18, 0.17, 0.16, 0.15, 0.14, 0.13],
    "breaks": [0.11, NAN, NAN, NAN, NAN],
    "ends": [0.9, 0.8],
    "lags": [2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4, 1.3],
}
POLICY = Policy(
    "val/loss",
    "min",
    stop=Patience(3) | Target(0.1) | BelowMedian(grace_period=3, min_trials=2),
    max_t=7,
)


class Recorded(NamedTuple):
    """A sweep, the results in the order in which they were judged, and the warnings."""

    sweep: Sweep
    results: list[tuple[str, Row]]
    warnings: list[str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    recorder = Recorder()
    with warned() as warnings:
        sweep = fit(
            nested_losses,
            runs(*(run(name, curve) for name, curve in CURVES.items())),
            tmp_path_factory.mktemp("results"),
            scheduler=EarlyStoppingScheduler(POLICY),
            callbacks=[recorder],
            max_concurrent_trials=2,  # else Ray starts them in any order
        )
    return Recorded(sweep, recorder.results, warnings)


def test_live_is_replay(recorded: Recorded) -> None:
    referee = Referee(POLICY)
    replayed: dict[str, list[Row]] = {}
    for trial_id, result in recorded.results:
        words = columns(referee.report(trial_id, result))
        replayed.setdefault(trial_id, []).append({**words, "order": referee.judged})
    live = {
        rows[0]["trial_id"]: [row["es"] for row in rows]
        for rows in map(recorded.sweep.rows, CURVES)
    }
    # As text, NaN equals NaN.
    assert json.dumps(live, sort_keys=True) == json.dumps(replayed, sort_keys=True)
    assert recorded.sweep.es("lags")["cause"] == "HOPELESS"
    assert recorded.sweep.es("breaks")["cause"] == "BROKEN"


def test_every_row_of_the_results_table_says_why(recorded: Recorded) -> None:
    table = recorded.sweep.grid.get_dataframe()
    assert {f"es/{key}" for key in KEYS} <= set(table.columns)
    said = dict(zip(table["config/run/name"], table["es/reason"], strict=True))
    assert said["ends"] == "continue"
    assert said["breaks"].startswith("broken: NonFinite")
    assert said["reaches"].startswith("target reached: Target (value=0.05, target=0.1")
    assert (table["es/code"] > 0).sum() == len(CURVES) - 1


@pytest.mark.parametrize("name", CURVES)
def test_csv_has_every_key_from_the_first_row(recorded: Recorded, name: str) -> None:
    table = csv_rows(recorded.sweep.result(name).path)
    rows = recorded.sweep.rows(name)
    assert {f"es/{key}" for key in KEYS} <= set(table[0])
    assert [row["es/reason"] for row in table] == [row["es"]["reason"] for row in rows]
    assert [float(row["es/code"]) for row in table] == [row["es"]["code"] for row in rows]


@pytest.mark.parametrize("name", CURVES)
def test_tensorboard_shows_the_numeric_code_at_every_step(recorded: Recorded, name: str) -> None:
    folder = recorded.sweep.result(name).path
    rows = recorded.sweep.rows(name)
    codes = {row["training_iteration"]: row["es"]["code"] for row in rows}
    bests = {row["training_iteration"]: row["es"]["best"] for row in rows}
    assert scalars(folder, "es/code") == codes
    assert scalars(folder, "es/best") == pytest.approx(bests)
    assert scalars(folder, "es/reason") == {}


def test_a_callback_of_the_user_that_is_no_logger_may_stand_first(recorded: Recorded) -> None:
    assert recorded.warnings == []


def test_tune_run_beside_stoppers_of_ray(tmp_path: Path) -> None:
    policy = Policy("loss", "min", stop=Patience(3))
    curves: dict[str, list[float]] = {
        "stalls": [0.9, 0.5, 0.6, 0.55, 0.6, 0.6],
        "flat": [0.5] * 6,
        "long": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2],
    }
    analysis = tune.run(
        losses,
        config=runs(*(run(name, curve) for name, curve in curves.items())),
        metric="loss",
        mode="min",
        scheduler=EarlyStoppingScheduler(stop=Patience(3)),
        stop=CombinedStopper(
            TrialPlateauStopper("loss", std=0.001, num_results=3, grace_period=3),
            MaximumIterationStopper(6),
        ),
        storage_path=str(tmp_path),
        reuse_actors=True,
        verbose=0,
    )
    sweep = Sweep(tune.ResultGrid(analysis))
    assert sweep.numbers("stalls") == expected(policy, curves["stalls"])
    assert sweep.numbers("flat") == (3, 0, "none", 0.5, 1)
    assert sweep.numbers("long") == (6, 0, "none", 0.4, 6)
    assert sweep.es("long")["reason"] == "ended by another rule"


def test_the_stopper_decides_as_the_scheduler_does_and_misses_what_an_earlier_one_stops(
    tmp_path: Path,
) -> None:
    policy = Policy("val/loss", "min", stop=Patience(2))
    curves: dict[str, list[float]] = {
        "stalls": [0.9, 0.5, 0.6, 0.6, 0.6],
        "long": [9, 8, 7, 6, 5, 4, 3, 2],
    }
    sweep = fit(
        nested_losses,
        runs(*(run(name, curve) for name, curve in curves.items())),
        tmp_path,
        stop=[MaximumIterationStopper(6), EarlyStopper(policy)],
    )
    assert sweep.numbers("stalls") == expected(policy, curves["stalls"])
    assert all(set(row["es"]) == KEYS for row in sweep.rows("stalls"))
    # CombinedStopper asks nobody after the first that fires.
    assert ["es" in row for row in sweep.rows("long")] == [True] * 5 + [False]


def test_what_the_stopper_wrote_at_its_stop_stays_beside_the_scheduler(tmp_path: Path) -> None:
    curves = {"stalls": [0.9, 0.5, 0.6, 0.6, 0.6], "reaches": [0.9, 0.1, 0.1]}
    sweep = fit(
        losses,
        runs(*(run(name, curve) for name, curve in curves.items())),
        tmp_path,
        metric="loss",
        mode="min",
        scheduler=EarlyStoppingScheduler(stop=Target(0.2)),
        stop=EarlyStopper(metric="loss", mode="min", stop=Patience(2)),
    )
    assert sweep.numbers("stalls") == (4, 3, "STALLED", 0.5, 2)
    assert sweep.numbers("reaches") == (2, 5, "REACHED", 0.1, 2)


def test_a_logger_before_the_callback_misses_es_and_a_warning_says_so(tmp_path: Path) -> None:
    with warned() as messages:
        sweep = fit(
            losses,
            runs(run("one", [3, 2, 1])),
            tmp_path,
            scheduler=EarlyStoppingScheduler(metric="loss", mode="min", max_t=9),
            callbacks=[CSVLoggerCallback()],
        )
    (message,) = messages
    assert message.startswith("CSVLoggerCallback writes before EarlyStoppingCallback")
    assert "EarlyStoppingCallback() first" in message
    assert "es/code" not in csv_rows(sweep.result("one").path)[0]
    assert sweep.es("one")["best"] == 1


def test_a_logger_after_the_callback_named_first_has_es(tmp_path: Path) -> None:
    with warned() as messages:
        sweep = fit(
            losses,
            runs(run("one", [3, 2, 1])),
            tmp_path,
            scheduler=EarlyStoppingScheduler(metric="loss", mode="min", max_t=9),
            callbacks=[EarlyStoppingCallback(), CSVLoggerCallback()],
        )
    assert messages == []
    assert [row["es/best"] for row in csv_rows(sweep.result("one").path)] == ["3.0", "2.0", "1.0"]


class Unannounced(EarlyStoppingScheduler):
    """A scheduler that Ray's set-up passes by, as one inside somebody's wrapper is."""

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        return True if spec else super().set_search_properties(metric, mode)


def test_without_its_callback_the_scheduler_says_so_once_and_stops_all_the_same(
    tmp_path: Path,
) -> None:
    with warned() as messages:
        sweep = fit(
            losses,
            runs(run("one", [3, 2, 2, 2, 2]), run("two", [3, 2, 2, 2, 2])),
            tmp_path,
            scheduler=Unannounced(metric="loss", mode="min", stop=Patience(2)),
        )
    (message,) = messages
    assert "runs without its callback" in message
    assert "add callbacks=[EarlyStoppingCallback()]" in message
    assert {name: sweep.steps(name) for name in ("one", "two")} == {"one": 4, "two": 4}
    assert "es" not in sweep.last("one")


SCRIPT = """
import json, sys
from dataclasses import dataclass
import ray
from ray import tune
from tune_es import Cause, Criterion
from tune_es.ray import EarlyStoppingCallback, EarlyStoppingScheduler

@dataclass(frozen=True)
class ThirdTime(Criterion):
    def init(self):
        return 0
    def step(self, state, observation, peers):
        return state + 1, self.verdict(Cause.STALLED if state == 2 else None, {"count": state + 1})

class Mine(EarlyStoppingCallback):
    pass

class Trains(tune.Trainable):
    def setup(self, config):
        self.loss = config["loss"]
    def step(self):
        self.loss /= 2
        return {"loss": self.loss}
    def save_checkpoint(self, folder):
        pass
    def load_checkpoint(self, folder):
        pass

if __name__ == "__main__":
    ray.init(address=sys.argv[1], log_to_driver=False)
    grid = tune.Tuner(
        Trains,
        param_space={"loss": tune.grid_search([1.0, 2.0])},
        tune_config=tune.TuneConfig(
            scheduler=EarlyStoppingScheduler(metric="loss", mode="min", stop=ThirdTime()),
            reuse_actors=False,
        ),
        run_config=tune.RunConfig(storage_path=sys.argv[2], callbacks=[Mine()], verbose=0),
    ).fit()
    print(json.dumps([each.metrics["es"] for each in grid]))
"""


def test_classes_of_main_are_no_trouble(ray_address: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), ray_address, str(tmp_path / "storage")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=True,
        text=True,
        timeout=600,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert [each["reason"] for each in told] == ["stalled: ThirdTime (count=3)"] * 2
    assert [each["best"] for each in told] == [0.125, 0.25]
