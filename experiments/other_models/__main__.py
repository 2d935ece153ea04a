"""All examples with stopping and without, side by side.

    python -m experiments.other_models --seeds 3 --out experiments/results/other_models.md

Each seed draws its own configurations and data, and the sweep of a seed is run twice: every trial
in full, and under the example's scheduler.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from experiments.environment import prepare
from experiments.other_models import federated, graph, reinforcement
from experiments.other_models.sweep import WORKERS, Example, Ran, run
from experiments.provenance import command, machine, versions
from experiments.sweep import local_ray
from experiments.tables import markdown_table

EXAMPLES = (graph.EXAMPLE, reinforcement.EXAMPLE, federated.EXAMPLE)


def compared(example: Example, seed: int) -> dict[str, object]:
    """A sweep under its scheduler beside the same in full, as a row."""
    full = run(example, seed, stopping=False)
    stopped = run(example, seed)
    return {
        "example": example.name,
        "seed": seed,
        "trials": example.trials,
        "steps": f"{stopped.steps} of {stopped.full_steps}",
        "saved": f"{stopped.saved:.0%}",
        "seconds": f"{stopped.seconds:.0f} of {full.seconds:.0f}",
        "judged by": example.metric,
        "best in full": full.best,
        "best with stopping": stopped.best,
        "and on test data": f"{example.test} {full.test:.3f} / {stopped.test:.3f}",
        "how the trials ended": _ends(stopped),
    }


def _ends(ran: Ran) -> str:
    return ", ".join(f"{count} {cause}" for cause, count in sorted(ran.causes.items()))


def rows(seeds: int) -> Iterator[dict[str, object]]:
    """Every example with every seed, said as it comes."""
    for example in EXAMPLES:
        for seed in range(seeds):
            found = compared(example, seed)
            print(found, file=sys.stderr, flush=True)
            yield found


def main() -> None:
    """Run them, print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="The examples on other models, side by side.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    prepare(offline=True)
    with local_ray(WORKERS):
        table = markdown_table([*rows(options.seeds)])
    text = (
        "# The same scheduler on other models\n\n"
        "Real sweeps with Ray Tune: a graph network under `PromotionScheduler`, a reinforcement-"
        "learning loop and a federated-averaging loop under `EarlyStoppingScheduler`, each beside "
        "the same trials run in full. The best is the best value of the metric that is judged in "
        "any trial at any step; the number on test data is the one at that step, in full / with "
        "stopping. Seconds are of the whole sweep, on a machine that had other work to do: read "
        "them against each other at most.\n\n"
        f"{table}\n"
        f"Command: `{command('experiments.other_models', sys.argv[1:])}`. "
        f"{versions(('ray', 'torch', 'numpy'))}. {machine()}.\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
