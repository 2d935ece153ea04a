"""Sweeps with promotion as the tests run them, and how they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import Searcher

from tests.ray.killed_promotion import CURVES, LENGTH, TABLE
from tests.ray.sweeps import Recorder, Sweep, run, runs
from tests.ray.trainables import losses
from tune_es.ray import PromotionScheduler


def alone(config: Mapping[str, Any]) -> None:
    """The same function again: Ray sets the resources of a function on itself."""
    losses(config)


#: Where nothing hangs on it that trials run side by side: one process instead of two to start.
ALONE: Any = tune.with_resources(alone, {"cpu": 2})


def space(
    curves: Mapping[str, Sequence[float]] = CURVES, saves: int = 1, **options: Any
) -> Mapping[str, Any]:
    return runs(*(run(name, each, saves=saves, **options) for name, each in curves.items()))


def scheduler(rule: Any = TABLE, **options: Any) -> PromotionScheduler:
    return PromotionScheduler(rule=rule, metric="loss", mode="min", max_t=LENGTH, **options)


def reached(sweep: Sweep) -> dict[str, int]:
    return {last["config"]["run"]["name"]: last["training_iteration"] for last in sweep.lasts}


def steps_of(recorder: Recorder) -> dict[str, list[int]]:
    """The steps that every trial reported, in order, over all of its lives."""
    found: dict[str, list[int]] = {}
    for _, row in recorder.results:
        found.setdefault(row["config"]["run"]["name"], []).append(row["training_iteration"])
    return found


def each_once(steps: Mapping[str, int]) -> dict[str, list[int]]:
    return {name: list(range(1, last + 1)) for name, last in steps.items()}


class Ends(Recorder):
    """Notes also how a sweep left its trials."""

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self.left = {each.status for each in trials}


class Listed(Searcher):
    """Suggests the runs one by one and notes what it is told."""

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        super().__init__("loss", "min")
        self.rows = list(rows)
        self.told: dict[str, float | None] = {}

    def suggest(self, trial_id: str) -> Any:
        return {"run": self.rows.pop(0)} if self.rows else Searcher.FINISHED

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        self.told[trial_id] = None if result is None else result["loss"]

    def save(self, checkpoint_path: str) -> None:
        Path(checkpoint_path).write_text(json.dumps([self.rows, self.told]))

    def restore(self, checkpoint_path: str) -> None:
        self.rows, self.told = json.loads(Path(checkpoint_path).read_text())


ROWS = [run(name, each, saves=1) for name, each in CURVES.items()]


def saved(done: Sweep, name: str) -> int:
    """The step of the last checkpoint of a trial."""
    checkpoint = done.result(name).checkpoint
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        return int(Path(folder, "step").read_text())
