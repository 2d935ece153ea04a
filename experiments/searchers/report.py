"""Differences of regret between searchers, with intervals over tasks and seeds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from experiments.provenance import machine, versions
from experiments.searchers.sweeps import Found
from experiments.tables import markdown_table
from tune_es.replay.curves import Floats

#: What the others are compared with.
BASE = "OptunaSearch"

#: Regret below this counts as this: a table of 1000 configurations can be solved exactly.
FLOOR = 1e-3

RESAMPLES = 4000


def render(found: Sequence[Found], budgets: Sequence[int], ran: str, minutes: float) -> str:
    """The document."""
    tasks, seeds = len({each.task for each in found}), len({each.seed for each in found})
    parts = [
        f"""# What a searcher finds at equal compute

    {ran}

{tasks} tasks of TaskSet (1000 recorded configurations of 8 hyperparameters each, 51 evaluations),
{seeds} seeds; {minutes:.0f} minutes. {versions(("ray", "optuna", "numpy"))};
{machine()}. The searchers are the real objects, told what Ray 2.60 tells them, on simulated
asynchronous workers. A suggestion runs as the nearest recorded configuration, so the best is known.
Regret is what the best value found lacks, as a share of what the median configuration lacks at its
end; below {FLOOR} it counts as {FLOOR}.

Numbers are differences of log10 regret to Ray's `{BASE}` with the same scheduler, task and seed:
the mean and its 90 % interval (tasks and seeds drawn again); below 0 is better. The row of
`{BASE}` itself is its mean log10 regret.
"""
    ]
    schedulers = dict.fromkeys(each.scheduler for each in found)
    for workers in sorted({each.workers for each in found}):
        for scheduler in schedulers:
            mine = [
                each for each in found if (each.workers, each.scheduler) == (workers, scheduler)
            ]
            parts.append(f"## {workers} workers, {scheduler}\n")
            parts.append(markdown_table(_rows(mine, budgets)))
    return "\n".join(parts)


def _rows(found: Sequence[Found], budgets: Sequence[int]) -> list[dict[str, object]]:
    logs = {name: _logs(found, name) for name in dict.fromkeys(each.searcher for each in found)}
    rows = []
    for name, mine in logs.items():
        row: dict[str, object] = {"searcher": name}
        for at, budget in enumerate(budgets):
            value = mine[..., at] - (0 if name == BASE else logs[BASE][..., at])
            low, high = _interval(value)
            row[f"{budget} full trainings"] = f"{value.mean():+.2f} ({low:+.2f}, {high:+.2f})"
        of = [each for each in found if each.searcher == name]
        row["trials"] = round(np.mean([each.trials for each in of]))
        asks = [1000 * each.seconds / each.trials for each in of]
        row["ms a trial"] = f"{np.median(asks):.1f}"
        rows.append(row)
    return rows


def _logs(found: Sequence[Found], searcher: str) -> Floats:
    """log10 regret by task, seed and budget."""
    by_task: dict[str, list[tuple[int, tuple[float, ...]]]] = defaultdict(list)
    for each in found:
        if each.searcher == searcher:
            by_task[each.task].append((each.seed, each.regrets))
    regrets = np.array(
        [[values for _, values in sorted(by_task[task])] for task in sorted(by_task)]
    )
    logs: Floats = np.log10(np.maximum(regrets, FLOOR))
    return logs


def _interval(values: Floats) -> tuple[float, float]:
    """90 % of the means when tasks, and seeds within them, are drawn again."""
    random = np.random.default_rng(0)
    tasks, seeds = values.shape
    drawn = random.integers(tasks, size=(RESAMPLES, tasks))
    of = random.integers(seeds, size=(RESAMPLES, tasks, seeds))
    means = values[drawn[..., None], of].mean(axis=(1, 2))
    low, high = np.percentile(means, (5, 95)).tolist()
    return low, high
