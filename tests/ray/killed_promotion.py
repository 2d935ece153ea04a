"""A sweep with promotion whose driver is killed while trials are paused.

    python -m tests.ray.killed_promotion ADDRESS STORAGE

runs it in a process that ends with SIGKILL, where :data:`tests.ray.killed.ARMED` is set.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from tests.ray.killed import ARMED, COPIED_NS, Journal
from tests.ray.sweeps import Row, run, run_of, runs, tuner
from tests.ray.trainables import losses
from tune_es import RungTable
from tune_es.ray import EarlyStoppingCallback, PromotionScheduler

LENGTH = 8
#: How often the state is saved where something has changed: TUNE_GLOBAL_CHECKPOINT_S.
PERIOD_NS = 1_000_000_000
TABLE = RungTable({2: 4, 4: 2})
#: The last losses of curves that fall evenly from 1, so that ranks never change.
ENDS = {"a": 0.1, "b": 0.6, "c": 0.3, "d": 0.2, "e": 0.5, "f": 0.4}
CURVES = {
    name: [1 - (1 - end) * step / LENGTH for step in range(1, LENGTH + 1)]
    for name, end in ENDS.items()
}
#: By hand: of 6 trials 4 go on from step 2 (a, d, c, f) and 2 of these from step 4.
REACHED = {"a": 8, "b": 2, "c": 4, "d": 8, "e": 2, "f": 4}
#: More than come: as long as some are missing nobody goes on from a rung before it is judged.
EXPECTED = 2 * len(ENDS)
#: This one waits after step 2 until the others are at the next rung and that is saved.
HELD = "d"


class Killer(tune.Callback):
    """Kills its own process once the held trial has made one step that no saved state knows."""

    def __init__(self, folder: Path, go: Path) -> None:
        self.folder = folder
        self.go = go
        self.since: int | None = None

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        paused = {run_of(each) for each in trials if each.status == Trial.PAUSED}
        ended = {run_of(each) for each in trials if each.status == Trial.TERMINATED}
        steps = [each.last_result.get("training_iteration") for each in trials]
        if ARMED not in os.environ or paused != {"a", "c", "f"} or ended != {"b", "e"}:
            return
        if self.since is None and steps.count(4) == len(paused):
            self.since = time.time_ns()
        elif self.since is not None and self._is_saved(self.since):
            self.go.touch()

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        is_next = run_of(trial) == HELD and result["training_iteration"] == 3
        if ARMED in os.environ and is_next:
            os.kill(os.getpid(), signal.SIGKILL)

    def _is_saved(self, since: int) -> bool:
        if time.time_ns() - since > 5 * PERIOD_NS:  # it was saved before it was seen here
            return True
        states = self.folder.glob("experiment_state-*.json")
        newest = max((path.stat().st_mtime_ns for path in states), default=0)
        return since < newest < time.time_ns() - COPIED_NS


def space(storage: Path) -> Row:
    """The trials; all save a checkpoint with every loss."""
    held = {HELD: {"hold_before": 3, "hold_for": str(storage / "go")}}
    return runs(*(run(name, each, saves=1, **held.get(name, {})) for name, each in CURVES.items()))


def sweep(storage: Path) -> tune.Tuner:
    """The sweep of this test."""
    return tuner(
        losses,
        space(storage),
        storage,
        scheduler=PromotionScheduler(
            rule=TABLE, metric="loss", mode="min", max_t=LENGTH, trials=EXPECTED
        ),
        callbacks=[
            EarlyStoppingCallback(),
            Journal(storage / "journal.jsonl"),
            Killer(storage / "sweep", storage / "go"),
        ],
        reuse_actors=True,
    )


if __name__ == "__main__":
    address, folder = sys.argv[1:]
    ray.init(address=address, log_to_driver=False)
    sweep(Path(folder)).fit()
