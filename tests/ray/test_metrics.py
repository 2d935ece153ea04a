"""Results without the metric, or with something in its place that is no number."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from ray import tune
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from tests.ray.sweeps import Row, Sweep, fit, run, runs, warned
from tests.ray.trainables import Raising, TensorLosses, rows
from tune_es import Patience
from tune_es.ray import EarlyStopper, EarlyStoppingScheduler

LENIENT = "TUNE_DISABLE_STRICT_METRIC_CHECKING"
NAN, INF = math.nan, math.inf
WORDS = {TrialScheduler.CONTINUE, TrialScheduler.STOP, TrialScheduler.PAUSE}


def of(*values: object) -> list[Row]:
    """A trial's reports; ``...`` is one without the metric."""
    return [{"other": 1.0} if value is ... else {"loss": value} for value in values]


class Report(NamedTuple):
    """What a trial reports, where and why it then ends under Patience(4), and what is said."""

    rows: list[Row]
    step: int
    cause: str = "none"
    problem: str | None = None


REPORTS = {
    "fine": Report(of(3, 2, 2, 2, 2, 2, 2), 6, "STALLED"),
    "missing once": Report(of(3, ..., 2, 2, 2, 2, 2, 2), 7, "STALLED", "is missing"),
    "missing first": Report(of(..., 3, 2, 2, 2, 2, 2, 2), 7, "STALLED", "is missing"),
    "missing last": Report(of(3, 2, ...), 3, problem="is missing"),
    "missing always": Report(of(..., ..., ..., ...), 4, problem="is missing"),
    "None": Report(of(None, None, None), 3, problem="is missing"),
    "text": Report(of("3", "2", "low"), 3, problem="is str, not a number"),
    "list": Report(of([3.0], [2.0], [2.0]), 3, problem="is list, not a number"),
    "bool": Report(of(True, False, True), 3, problem="is bool, not a number"),
    "NaN once": Report(of(3, NAN, 2, 2, 1), 5),
    "NaN": Report(of(3, NAN, NAN, NAN, NAN), 4, "BROKEN"),
    "inf": Report(of(3, INF, INF, INF, INF), 4, "BROKEN"),
    "-inf": Report(of(3, -INF, -INF, -INF, -INF), 4, "BROKEN"),
    "NumPy": Report(of(*np.array([3, 2, 2, 2, 2, 2, 2], np.float32)), 6, "STALLED"),
    "NumPy int": Report(of(np.int64(3), np.array(2), *[np.int8(2)] * 4), 6, "STALLED"),
    "tiny": Report(of(5e-324, 1e-323, 1e-323, 5e-324, 5e-324), 5, "STALLED"),
    "nested": Report(of({"of": 3}, {"of": {}}), 2, problem="is missing"),
    "raises": Report(
        of(Raising(KeyError), Raising(OSError)), 2, problem="is Raising, not a number"
    ),
    "own es": Report([{"loss": 3, "es": {"code": [1]}}] * 5, 5, "STALLED"),
    # Ray's own logger for TensorBoard dies of an int that NumPy has no type for.
    "odd beside it": Report([{"loss": 3, "odd": Raising(ValueError), "n": 10**18}], 1),
    "no report": Report([], 0, problem="is missing"),
}
CHOICE = {"rows_of": {name: report.rows for name, report in REPORTS.items()}}


