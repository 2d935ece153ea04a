"""Faults that need more than one driver or node: two sweeps at once, lost nodes, and a trial that
hangs."""

from __future__ import annotations

import json
import os
import random
import threading
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.cluster_utils import Cluster
from ray.tune.experiment import Trial

from experiments.chaos.faults import KILLED
from experiments.chaos.journal import Told, places
from experiments.chaos.lives import LOG, Sweep, in_process
from experiments.chaos.outcome import Bench, Outcome
from experiments.chaos.sweeps import Plan


def together(bench: Bench, names: Sequence[str]) -> Outcome:
    """Sweeps in threads of one process, then the same once more; our callback is not named."""
    pairs = [
        bench.sweep(replace(KILLED[name], seed=bench.seed, name=f"{at}", is_named=False))
        for at, name in enumerate(names)
    ]
    ended = in_process(run_together, bench.address, [(each.plan, each.folder) for each in pairs])
    if ended != 0:
        raise RuntimeError(f"sweeps in one process ended with an error: {pairs[0].log[-2000:]}")
    outcomes = [bench.outcome("", 1, each) for each in pairs]
    return Outcome(
        "two sweeps in one process",
        len(pairs),
        sum(each.lost for each in outcomes),
        sum(each.divergent for each in outcomes),
        sum(each.running for each in outcomes),
        what=f"in threads: {', '.join(names)}",
    )


def run_together(address: str, sweeps: Sequence[tuple[Plan, Path]]) -> None:
    """Run sweeps in threads of this process."""
    with (sweeps[0][1] / LOG).open("a") as log, redirect_stdout(log), redirect_stderr(log):
        os.dup2(log.fileno(), 2)
        ray.init(address=address, log_to_driver=False)
        places.update({plan.name: folder for plan, folder in sweeps})
        tuners = [plan.tuner(folder) for plan, folder in sweeps]
        threads = [threading.Thread(target=each.fit) for each in tuners]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
