"""A sweep to look at: `python -m experiments.demo`, or `make demo`.

Fine-tunes a small pretrained encoder on the question which library a docstring documents, with
hyperparameters from Optuna, trials stopped early, and a reason for every stop. The embedded task
and model need no network.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from experiments.environment import prepare
from experiments.extras import EMBEDDED_MODEL, MissingExtraError, require
from experiments.finetune.tasks import needs_hub

STOPS = ("peers", "safe", "balanced", "aggressive", "asha", "none")
METRICS = ("eval_loss", "eval_accuracy", "eval_f1")
MODULES = ("ray", "optuna", "torch", "transformers", "pandas", "rich", "tensorboardX")


def parser() -> argparse.ArgumentParser:
    """The demo's options."""
    options = argparse.ArgumentParser(
        prog="python -m experiments.demo", description=__doc__.splitlines()[0]
    )
    add = options.add_argument
    add("--trials", type=int, default=16, help="configurations to try (default 16)")
    add("--workers", type=int, default=2, help="trials at a time, 1 CPU each (default 2)")
    add("--task", default="docstrings", help="docstrings, trec:/folder, glue/mrpc, ...")
    add("--model", default="minilm-l6", help="a hub id, a folder, or minilm-l6 (embedded)")
    add("--num-layers", type=int, default=2, help="first layers to keep; 0 keeps all (default 2)")
    add("--max-length", type=int, default=24, help="tokens per text (default 24)")
    add("--max-train", type=int, help="most training texts (default all)")
    add("--max-eval", type=int, help="most validation, and test, texts (default all)")
    add("--epochs", type=float, default=3.0, help="epochs per trial (default 3)")
    add("--evals", type=int, default=20, help="evaluations per trial (default 20)")
    add("--stop", choices=STOPS, default="peers", help="stopping rule (default peers)")
    add("--metric", choices=METRICS, default="eval_loss", help="what is optimised")
    add("--gpus-per-trial", type=float, default=0.0, help="share of a GPU (default 0)")
    add("--train-embeddings", action="store_true", help="train the embeddings too: slower")
    add("--seed", type=int, default=0, help="seed of the search and of every trial")
    add("--out", type=Path, default=Path("runs"), help="folder to write into (default runs)")
    add("--smoke", action="store_true", help="a tiny sweep, to see that everything works")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the demo; 2 where it cannot start, 1 where every trial failed."""
    options = parser().parse_args(argv)
    try:
        require("demo", *MODULES)
        print("Loading torch, transformers and Ray ...", flush=True)
        prepare(offline=options.model == EMBEDDED_MODEL and not needs_hub(options.task))
        from experiments.demo_sweep import run_demo

        name = f"demo-{datetime.now():%Y%m%d-%H%M%S}"
        return run_demo(options, name)
    except (MissingExtraError, ValueError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
