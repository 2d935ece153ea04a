"""A sweep of data-parallel trials whose driver is killed while workers are at a long step.

python -m tests.ray.killed_teams ADDRESS STORAGE
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from tests.ray.killed import ARMED
from tests.ray.sweeps import Row, run, runs, tuner
from tests.ray.teams import POLL, alone, team
from tune_es.ray import EarlyStoppingScheduler
from tune_es.ray.data_parallel import data_parallel


class Killer(tune.Callback):
    """Kills its own process at the first result."""

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        if ARMED in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    address, folder = sys.argv[1:]
    os.environ.update(POLL)
    ray.init(address=address, log_to_driver=False)
    tuner(
        tune.with_resources(data_parallel(team), alone()),
        runs(run("killed", [0.9, 0.5], folder=folder, holds_after=1)),
        Path(folder),
        scheduler=EarlyStoppingScheduler(metric="loss", mode="min", max_t=2),
        callbacks=[Killer()],
    ).fit()
