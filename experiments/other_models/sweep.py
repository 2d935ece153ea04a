"""What the examples share: one real sweep of theirs, with stopping or without, and its row."""

from __future__ import annotations

import argparse
import logging
import math
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import BasicVariantGenerator

from experiments.environment import prepare
from experiments.sweep import Sweep, local_ray
from experiments.tables import markdown_table

Config = dict[str, Any]
WORKERS = 2


@dataclass(frozen=True)
class Example:
    """A model to train, what is tried on it, and how its trials are stopped."""

    name: str
    train: Callable[[Config], None]
    draw: Callable[[random.Random], Config]
    scheduler: Callable[[int], TrialScheduler]
    metric: str
    mode: str
    trials: int
    max_t: int
    test: str


@dataclass(frozen=True)
class Ran:
    """What a sweep used and found; the best trial is the one with the best ``metric``."""

    steps: int
    full_steps: int
    best: float
    test: float
    seconds: float
    causes: Counter[str]

    @property
    def saved(self) -> float:
        """The share of the steps of full training that was not run."""
        return 1 - self.steps / self.full_steps


def configurations(example: Example, seed: int) -> list[Config]:
    """What is tried: the same for a seed, whatever stops the trials."""
    chance = random.Random(seed)
    shared = {"max_t": example.max_t, "seed": seed}
    return [{**example.draw(chance), **shared} for _ in range(example.trials)]


def run(example: Example, seed: int, *, stopping: bool = True) -> Ran:
    """One sweep on the Ray at hand."""
    scheduler = example.scheduler(example.max_t) if stopping else FIFOScheduler()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(
            name=f"{example.name}-{seed}",
            trainable=example.train,
            space={"run": tune.grid_search(configurations(example, seed))},
            trials=1,
            workers=WORKERS,
            folder=Path(folder),
            pauses=True,
        )
        results = sweep.run(scheduler, BasicVariantGenerator(), [])
        found = [results[at] for at in range(len(results))]
        return _ran(example, found, time.perf_counter() - started)


def _ran(example: Example, results: Sequence[tune.Result], seconds: float) -> Ran:
    sign = 1 if example.mode == "max" else -1
    steps, causes, best, test = 0, Counter[str](), -math.inf, math.nan
    for result in results:
        if result.error is not None or result.metrics_dataframe is None:
            raise RuntimeError(f"{example.name}: a trial failed: {result.error}")
        rows = result.metrics_dataframe.to_dict("records")
        steps += len(rows)
        causes[_cause(result.metrics or {}, example.max_t)] += 1
        for row in rows:
            if sign * row[example.metric] > best:
                best, test = sign * row[example.metric], row[example.test]
    full = example.max_t * len(results)
    return Ran(steps, full, sign * best, test, seconds, causes)


def _cause(last: dict[str, Any], max_t: int) -> str:
    """How a trial ended; one that was let go while it was paused says so in its last result."""
    if last["training_iteration"] >= max_t:
        return "ran in full"
    return str(last["es"]["cause"]).lower()


def row_of(example: Example, seed: int, ran: Ran) -> dict[str, object]:
    """A sweep as a row of a table."""
    ends = ", ".join(f"{count} {cause}" for cause, count in sorted(ran.causes.items()))
    return {
        "example": example.name,
        "seed": seed,
        "trials": sum(ran.causes.values()),
        "steps": f"{ran.steps} of {ran.full_steps}",
        "saved": f"{ran.saved:.0%}",
        f"best {example.metric}": ran.best,
        example.test: ran.test,
        "seconds": f"{ran.seconds:.0f}",
        "how they ended": ends,
    }


def smaller(example: Example) -> Example:
    """The same as fewer and shorter trials, to see that everything works."""
    return replace(example, trials=5, max_t=example.max_t // 2)


def _joined(address: str | None) -> bool:
    if address is not None:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    return address is not None


def main(example: Example, argv: Iterable[str] | None = None) -> None:
    """Run one sweep and print what came of it."""
    parser = argparse.ArgumentParser(description=f"A sweep of the {example.name} example.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="fewer and shorter trials")
    parser.add_argument("--no-stopping", action="store_true", help="run every trial in full")
    parser.add_argument("--address", help="of a running Ray to join; else one is started")
    options = parser.parse_args(None if argv is None else list(argv))
    prepare(offline=True)
    tried = smaller(example) if options.smoke else example
    with nullcontext() if _joined(options.address) else local_ray(WORKERS):
        ran = run(tried, options.seed, stopping=not options.no_stopping)
    print(markdown_table([row_of(tried, options.seed, ran)]))
