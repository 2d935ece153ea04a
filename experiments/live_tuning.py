"""Patience searched beside the hyperparameters: what the objective makes of it.

    python -m experiments.live_tuning --curves ../shared/curves

searches TaskSet's recorded configurations and, for each trial, a patience of its own between 1 and
the whole budget, once for the plain metric, once for `es/utility` at several prices of compute, and
once for metric and cost as two objectives. It writes `live_tuning.md` into `experiments/results/`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import optuna
from rich.progress import track

from experiments.provenance import command, machine, versions
from experiments.searchers.beside import Beside, Judging
from experiments.searchers.sweeps import quiet
from experiments.searchers.tabular import Tabular
from experiments.tables import markdown_table
from tune_es import Never, Patience, Policy
from tune_es.replay import Cluster, TaskCurves, load_tasks, replay, stops
from tune_es.replay.life import TIME_ATTR

RESULTS = Path(__file__).parent / "results"
WORKERS = 8
#: Compute of a search, in trainings of a trial in full.
BUDGET = 60
PRICES = (0.0, 0.01, 0.03, 0.1)
PATIENCE = "es/stop/Patience/patience"
UTILITY = "es/utility"


class Objective(NamedTuple):
    """What the searcher is asked for; the price is of the whole budget of a trial."""

    name: str
    price: float | None = None
    pareto: bool = False
    of_ray: bool = False


OBJECTIVES = (
    Objective("loss, Ray's OptunaSearch", of_ray=True),
    Objective("loss"),
    Objective("utility, price 0.01", price=0.01),
    Objective("utility, price 0.03", price=0.03),
    Objective("utility, price 0.1", price=0.1),
    Objective("loss and steps, two objectives", pareto=True),
)


class Outcome(NamedTuple):
    """One search: shares are of the budget of a trial."""

    objective: str
    patience: float
    best_patience: float
    steps: float
    trials: int
    regret: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, print the report and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--curves", type=Path, required=True, help="folder of the curve sets")
    add("--seeds", type=int, default=10, help="searches of a task")
    add("--out", type=Path, default=RESULTS, help="where results are written")
    add("--processes", type=int, default=os.cpu_count() or 1, help="cores")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = load_tasks([options.curves / "taskset_text"])
    began = time.monotonic()
    found = list(_run(tasks, options.seeds, options.processes))
    minutes = (time.monotonic() - began) / 60
    alone = {price: [best_patience(each, price) for each in tasks] for price in PRICES}
    ran = command("experiments.live_tuning", given)
    report = render(found, ran, len(tasks), options, minutes) + render_alone(alone)
    print(report)
    (options.out / "live_tuning.md").write_text(report, encoding="utf-8")


def _run(tasks: Sequence[TaskCurves], seeds: int, processes: int) -> Iterator[Outcome]:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = list(product(tasks, range(seeds)))
        waiting = [pool.submit(searches, curves, seed) for curves, seed in jobs]
        for each in track(waiting, "searching"):
            yield from each.result()


def searches(curves: TaskCurves, seed: int) -> list[Outcome]:
    """A search for every objective."""
    quiet()
    problem = Tabular(curves)
    return [_search(problem, each, seed) for each in OBJECTIVES]


def _search(problem: Tabular, objective: Objective, seed: int) -> Outcome:
    task = problem.curves.task
    policy = Policy(
        task.metric,
        task.mode,
        stop=Never(),
        max_t=task.max_t,
        budget_price=objective.price,
    )
    space = {
        **problem.space(),
        PATIENCE: optuna.distributions.IntDistribution(1, task.max_t),
    }
    searcher = _searcher(objective, task.metric, task.mode, space, seed)
    beside = Beside(Judging(policy), searcher, BUDGET * task.max_t, problem)
    run = replay(beside, problem.curves, Cluster(WORKERS), chosen=beside.asked())
    patience = np.array([each[PATIENCE] for each in beside.suggested]) / task.max_t
    worth = _worth(problem, run.curves or (), run.reached.tolist(), objective)
    late = len(patience) // 4
    return Outcome(
        objective.name,
        float(patience[-late:].mean()),
        float(patience[int(worth.argmax())]),
        float(run.reached[-late:].mean() / task.max_t),
        len(patience),
        float(problem.best - _bests(problem, run.curves or (), run.reached.tolist()).max())
        / problem.scale,
    )


def _bests(problem: Tabular, curves: Sequence[int], reached: Sequence[int]) -> Any:
    """The best value of every trial, oriented."""
    return np.array(
        [
            problem.bests([curve] * steps, range(1, steps + 1))[-1] if steps else -np.inf
            for curve, steps in zip(curves, reached, strict=True)
        ]
    )


def _worth(
    problem: Tabular, curves: Sequence[int], reached: Sequence[int], objective: Objective
) -> Any:
    price = (objective.price or 0.0) / problem.curves.task.max_t
    return _bests(problem, curves, reached) - price * np.array(reached)


def _searcher(
    objective: Objective, metric: str, mode: str, space: Mapping[str, Any], seed: int
) -> Any:
    from ray.tune.search.optuna import OptunaSearch

    from tune_es.ray import EarlyStoppingOptunaSearch

    if objective.of_ray:
        return OptunaSearch(dict(space), metric=metric, mode=mode, seed=seed)
    asked: dict[str, Any] = {"metric": metric, "mode": mode}
    if objective.price is not None:
        asked = {"metric": UTILITY, "mode": "max"}
    if objective.pareto:
        asked = {"metric": [metric, TIME_ATTR], "mode": [mode, "min"]}
    return EarlyStoppingOptunaSearch(dict(space), seed=seed, **asked)


def best_patience(curves: TaskCurves, price: float) -> float:
    """The patience that is best on average over all trials, as a share of the budget.

    Of several that are equally good it is the smallest.
    """
    task = curves.task
    oriented = task.sign * curves.metrics[task.metric]
    oriented = np.where(np.isfinite(oriented), oriented, -np.inf)
    worth = []
    for patience in range(1, task.max_t + 1):
        policy = Policy(task.metric, task.mode, stop=Patience(patience), max_t=task.max_t)
        reached = stops(policy, curves).evaluations
        spans = zip(curves.starts.tolist(), reached.tolist(), strict=False)
        best = np.array([oriented[start : start + steps].max() for start, steps in spans])
        worth.append(float((best - price * reached / task.max_t)[np.isfinite(best)].mean()))
    return (1 + int(np.argmax(np.round(worth, 9)))) / task.max_t


def render(
    found: Sequence[Outcome], ran: str, tasks: int, options: argparse.Namespace, minutes: float
) -> str:
    """The document."""
    rows = []
    for objective in OBJECTIVES:
        mine = [each for each in found if each.objective == objective.name]
        row: dict[str, object] = {"objective": objective.name}
        for name, heading in HEADINGS.items():
            values = np.array([getattr(each, name) for each in mine], dtype=float)
            low, high = np.percentile(values, (5, 95))
            row[heading] = f"{np.median(values):.3g} ({low:.2g}, {high:.2g})"
        rows.append(row)
    return f"""# Patience searched beside the hyperparameters

    {ran}