class Speaker(EarlyStoppingScheduler):
    """The scheduler, noting its answers: a single None would hang the sweep for ever."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.words: list[object] = []

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        self.words.append(word := super().on_trial_result(tune_controller, trial, result))
        return word


class Odd(NamedTuple):
    sweep: Sweep
    warnings: list[str]
    words: list[object]

    def ended(self) -> dict[str, tuple[int, str]]:
        return {name: self.end_of(name) for name in REPORTS}

    def end_of(self, name: str) -> tuple[int, str]:
        last = self.sweep.last(name)
        return last.get("training_iteration", 0), last.get("es", {}).get("cause", "none")

    def said_of(self, name: str) -> list[str]:
        trial_id = self.sweep.last(name)["trial_id"]
        return [message for message in self.warnings if trial_id in message]


def fit_odd(space: Mapping[str, Any], storage: Path, **config: Any) -> Odd:
    scheduler = Speaker(stop=Patience(4))
    with warned() as warnings:
        sweep = fit(
            rows,
            {"run": {**space, **CHOICE}},
            storage,
            scheduler=scheduler,
            metric="loss",
            mode="min",
            **config,
        )
    return Odd(sweep, warnings, scheduler.words)


@pytest.fixture(scope="module", params=["grid", "Optuna, limited"])
def odd(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Odd:
    storage = tmp_path_factory.mktemp("metrics")
    if request.param == "grid":
        return fit_odd({"name": tune.grid_search(list(REPORTS))}, storage)
    points = [{"run/name": name} for name in REPORTS]
    return fit_odd(
        {"name": tune.choice(list(REPORTS))},
        storage,
        search_alg=OptunaSearch(points_to_evaluate=points),
        num_samples=len(points),
        max_concurrent_trials=2,
    )


def test_the_sweep_ends_normally_with_every_trial(odd: Odd) -> None:
    assert odd.sweep.errors == [None] * len(REPORTS)
    assert {last["done"] for last in odd.sweep.lasts} == {True}


def test_each_trial_is_judged_by_the_numbers_it_gave(odd: Odd) -> None:
    assert odd.ended() == {name: (each.step, each.cause) for name, each in REPORTS.items()}


def test_what_is_no_number_is_said_once_a_trial(odd: Odd) -> None:
    for name, report in REPORTS.items():
        said = [each for each in odd.said_of(name) if "'loss'" in each]
        assert len(said) == (report.problem is not None), (name, said)
        if report.problem:
            assert f"'loss' {report.problem}" in said[0]


def test_the_scheduler_never_answers_none(odd: Odd) -> None:
    assert len(odd.words) > len(REPORTS)
    assert set(odd.words) <= WORDS


def test_the_strict_check_of_metrics_is_on_again_afterwards(odd: Odd) -> None:
    assert LENIENT not in os.environ


EPOCHS: dict[str, tuple[list[object], int]] = {
    "fine": ([1, 2, 3, 4, 5, 6], 4),
    "half": ([0.5, 1.0, 1.5, 2.0, 2.5], 4),
    "missing once": ([1, ..., 3, 4, 5, 6], 5),
    "missing always": ([...] * 6, 6),
    "NaN": ([NAN] * 6, 6),
    "text": (["1", "2", "3", "4", "5", "6"], 6),
    "stands still": ([1, 1, 1, 1, 1, 1], 6),
}


def test_a_time_attr_that_is_missing_or_no_number_lets_the_trial_go_on(tmp_path: Path) -> None:
    losses = [3, 2, 2, 2, 2, 2]
    each = [
        run(
            name,
            rows=[
                {"loss": loss} if epoch is ... else {"loss": loss, "epoch": epoch}
                for loss, epoch in zip(losses, epochs, strict=False)
            ],
        )
        for name, (epochs, _) in EPOCHS.items()
    ]
    scheduler = EarlyStoppingScheduler(
        metric="loss", mode="min", stop=Patience(2), time_attr="epoch"
    )
    with warned() as messages:
        sweep = fit(rows, runs(*each), tmp_path, scheduler=scheduler)
    assert {name: sweep.steps(name) for name in EPOCHS} == {
        name: steps for name, (_, steps) in EPOCHS.items()
    }
    names = {sweep.last(name)["trial_id"]: name for name in EPOCHS}
    said = Counter(names[message.split()[1].rstrip(":")] for message in messages)
    odd = ("missing once", "missing always", "NaN", "text", "stands still")
    assert said == dict.fromkeys(odd, 1)
    assert all("'epoch'" in message for message in messages)


def test_the_stopper_bears_the_same(tmp_path: Path) -> None:
    space = {"run": {"name": tune.grid_search(list(REPORTS)), **CHOICE}}
    stopper = EarlyStopper(metric="loss", mode="min", stop=Patience(4))
    with warned() as messages:
        sweep = fit(rows, space, tmp_path, stop=stopper)
    odd = Odd(sweep, messages, [])
    assert odd.ended() == {name: (report.step, report.cause) for name, report in REPORTS.items()}
    for name, report in REPORTS.items():
        said = [message for message in odd.said_of(name) if "'loss'" in message]
        assert len(said) == (report.problem is not None), (name, said)


def test_scalars_of_torch_are_numbers(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    curves = {"stalls": [3.0, 2.0, 2.0, 2.0, 2.0], "breaks": [3.0, NAN, NAN, NAN, NAN]}
    sweep = fit(
        TensorLosses,
        runs(*(run(name, curve) for name, curve in curves.items())),
        tmp_path,
        metric="loss",
        mode="min",
        scheduler=EarlyStoppingScheduler(stop=Patience(4)),
        stop={"training_iteration": 5},
    )
    assert sweep.numbers("stalls")[:3] == (5, 6, "EXHAUSTED")
    assert sweep.es("stalls")["best"] == 2.0
    assert sweep.numbers("breaks") == (4, 1, "BROKEN", 3.0, 1)
