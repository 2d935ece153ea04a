"""What a searcher finds at equal compute, where what it is told differs and the scheduler does not.

    python -m experiments.searchers --curves ../shared/curves

searches the hyperparameters of TaskSet's recorded configurations on simulated workers: random
search, Ray's `OptunaSearch` and `EarlyStoppingOptunaSearch`, all real, on real Optuna. It writes
`searchers.md` and `searchers.csv` into `experiments/results/`.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.progress import track

from experiments.provenance import command
from experiments.searchers.report import render
from experiments.searchers.sweeps import BUDGETS, SEARCHERS, Found, sweeps
from tune_es.replay import TaskCurves, load_tasks

RESULTS = Path(__file__).parent.parent / "results"


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print the report and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--curves", type=Path, required=True, help="folder of the curve sets")
    add("--seeds", type=int, default=20, help="sweeps of a task")
    add("--workers", type=int, nargs="+", default=[4, 16], help="trials at a time")
    add("--searchers", nargs="+", default=list(SEARCHERS), choices=SEARCHERS, metavar="NAME")
    add("--out", type=Path, default=RESULTS, help="where results are written")
    add("--processes", type=int, default=os.cpu_count() or 1, help="cores")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = load_tasks([options.curves / "taskset_text"])
    began = time.monotonic()
    jobs = list(product(tasks, range(options.seeds)))
    found = list(_run(jobs, options))
    minutes = (time.monotonic() - began) / 60
    options.out.mkdir(parents=True, exist_ok=True)
    _write(options.out / "searchers.csv", found)
    report = render(found, BUDGETS, command("experiments.searchers", given), minutes)
    print(report)
    (options.out / "searchers.md").write_text(report, encoding="utf-8")


def _run(jobs: Sequence[tuple[TaskCurves, int]], options: Any) -> Iterator[Found]:
    pool = ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"))
    with pool:
        waiting = [
            pool.submit(sweeps, curves, seed, options.workers, options.searchers)
            for curves, seed in jobs
        ]
        for each in track(waiting, "searching"):
            yield from each.result()


def _write(path: Path, found: Sequence[Found]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        head = [name for name in Found._fields if name != "regrets"]
        writer.writerow([*head, *(f"regret_{budget}" for budget in BUDGETS)])
        for each in found:
            row = each._asdict()
            regrets = row.pop("regrets")
            row["seconds"] = f"{each.seconds:.3f}"
            writer.writerow([*row.values(), *(f"{regret:.6f}" for regret in regrets)])


if __name__ == "__main__":
    main()
