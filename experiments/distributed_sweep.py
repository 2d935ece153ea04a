"""The sweep of `python -m experiments.distributed`."""

from __future__ import annotations

import logging
from argparse import Namespace
from functools import partial
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.train import Checkpoint, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from rich.console import Console

from experiments.finetune.sharded import work
from experiments.outcomes import best_of, outcomes, saving
from experiments.progress import SweepProgress
from experiments.sweep import scheduler_named
from experiments.tables import saving_line, trial_table
from search_spaces.finetune import finetune_space
from tune_es.ray.data_parallel import data_parallel

METRIC = "eval_loss"


def run_distributed(options: Namespace, name: str) -> int:
    """Run the sweep and print what came of it; 1 where every trial failed."""
    ray.init(**_ray(options), log_to_driver=False, logging_level=logging.ERROR)
    try:
        trials = outcomes(_tuner(options, name).fit(), METRIC, options.evals)
    finally:
        ray.shutdown()
    console, best = Console(), best_of(trials, METRIC)
    console.print(trial_table(trials, best))
    console.print(f"{saving_line(saving(trials))}\nWritten to {options.out}/{name}")
    return 0 if best is not None else 1


def _ray(options: Namespace) -> dict[str, Any]:
    if options.address is not None:
        return {"address": options.address}
    cpus = options.workers * options.at_once
    return {"address": "local", "num_cpus": cpus, "resources": {"trial": options.at_once}}


def _tuner(options: Namespace, name: str) -> tune.Tuner:
    fixed = ("model", "max_length", "epochs", "evals", "seed")
    space = finetune_space(
        task=_everywhere(options.task),
        num_layers=options.num_layers or None,
        frozen=1,
        **{each: getattr(options, each) for each in fixed},
    )
    trainable = data_parallel(partial(_trainer, options=options))
    return tune.Tuner(
        tune.with_resources(trainable, {"trial": 1}),
        param_space=space,
        tune_config=tune.TuneConfig(
            num_samples=options.trials,
            scheduler=scheduler_named(options.stop, METRIC, options.evals),
        ),
        run_config=tune.RunConfig(
            name=name,
            storage_path=options.out if "://" in options.out else str(Path(options.out).resolve()),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=1),
            callbacks=[SweepProgress(options.trials, options.evals, METRIC)],
            verbose=0,
        ),
    )


def _trainer(
    config: dict[str, Any], run_config: RunConfig, checkpoint: Checkpoint | None, options: Namespace
) -> TorchTrainer:
    share = {"GPU": options.gpus_per_worker} if options.use_gpu else {"CPU": 1}
    return TorchTrainer(
        work,
        train_loop_config={**config, "checkpoint": checkpoint},
        scaling_config=ScalingConfig(
            num_workers=options.workers,
            use_gpu=options.use_gpu,
            resources_per_worker=share,
            placement_strategy=options.placement,
        ),
        run_config=run_config,
    )


def _everywhere(task: str) -> str:
    """The task by a path that holds in every process: workers run in folders of their own."""
    kind, colon, folder = task.partition(":")
    return f"{kind}{colon}{Path(folder).resolve()}" if Path(folder).is_dir() and colon else task
