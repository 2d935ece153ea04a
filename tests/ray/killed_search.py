"""A sweep with the searcher whose driver is killed half-way.

    python -m tests.ray.killed_search ADDRESS STORAGE KIND

runs it in a process that ends with SIGKILL, after results and trials that no saved state knows.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ray
from optuna.distributions import FloatDistribution
from ray import tune
from ray.tune.experiment import Trial

from tests.ray.killed import ARMED, COPIED_NS
from tests.ray.sweeps import run, tuner
from tests.ray.trainables import losses
from tune_es.ray import EarlyStoppingOptunaSearch

#: Every trial reports these; the second waits before :data:`HELD_AT`.
CURVE = [9, 8, 3, 4, 5, 6]
HELD_AT = 4
POINTS = [{"x": at / 10} for at in (1, 2)]
SAMPLES = 5


def saved_losses(config: Mapping[str, Any]) -> None:
    """Reports the losses; each trial takes its time, so that others end meanwhile."""
    held = {"hold_before": HELD_AT, "hold_for": str(config["go"])} if config["x"] == 0.2 else {}
    losses({"run": run("one", CURVE, saves=1, pause_s=0.05, **held)})


class Killer(tune.Callback):
    """Kills its process once a saved state is stale: the trial that was held went on since."""

    def __init__(self, folder: Path, go: Path) -> None:
        self.folder = folder
        self.go = go
        self.held_since: int | None = None

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if ARMED not in os.environ:
            return
        held = [each for each in trials if each.config["x"] == 0.2]
        steps = held[0].last_result.get("training_iteration", 0) if held else 0
        if self.go.exists():
            if steps >= HELD_AT + 1:
                os.kill(os.getpid(), signal.SIGKILL)
        elif steps == HELD_AT - 1 and any(each.is_finished() for each in trials):
            self.held_since = self.held_since or time.time_ns()
            if self._is_saved(self.held_since):
                self.go.touch()

    def _is_saved(self, since: int) -> bool:
        states = self.folder.glob("experiment_state-*.json")
        newest = max((path.stat().st_mtime_ns for path in states), default=0)
        return since < newest < time.time_ns() - COPIED_NS


def storage_of(folder: Path, kind: str) -> str | None:
    return f"sqlite:///{folder}/study.db" if kind == "sqlite" else None


def sweep(folder: Path, kind: str) -> tune.Tuner:
    """The sweep; with a study in memory its space comes from Ray, else it is the searcher's own."""
    domain = FloatDistribution(0, 1)
    search = EarlyStoppingOptunaSearch(
        None if kind == "memory" else {"x": domain},
        metric="loss",
        mode="min",
        points_to_evaluate=POINTS,
        storage=storage_of(folder, kind),
        seed=0,
    )
    return tuner(
        saved_losses,
        space(folder, kind),
        folder,
        name=kind,
        search_alg=search,
        num_samples=SAMPLES,
        callbacks=[Killer(folder / kind, folder / "go")],
    )


def space(folder: Path, kind: str) -> dict[str, Any]:
    return {"go": str(folder / "go"), **({"x": tune.uniform(0, 1)} if kind == "memory" else {})}


if __name__ == "__main__":
    address, folder, kind = sys.argv[1:]
    ray.init(address=address, log_to_driver=False)
    sweep(Path(folder), kind).fit()
