"""Sweeps with promotion on two nodes, one of which is lost while trials are paused.

    python -c "from tests.ray.lost_while_paused import main; main()" STORAGE

writes what became of their trials into told.json. It must not be the main module, as lost_node.py
says.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster
from ray.tune.experiment import Trial

from tests.ray.killed_promotion import CURVES, LENGTH, TABLE
from tests.ray.lost_node import NODE, UP
from tests.ray.promoted import saved
from tests.ray.sweeps import Recorder, Trainable, fit, run, run_of, runs
from tests.ray.trainables import SavedLosses, losses
from tune_es.ray import PromotionScheduler

#: The last two that go on from step 2: the two before them wait at step 4 by then, so that each
#: node has one of these when it is lost.
HELD = {"c", "f"}
PAUSED = {"a", "d"}
#: Trainable and max_failures of each sweep.
SWEEPS: dict[str, tuple[Trainable, int]] = {
    "tried again": (losses, 1),
    "given up": (SavedLosses, 0),
}


class Loses(Recorder):
    """Takes a node away when the held trials are all that runs; they go on when one is lost."""

    def __init__(self, lost: Path) -> None:
        super().__init__()
        self.lost = lost
        self.hit: list[str] = []

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        running = {run_of(each) for each in trials if each.status == Trial.RUNNING}
        paused = {run_of(each) for each in trials if each.status == Trial.PAUSED}
        if UP[0].worker_nodes and (running, paused) == (HELD, PAUSED):
            (worker,) = UP[0].worker_nodes
            UP[0].remove_node(worker, allow_graceful=False)

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.hit.append(run_of(trial))
        self.lost.touch()

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.hit.append(run_of(trial))
        self.lost.touch()


def sweep(storage: Path, trainable: Trainable, max_failures: int) -> dict[str, Any]:
    loses = Loses(storage / "lost")
    hold = {"hold_before": 3, "hold_for": str(loses.lost)}
    space = runs(
        *(run(name, each, saves=1, **hold if name in HELD else {}) for name, each in CURVES.items())
    )
    done = fit(
        trainable,
        space,
        storage,
        scheduler=PromotionScheduler(rule=TABLE, metric="loss", mode="min", max_t=LENGTH),
        callbacks=[loses],
        max_failures=max_failures,
    )
    steps: dict[str, list[int]] = {}
    for _, row in loses.results:
        steps.setdefault(row["config"]["run"]["name"], []).append(row["training_iteration"])
    return {"hit": loses.hit, "steps": steps, "saved": {name: saved(done, name) for name in CURVES}}


def main() -> None:
    cluster, storage = Cluster(), Path(sys.argv[1])
    UP.append(cluster)
    try:
        cluster.add_node(**NODE, include_dashboard=False)
        ray.init(address=cluster.address, log_to_driver=False)
        told = {}
        for name, (trainable, max_failures) in SWEEPS.items():
            cluster.add_node(**NODE)
            cluster.wait_for_nodes()
            folder = storage / name
            folder.mkdir()
            told[name] = sweep(folder, trainable, max_failures)
        (storage / "told.json").write_text(json.dumps(told))
    finally:
        ray.shutdown()
        cluster.shutdown()
