"""Peers and baselines beside our own policies, on the same streams through the same engine.

    python -m experiments.benchmark --curves ../shared/curves

replays 20 streams of 100 trials of every recorded task on 8 workers under every scheduler of the
registry, and writes `benchmark.md`, `benchmark.csv` (a row a policy and task) and `benchmark.svg`
(cost against regret) into `experiments/results/`. It takes about half an hour on 2 cores; with
`--policy` it runs only those named.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.benchmark.lockstep import lockstep_scores
from experiments.benchmark.plot import draw
from experiments.benchmark.registry import LADDER, OUR_LADDER, OURS, PEERS, SEEDS_AT_MOST, compared
from experiments.benchmark.report import Study, render, write_rows
from experiments.extras import require
from experiments.provenance import command
from tune_es.replay import Cluster, judge, load_tasks

RESULTS = Path(__file__).parent.parent / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay everything, print the report and write it."""
    require("peers", "ray", "optuna", "syne_tune", "deephyper", "matplotlib")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    tasks = load_tasks(options.curves)
    began = time.monotonic()
    few = [name for name in options.policy if SEEDS_AT_MOST.get(name, math.inf) < options.seeds]
    parts = [([name for name in options.policy if name not in few], options.seeds)]
    parts += [([name], SEEDS_AT_MOST[name]) for name in few]
    scores = []
    with Progress(TextColumn("replaying"), BarColumn(), TimeRemainingColumn()) as bars:
        bar = bars.add_task("", total=sum(len(tasks) * seeds for names, seeds in parts if names))
        for names, seeds in parts:
            if names:
                scores += judge(
                    tasks,
                    [compared(name) for name in names],
                    trials=options.trials,
                    seeds=seeds,
                    cluster=Cluster(options.workers),
                    processes=options.processes,
                    on_done=lambda streams: bars.advance(bar, streams),
                )
    ran = command("experiments.benchmark", given)
    taskset = [each for each in tasks if each.task.source == "taskset_text"]
    lockstep = lockstep_scores(taskset, options.trials, options.seeds)
    minutes = (time.monotonic() - began) / 60
    study = Study(scores, lockstep, options.trials, options.workers, ran, minutes)
    report = render(study)
    print(report)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "benchmark.md").write_text(report, encoding="utf-8")
    write_rows(options.out / "benchmark.csv", scores)
    draw(options.out / "benchmark.csv", options.out / "benchmark.svg")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.benchmark", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--curves", type=Path, nargs="+", required=True, help="folders of the curve sets"
    )
    parser.add_argument("--trials", type=int, default=100, help="trials of a stream")
    parser.add_argument("--workers", type=int, default=8, help="trials that run at a time")
    parser.add_argument("--seeds", type=int, default=20, help="streams of a task")
    names = list(dict.fromkeys([*OURS, *PEERS, *OUR_LADDER, *LADDER]))
    parser.add_argument(
        "--policy", nargs="+", default=names, choices=names, metavar="NAME",
        help="policies to run, of: " + ", ".join(names),
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=RESULTS, help="where results are written")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="cores")
    return parser


if __name__ == "__main__":
    main()
