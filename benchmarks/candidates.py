"""How long it takes to measure many policies on recorded tasks, by kind of policy.

    python -m benchmarks.candidates --curves ../shared/curves --out candidates.md

draws 500 policies from the space that `tune-es tune` searches, and measures each on 20 streams of
100 trials of 12 tasks, in two processes.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import optuna
from optuna.samplers import RandomSampler

from experiments.provenance import command, machine, versions
from tune_es.meta import KINDS, Bench, Recipe, Space, Workers, workers
from tune_es.replay import TaskCurves, load_tasks

#: A bar that ends no cell of a table.
PIPE = "\\|"

#: Of the draw of tasks and policies.
SEED = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print what it took and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--curves", type=Path, nargs="+", required=True)
    parser.add_argument("--policies", type=int, default=500)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path)
    words = list(sys.argv[1:] if arguments is None else arguments)
    given = parser.parse_args(words)
    tasks = chosen(load_tasks(given.curves), given.tasks, given.trials)
    bench = Bench(tuple(tasks), trials=given.trials, seeds=given.seeds)
    told = command("benchmarks.candidates", words)
    report = _report(bench, given.policies, given.processes, told)
    print(report)
    if given.out is not None:
        given.out.write_text(f"{report}\n", encoding="utf-8")


def chosen(tasks: Sequence[TaskCurves], count: int, trials: int) -> list[TaskCurves]:
    """Tasks drawn from those that have enough trials; others, too, where these are too few."""
    enough = [each for each in tasks if len(each) >= trials]
    others = sorted((each for each in tasks if len(each) < trials), key=len, reverse=True)
    order = np.random.default_rng(SEED).permutation(len(enough)).tolist()
    return [*(enough[at] for at in order), *others][:count]


def drawn(kind: str, count: int) -> list[Recipe]:
    """Policies of a kind, drawn as the first ones of a search are."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=RandomSampler(seed=SEED))
    optuna.logging.set_verbosity(before)
    return [Space((kind,)).recipe(study.ask()) for _ in range(count)]


def _report(bench: Bench, policies: int, processes: int, told: str) -> str:
    sizes = [policies // len(KINDS) + (at < policies % len(KINDS)) for at in range(len(KINDS))]
    begun = time.perf_counter()
    with closing(workers(bench, processes)) as at_work:
        at_work.measure([each for kind in KINDS for each in drawn(kind, 8)], tasks=range(2))
        started = time.perf_counter() - begun
        took = [_seconds(at_work, drawn(*each)) for each in zip(KINDS, sizes, strict=True)]
    total = started + sum(took)
    rows = [
        f"| `{kind.replace('|', PIPE)}` | {size} | {seconds:.1f} | {seconds / size:.3f} |"
        for kind, size, seconds in zip(KINDS, sizes, took, strict=True)
        if size
    ]
    shape = (
        f"{policies} policies x {len(bench.tasks)} tasks x {bench.trials} trials x {bench.seeds} "
        f"streams in {processes} processes: {total:.0f} seconds, {started:.0f} of them until\n"
        "processes had started and rules were compiled, or found compiled."
    )
    return "\n".join(
        [
            "# What it takes to measure policies",
            f"\n    {told}\n",
            shape,
            "\n| kind | policies | seconds | each |",
            "|---|---|---|---|",
            *rows,
            f"\n{machine()}; {versions(('numba', 'numpy', 'optuna'))}",
        ]
    )


def _seconds(at_work: Workers, recipes: Sequence[Recipe]) -> float:
    begun = time.perf_counter()
    if recipes:
        at_work.measure(recipes)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
