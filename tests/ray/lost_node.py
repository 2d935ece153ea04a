"""A sweep on two nodes, one of which is lost half-way.

    python -c "from tests.ray.lost_node import main; main()" STORAGE

writes what became of its two trials into told.json. The nodes are processes of this one, and end
with it. It must not be the main module: Ray pickles classes of that by value, with the cluster that
they refer to.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.cluster_utils import Cluster
from ray.tune.experiment import Trial

from tests.ray.sweeps import Recorder, fit, run, run_of, runs
from tests.ray.trainables import losses
from tune_es import Patience, Policy
from tune_es.ray import EarlyStoppingScheduler

POLICY = Policy("loss", "min", stop=Patience(4), max_t=20)
CURVES = {
    "forgets": [0.9, 0.5, 0.7, 0.6, 0.4, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
    "saves": [0.9, 0.5, 0.3, 0.6, 0.4, 0.6, 0.6, 0.2, 0.6, 0.6, 0.6, 0.6],
}
LOST_AT = 5
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024}

#: The cluster, once it is up; not in the callback, which Ray pickles.
UP: list[Cluster] = []


class Loses(tune.Callback):
    """Takes a node away when both trials have reported so many steps; neither goes on before."""

    def __init__(self, lost: Path) -> None:
        self.lost = lost

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        steps = {run_of(each): each.last_result.get("training_iteration") for each in trials}
        if UP[0].worker_nodes and steps == dict.fromkeys(CURVES, LOST_AT):
            (worker,) = UP[0].worker_nodes
            UP[0].remove_node(worker, allow_graceful=False)

    def on_trial_recover(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.lost.touch()


def sweep(storage: Path) -> dict[str, Any]:
    recorder, lost = Recorder(), storage / "lost"
    hold = {"hold_before": LOST_AT + 1, "hold_for": str(lost)}
    done = fit(
        losses,
        runs(*(run(name, curve, saves=name == "saves", **hold) for name, curve in CURVES.items())),
        storage,
        scheduler=EarlyStoppingScheduler(POLICY),
        callbacks=[recorder, Loses(lost)],
        max_failures=1,
    )
    return {
        "numbers": {name: done.numbers(name) for name in CURVES},
        "starts": [name for what, name in recorder.events if what == "start"],
    }


def main() -> None:
    cluster = Cluster()
    UP.append(cluster)
    try:
        cluster.add_node(**NODE, include_dashboard=False)
        cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        storage = Path(sys.argv[1])
        (storage / "told.json").write_text(json.dumps(sweep(storage)))
    finally:
        ray.shutdown()
        cluster.shutdown()