{tasks} tasks of TaskSet, {options.seeds} seeds, {WORKERS} simulated asynchronous workers, compute
of {BUDGET} full trainings; {minutes:.0f} minutes. {versions(("ray", "optuna", "numpy"))};
{machine()}. Every trial brings a patience of its own, 1 to 51 evaluations, from the searcher; a
suggestion runs as the nearest recorded configuration that has not run. A price is what the whole
budget of a trial is worth in units of the loss (chance is 0.69). Medians over tasks and seeds, and
what nine in ten lie between.

- patience: mean of the last quarter of the suggestions, as a share of the budget; 0.5 is where an
  indifferent searcher stays.
- of the best: patience of the trial that the objective likes best (the loss for two objectives).
- steps: evaluations of the trials of the last quarter, as a share of the budget.
- regret: what the best loss found lacks, as in searchers.md.

{markdown_table(rows)}"""


def render_alone(found: Mapping[float, Sequence[float]]) -> str:
    """What there is to find, without a search."""
    rows = [
        {
            "price": f"{price:g}" if price else "none: the plain loss",
            "best patience": f"{np.median(each):.3f} ({min(each):.3f}, {max(each):.3f})",
        }
        for price, each in found.items()
    ]
    return f"""
What there is to find, without a search: the one patience that is best on average over all 1000
trials of a task, the smallest of equally good ones. The median over tasks, the least and the
largest, as a share of the budget:

{markdown_table(rows)}"""


HEADINGS = {
    "patience": "patience",
    "best_patience": "of the best",
    "steps": "steps",
    "trials": "trials",
    "regret": "regret",
}


if __name__ == "__main__":
    main()
