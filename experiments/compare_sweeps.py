"""The same sweep under several schedulers: `python -m experiments.compare_sweeps --task ...`.

Every arm (no stopping, Ray's ASHA, this project's presets and its promotion) gets the same
configurations, in the same order, with the same seeds. What a finished arm found is kept as a file
under `--runs`, so a comparison that was interrupted goes on with the next arm. The table goes to
`--results` as CSV and Markdown.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.environment import prepare
from experiments.extras import EMBEDDED_MODEL, MissingExtraError, require
from experiments.finetune.options import add_training_options
from experiments.finetune.tasks import needs_hub
from experiments.provenance import command

MODULES = ("ray", "torch", "transformers", "pandas", "rich", "tensorboardX")
ARMS = ("none", "asha", "safe", "balanced", "peers", "aggressive", "promotion")


def parser() -> argparse.ArgumentParser:
    """The comparison's options."""
    options = argparse.ArgumentParser(
        prog="python -m experiments.compare_sweeps", description=__doc__.splitlines()[0]
    )
    add = options.add_argument
    add("--task", required=True, help="such as trec:../shared/text/trec")
    add("--arms", nargs="+", choices=ARMS, default=list(ARMS[:5]), help="default the first five")
    add("--trials", type=int, default=24, help="configurations (default 24)")
    add("--seeds", type=int, nargs="+", default=[0], help="seeds of configurations and trials")
    add("--workers", type=int, default=2, help="trials at a time, 1 CPU each (default 2)")
    add_training_options(options)
    add("--metric", choices=("eval_loss", "eval_accuracy", "eval_f1"), default="eval_loss")
    add("--name", help="name of the table's files (default sweep_<task>)")
    add("--results", type=Path, default=Path("experiments/results"), help="where the table goes")
    add("--runs", type=Path, default=Path("runs/compare"), help="where arms are kept")
    add("--record", type=Path, help="a folder for the curves of trials in full, as a curve set")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Run every arm that is not recorded yet and write the table; 2 where that cannot start."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(arguments)
    try:
        require("demo", *MODULES)
        prepare(offline=options.model == EMBEDDED_MODEL and not needs_hub(options.task))
        from experiments.compared_sweep import compare

        compare(options, command("experiments.compare_sweeps", arguments))
    except (MissingExtraError, ValueError, OSError) as error:
        print(f"compare_sweeps: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
