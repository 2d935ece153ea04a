"""What every sweep of the experiments shares: a quiet local Ray, schedulers by name, one run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import SearchAlgorithm, Searcher

MODES: Mapping[str, str] = {"eval_loss": "min", "eval_accuracy": "max", "eval_f1": "max"}
"""What may be optimised, and which way is better."""

Trainable = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Sweep:
    """A sweep without its scheduler: what is tried, on what, and where it is written."""

    name: str
    trainable: Trainable
    space: dict[str, Any]
    trials: int
    workers: int
    folder: Path
    gpus_per_trial: float = 0.0
    pauses: bool = False
    """Trials wait for each other, so as many have to be at hand as there are."""

    def run(
        self,
        scheduler: TrialScheduler,
        search: Searcher | SearchAlgorithm,
        callbacks: list[tune.Callback],
    ) -> tune.ResultGrid:
        """Run it to the end. A trial that fails does not end the sweep.

        Actors are reused: importing torch and reading the model costs seconds, a trial that
        follows in the same process does not pay them again.
        """
        resources = {"cpu": 1, "gpu": self.gpus_per_trial}
        limited = isinstance(search, Searcher) and not self.pauses
        tuner = tune.Tuner(
            tune.with_resources(self.trainable, resources),
            param_space=self.space,
            tune_config=tune.TuneConfig(
                num_samples=self.trials,
                max_concurrent_trials=self.workers if limited else None,
                scheduler=scheduler,
                search_alg=search,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name=self.name,
                storage_path=str(self.folder.resolve()),
                callbacks=callbacks,
                checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
                verbose=0,
            ),
        )
        return tuner.fit()


def scheduler_named(name: str, metric: str, max_t: int, n_val: int | None = None) -> TrialScheduler:
    """`none` for no stopping, `asha` for Ray's own, or a rule of this project.

    `promotion` pauses trials at rungs; accuracies within the noise of `n_val` validation rows are
    told apart by the loss. ASHA looks first after 5 evaluations and keeps a third at each of its
    rungs. `peers` stops what is below the median of the others from a quarter of the run on, and
    what stalls from half of it on: a fresh classification head may sit at chance before that and
    learn later.
    """
    if name == "none":
        return FIFOScheduler()
    mode = MODES[metric]
    if name == "asha":
        return ASHAScheduler(
            metric=metric, mode=mode, max_t=max_t, grace_period=min(5, max_t), reduction_factor=3
        )
    from tune_es import Adaptive, After, BelowMedian, TieBreak
    from tune_es.ray import EarlyStoppingScheduler, PromotionScheduler

    if name == "promotion":
        ties = None if metric == "eval_loss" else TieBreak("eval_loss", n_val=n_val)
        others = {} if ties is None else {"eval_loss": "min"}
        return PromotionScheduler(
            metric=metric, mode=mode, max_t=max_t, other_metrics=others, ties=ties
        )

    peers = BelowMedian(grace_period=max_t // 4) | After(max_t // 2, Adaptive.balanced())
    stop = peers if name == "peers" else name
    return EarlyStoppingScheduler(metric=metric, mode=mode, stop=stop, max_t=max_t)


@contextmanager
def local_ray(workers: int) -> Iterator[None]:
    """A Ray of our own with that many CPUs, without its dashboard and its chatter."""
    ray.init(
        address="local",
        num_cpus=workers,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield
    finally:
        ray.shutdown()
