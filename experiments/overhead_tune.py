"""Real sweeps of many trials that do next to nothing, under Ray's schedulers and ours."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import ray
from ray import tune
from ray.tune import RunConfig, TuneConfig, Tuner
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, MedianStoppingRule

from tune_es.ray import EarlyStoppingScheduler

STEPS = 3
MAKES: dict[str, Callable[[], Any]] = {
    "Ray's FIFOScheduler": FIFOScheduler,
    "Ray's ASHAScheduler": lambda: ASHAScheduler(
        metric="loss", mode="min", max_t=STEPS, reduction_factor=3
    ),
    "Ray's MedianStoppingRule": lambda: MedianStoppingRule(
        "training_iteration", "loss", "min", grace_period=1
    ),
    "balanced": lambda: EarlyStoppingScheduler(
        metric="loss", mode="min", stop="balanced", max_t=STEPS
    ),
    "SuccessiveHalving": lambda: EarlyStoppingScheduler(
        metric="loss", mode="min", stop={"SuccessiveHalving": {}}, max_t=STEPS
    ),
}


class Trivial(tune.Trainable):
    """Reports a number; another trial may take over its process."""

    def setup(self, config: dict[str, Any]) -> None:
        self.x = config["x"]

    def step(self) -> dict[str, Any]:
        return {"loss": self.x / (1 + self.iteration)}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.x = new_config["x"]
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        return None

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Nothing was saved: the median rule pauses those that it has no peers for."""


CALLS = ("on_trial_add", "on_trial_result", "on_trial_complete", "choose_trial_to_run")


@contextmanager
def timed(kind: type) -> Iterator[list[float]]:
    """Every second of CPU time that the loop's thread is in schedulers of this class."""
    spent, own = list[float](), {name: getattr(kind, name) for name in CALLS}

    def clock(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*given: Any) -> Any:
            start = time.thread_time()
            answer = call(*given)
            spent.append(time.thread_time() - start)
            return answer

        return inner

    for name, call in own.items():
        setattr(kind, name, clock(call))
    yield spent
    for name, call in own.items():
        setattr(kind, name, call)


def real_sweeps(trials: int) -> list[list[str]]:
    """A sweep of so many trials under each scheduler, two at a time: the rows of a table."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    head = f"`Tuner.fit`, {trials:,} trials"
    table = [[head, "results", "seconds", "results/s", "scheduler, us a result", "% of the time"]]
    for name, make in MAKES.items():
        scheduler = make()
        with tempfile.TemporaryDirectory() as folder, timed(type(scheduler)) as spent:
            begun = time.perf_counter()
            results = sweep(scheduler, trials, folder).fit()
            wall = time.perf_counter() - begun
        ended = [results[at].metrics or {} for at in range(len(results))]
        count = sum(each.get("training_iteration", 0) for each in ended)
        print(f"Tuner.fit, {name}: {count} results in {wall:.0f} s", file=sys.stderr, flush=True)
        cells = [f"{count:,}", f"{wall:.0f}", f"{count / wall:.0f}"]
        used = sum(spent)
        table.append([name, *cells, f"{1e6 * used / count:.0f}", f"{100 * used / wall:.1f}"])
    ray.shutdown()
    return table


def sweep(scheduler: Any, trials: int, folder: str) -> Tuner:
    """A sweep that is ready to run."""
    return Tuner(
        Trivial,
        param_space={"x": tune.uniform(0, 1)},
        tune_config=TuneConfig(num_samples=trials, scheduler=scheduler, reuse_actors=True),
        run_config=RunConfig(stop={"training_iteration": STEPS}, storage_path=folder, verbose=0),
    )
