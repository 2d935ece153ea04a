"""A tuned policy on a task that it was not tuned on, for each recorded task in turn.

    python -m experiments.left_out_tasks --curves ../shared/curves

measures 500 policies from the space of `tune-es tune` on streams of every recorded task. For each
task the policy is then chosen on the others: the cheapest whose regret there is within a limit. The
same choice is made among the presets, and among the baselines of `results/promotion.csv`, which met
the same streams. It writes `left_out_tasks.md` into `experiments/results/`.

The policies are drawn at random, not proposed by a model: a model would have seen the task.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import optuna
from rich.progress import Progress

from experiments.benchmark.report import CLEAN
from experiments.promotion_benchmark import BASELINES
from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es.meta import PRESETS, STARTS, Bench, Measured, Recipe, Space, name_of, workers
from tune_es.replay import Cluster, load_tasks
from tune_es.replay.curves import Floats, Ints

RESULTS = Path(__file__).parent / "results"

#: Regrets at which costs are compared.
REGRETS = {"all": (0.1, 0.05, 0.03), "clean": (0.02, 0.01, 0.005), "hard": (0.15, 0.1, 0.06)}
#: Limits that a policy is chosen by: fine enough that some held-out regret is close to any.
LIMITS = np.geomspace(5e-4, 0.5, 60)
#: Tasks that may lose more than the limit, where the choice is by the tail.
SHARE_OVER = 0.1
RESAMPLES = 2000


@dataclass(frozen=True)
class Family:
    """Policies to choose among: cost and regret of each on every task, a row a policy."""

    name: str
    costs: Floats
    regrets: Floats

    def on(self, tasks: Ints) -> Family:
        """The same on some of the tasks."""
        return Family(self.name, self.costs[:, tasks], self.regrets[:, tasks])

    def left_out(self, by: str) -> tuple[Floats, Floats]:
        """Held-out cost and regret by limit and task; training in full where none keeps it."""
        shape = (len(LIMITS), self.costs.shape[1])
        costs, regrets = np.ones(shape), np.zeros(shape)
        for task in range(shape[1]):
            others = np.arange(shape[1]) != task
            seen = (
                _by_tail(self.regrets[:, others])
                if by == "tail"
                else _mean(self.regrets[:, others])
            )
            mine = self.costs[:, others].mean(axis=1)
            for at, limit in enumerate(LIMITS):
                keeping = np.flatnonzero(seen <= limit)
                if len(keeping):
                    chosen = keeping[mine[keeping].argmin()]
                    costs[at, task] = self.costs[chosen, task]
                    regrets[at, task] = self.regrets[chosen, task]
        return costs, regrets


def _mean(regrets: Floats) -> Floats:
    means: Floats = regrets.mean(axis=1)
    return means


def _by_tail(regrets: Floats) -> Floats:
    """The regret that all but a share of the tasks stay within, of every policy."""
    allowed = int(SHARE_OVER * regrets.shape[1] + 1e-9)
    tails: Floats = np.sort(regrets, axis=1)[:, -1 - allowed]
    return tails


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, choose, print the report and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--curves", type=Path, nargs="+", required=True, help="folders of the curve sets")
    add("--policies", type=int, default=500, help="policies that are drawn")
    add("--seeds", type=int, default=12, help="streams of a task; the baselines met 12")
    add("--out", type=Path, default=RESULTS, help="where results are written")
    add("--processes", type=int, default=os.cpu_count() or 1, help="cores")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = load_tasks(options.curves)
    names = [name_of(each) for each in tasks]
    began = time.monotonic()
    recipes = [*PRESETS.values(), *_drawn(options.policies)]
    bench = Bench(tuple(tasks), trials=100, seeds=options.seeds, cluster=Cluster(8))
    with closing(workers(bench, options.processes)) as at_work, Progress() as bars:
        bar = bars.add_task("measuring", total=len(recipes))
        measured = at_work.measure(recipes, lambda done: bars.advance(bar, done))
    families = [
        _family("tuned", measured),
        _family("presets", measured[: len(PRESETS)]),
        _baselines(names),
    ]
    minutes = (time.monotonic() - began) / 60
    ran = command("experiments.left_out_tasks", given)
    report = render(families, names, options.seeds, ran, minutes)
    print(report)
    (options.out / "left_out_tasks.md").write_text(report, encoding="utf-8")


def _drawn(count: int) -> list[Recipe]:
    """Known good policies, and random ones of the space."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for start in STARTS:
        study.enqueue_trial(dict(start))
    return [Space().recipe(study.ask()) for _ in range(count)]


