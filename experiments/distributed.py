"""A sweep whose every trial is a training by several workers.

    python -m experiments.distributed --task trec:../shared/text --workers 2
    python -m experiments.distributed --address auto --workers 8 --use-gpu --stop promotion

Fine-tunes the encoder of the demo with `TorchTrainer`, each worker on its share of every batch.
Trials that are stopped or paused give their workers back at once. Without an address a Ray is
started with room for `--at-once` trials; a cluster says itself for how many it has room, by a
resource `trial` (see cluster.yaml).
"""

from __future__ import annotations

import argparse
import logging
import sys
from argparse import Namespace
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from experiments.environment import prepare
from experiments.extras import EMBEDDED_MODEL, MissingExtraError, require
from experiments.finetune.tasks import needs_hub

STOPS = ("peers", "safe", "balanced", "aggressive", "promotion", "none")
METRIC = "eval_loss"
MODULES = ("ray", "torch", "transformers", "pandas", "rich")


def parser() -> argparse.ArgumentParser:
    """The options of the sweep."""
    options = argparse.ArgumentParser(
        prog="python -m experiments.distributed", description=__doc__.splitlines()[0]
    )
    add = options.add_argument
    add("--trials", type=int, default=8, help="configurations to try (default 8)")
    add("--workers", type=int, default=2, help="workers of a trial (default 2)")
    add("--use-gpu", action="store_true", help="a GPU for each worker instead of a CPU")
    add("--gpus-per-worker", type=float, default=1.0, help="share of a GPU (default 1)")
    add("--placement", default="PACK", help="PACK, SPREAD, STRICT_PACK or STRICT_SPREAD")
    add("--address", help="of a Ray to join, such as auto; else one is started")
    add("--at-once", type=int, default=1, help="trials at a time where one is started (default 1)")
    add("--task", default="docstrings", help="docstrings, trec:/folder, glue/mrpc, ...")
    add("--model", default=EMBEDDED_MODEL, help="a hub id, a folder, or minilm-l6 (embedded)")
    add("--num-layers", type=int, default=2, help="first layers to keep; 0 keeps all (default 2)")
    add("--max-length", type=int, default=24, help="tokens per text (default 24)")
    add("--epochs", type=float, default=1.0, help="epochs per trial (default 1)")
    add("--evals", type=int, default=10, help="evaluations per trial (default 10)")
    add("--stop", choices=STOPS, default="balanced", help="stopping rule (default balanced)")
    add("--seed", type=int, default=0, help="of the configurations and of every trial")
    add("--out", default="runs", help="folder or URI that all nodes can write to (default runs)")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sweep; 2 where it cannot start, 1 where every trial failed."""
    options = parser().parse_args(argv)
    try:
        require("demo", *MODULES)
        prepare(offline=options.model == EMBEDDED_MODEL and not needs_hub(options.task))
        return _run(options, f"distributed-{datetime.now():%Y%m%d-%H%M%S}")
    except (MissingExtraError, ValueError, OSError) as error:
        print(f"distributed: {error}", file=sys.stderr)
        return 2


def _run(options: Namespace, name: str) -> int:
    import ray
    from rich.console import Console

    from experiments.outcomes import best_of, outcomes, saving
    from experiments.tables import saving_line, trial_table

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


def _tuner(options: Namespace, name: str) -> Any:
    from ray import tune

    from experiments.sweep import scheduler_named
    from search_spaces.finetune import finetune_space
    from tune_es.ray.data_parallel import data_parallel

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
            verbose=1,
        ),
    )


def _trainer(config: dict[str, Any], run_config: Any, checkpoint: Any, options: Namespace) -> Any:
    from ray.train import ScalingConfig
    from ray.train.torch import TorchTrainer

    from experiments.finetune.sharded import work

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


if __name__ == "__main__":
    sys.exit(main())
