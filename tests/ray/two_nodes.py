"""A trial of two workers on two nodes, each worker on a node of its own.

    python -c "from tests.ray.two_nodes import main; main()" STORAGE

writes what became of it into told.json. The nodes are processes of this one, and end
with it. It must not be the main module: Ray pickles classes of that by value, with the cluster that
they refer to.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray._private.state import actors
from ray.cluster_utils import Cluster
from ray.tune.experiment import Trial

from tests.ray.sweeps import Row, fit, run, run_of, runs
from tests.ray.teams import POLL, is_alive, seconds_until, team, traces
from tune_es import Patience, Policy
from tune_es.ray import EarlyStoppingScheduler
from tune_es.ray.data_parallel import data_parallel

POLICY = Policy("loss", "min", stop=Patience(2), max_t=20)
#: It is stopped at step 4 and would begin with step 5, which is not to be finished.
CURVES = {"first": [0.9, 0.5, 0.6, 0.6, 0.6]}
STOPPED_AT = 4
NODE: Row = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024}

#: The cluster, once it is up.
UP: list[Cluster] = []


class Watch(tune.Callback):
    """Measures how long the workers of a trial are there after it was stopped."""

    def __init__(self, storage: Path) -> None:
        self.storage = storage

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        name = run_of(trial)
        pids = {line["pid"] for each in traces(self.storage, name) for line in each}
        threading.Thread(target=self._measure, args=(name, pids)).start()

    def _measure(self, name: str, pids: set[int]) -> None:
        seconds = seconds_until(lambda: not any(map(is_alive, pids)))
        (self.storage / f"{name}.seconds").write_text(str(seconds))


def sweep(storage: Path) -> Row:
    options = {"folder": str(storage), "placement": "STRICT_SPREAD", "holds_after": STOPPED_AT}
    done = fit(
        tune.with_resources(data_parallel(team), {"trial": 1}),
        runs(*(run(name, curve, **options) for name, curve in CURVES.items())),
        storage,
        scheduler=EarlyStoppingScheduler(POLICY),
        callbacks=[Watch(storage)],
        reuse_actors=False,
    )
    seconds_until(lambda: ray.available_resources().get("CPU") == len(UP[0].list_all_nodes()))
    time.sleep(0.5)
    return {
        "numbers": {name: done.numbers(name) for name in CURVES},
        "ranks": {name: done.last(name)["rank"] for name in CURVES},
        "traces": {name: traces(storage, name) for name in CURVES},
        "seconds": {name: float((storage / f"{name}.seconds").read_text()) for name in CURVES},
        "left": [each["ActorClassName"] for each in actors().values() if each["State"] != "DEAD"],
    }


def main() -> None:
    os.environ.update(POLL)
    cluster = Cluster()
    UP.append(cluster)
    try:
        cluster.add_node(**NODE, resources={"trial": 1}, include_dashboard=False)
        cluster.add_node(**NODE)
        cluster.wait_for_nodes()
        ray.init(address=cluster.address, log_to_driver=False)
        storage = Path(sys.argv[1])
        (storage / "told.json").write_text(json.dumps(sweep(storage)))
    finally:
        ray.shutdown()
        cluster.shutdown()