def _family(name: str, measured: Sequence[Measured]) -> Family:
    costs = np.array([each.costs for each in measured])
    return Family(name, costs, np.array([each.regrets for each in measured]))


def _baselines(tasks: Sequence[str]) -> Family:
    with (RESULTS / "promotion.csv").open(encoding="utf-8", newline="") as file:
        rows = {
            (row["policy"], f"{row['source']}/{row['task']}"): row for row in csv.DictReader(file)
        }
    table = [[rows[policy, task] for task in tasks] for policy in BASELINES]
    costs = np.array([[float(row["cost"]) for row in each] for each in table])
    regrets = np.array([[min(float(row["regret"]), 10.0) for row in each] for each in table])
    return Family("baselines", costs, regrets)


def render(
    families: Sequence[Family], names: Sequence[str], seeds: int, ran: str, minutes: float
) -> str:
    """The document."""
    sizes = ", ".join(f"{len(each.costs)} {each.name}" for each in families)
    parts = [
        f"""# Policies tuned on all tasks but one

    {ran}

{len(names)} tasks, {seeds} streams of up to 100 random trials each, 8 simulated workers; measuring
took {minutes:.0f} minutes. {versions(("numpy", "numba", "optuna"))}; {machine()}. Candidates:
{sizes}. The presets are {", ".join(PRESETS)}; the baselines are those of promotion.md, on the same
streams.

For each task in turn the cheapest policy is taken whose regret on the *other* tasks is within a
limit: its mean (`mean`), or the regret that nine tasks in ten stay within (`tail`, as
`tune-es tune` does). Cost and regret are those on the task left out, averaged over the tasks.
A column is the cheapest limit with which the held-out regret is at most the number at its head;
the limit is the only thing chosen in hindsight, and for all alike. In brackets: the held-out
regret, and the ratio of the tuned policies' cost to this one's with its 90 % interval (tasks drawn
again; the limits chosen again). Groups are tuned on their own tasks only.

A dozen of the tuned policies are those that a search starts from, and the presets are fixed: some
of their constants were found on these tasks, which flatters both.
"""
    ]
    clean = np.array([name.split("/")[0] in CLEAN for name in names])
    every = np.arange(len(names))
    groups = {"all": every, "clean": every[clean], "hard": every[~clean]}
    for group, tasks in groups.items():
        if len(tasks) < 3:
            continue
        parts.append(f"## On {group} tasks ({len(tasks)})\n")
        for by in ("mean", "tail"):
            rows = _rows([each.on(tasks) for each in families], by, REGRETS[group])
            parts.append(markdown_table(rows))
    return "\n".join(parts)


def _rows(families: Sequence[Family], by: str, regrets: Sequence[float]) -> list[dict[str, object]]:
    found = {each.name: each.left_out(by) for each in families}
    tasks = families[0].costs.shape[1]
    drawn = np.random.default_rng(0).integers(tasks, size=(RESAMPLES, tasks))
    rows = []
    for name, mine in found.items():
        row: dict[str, object] = {f"chosen by {by} among": name}
        for regret in regrets:
            row[f"regret {regret}"] = _cell(mine, found["tuned"], regret, drawn, name == "tuned")
        rows.append(row)
    return rows


def _cell(
    mine: tuple[Floats, Floats],
    tuned: tuple[Floats, Floats],
    regret: float,
    drawn: Ints,
    alone: bool,
) -> str:
    every = np.arange(mine[0].shape[1])[None]
    (cost,), (held,) = _at(mine, regret, every)
    if np.isnan(cost):
        return "-"
    said = f"{cost:.3f} ({held:.4f}"
    if alone:
        return f"{said})"
    ratios = _at(tuned, regret, drawn)[0] / _at(mine, regret, drawn)[0]
    known = ratios[~np.isnan(ratios)]
    if not len(known):
        return f"{said})"
    (ratio,) = _at(tuned, regret, every)[0] / cost
    low, high = np.percentile(known, (5, 95)).tolist()
    return f"{said}; {ratio:.2f}, {low:.2f} to {high:.2f})"


def _at(left_out: tuple[Floats, Floats], regret: float, drawn: Ints) -> tuple[Floats, Floats]:
    """The least cost over limits with a mean regret within this, of every draw of tasks."""
    costs, regrets = (each[:, drawn].mean(axis=2) for each in left_out)
    within = np.where(regrets <= regret, costs, np.inf)
    best, draws = within.argmin(axis=0), np.arange(len(drawn))
    found = within[best, draws]
    return np.where(np.isfinite(found), found, np.nan), regrets[best, draws]


if __name__ == "__main__":
    main()
