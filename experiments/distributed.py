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
import sys
from collections.abc import Sequence
from datetime import datetime

from experiments.environment import prepare
from experiments.extras import EMBEDDED_MODEL, MissingExtraError, require
from experiments.finetune.tasks import needs_hub

STOPS = ("peers", "safe", "balanced", "aggressive", "promotion", "none")
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
        from experiments.distributed_sweep import run_distributed

        return run_distributed(options, f"distributed-{datetime.now():%Y%m%d-%H%M%S}")
    except (MissingExtraError, ValueError, OSError) as error:
        print(f"distributed: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
