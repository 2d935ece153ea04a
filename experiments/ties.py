"""Ties broken by a companion metric, beside ranks by the primary metric alone.

    python -m experiments.ties --curves ../shared/curves experiments/results/finetune_trec

replays AdaptiveQuota on recorded trainings that are judged by an accuracy (a minute), and writes
`ties.md` into `experiments/results/`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es import AdaptiveQuota, Policy, TieBreak
from tune_es.replay import (
    Cluster,
    PolicyScheduler,
    Score,
    Stream,
    Task,
    TaskCurves,
    load_tasks,
    replay,
    stream,
)

RESULTS = Path(__file__).parent / "results"

#: By curve set: the accuracy, its companion, and how many examples it is a share of.
JUDGED_BY = {
    "peft_metamathqa": ("val_accuracy", "train_loss", 50),
    "finetune_trec": ("eval_accuracy", "eval_loss", 200),
    "deepobs": ("val_accuracy", "val_loss", 10_000),
}
FACTORS = (0.3, 0.45, 0.6, 0.8, 1.1, 1.5)
TRIALS = 50


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay, print the tables and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", type=Path, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, default=10, help="streams of a task")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the table is written")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = [each for each in load_tasks(options.curves) if _is_judged(each)]
    report = f"""# Ties broken by a companion metric

    {command("experiments.ties", given)}

AdaptiveQuota(c), {options.seeds} streams of up to {TRIALS} trials a task, 8 simulated workers.
Cells are the mean cost (share of full training) / regret on the validation accuracy / regret on
the test accuracy where one was recorded. {versions(("numpy",))}; {machine()}.
"""
    for source, (metric, companion, n_val) in JUDGED_BY.items():
        mine = [each for each in tasks if each.task.source == source]
        if mine:
            report += f"""
## {source}

{len(mine)} tasks, ranked by `{metric}` of {n_val} examples, companion `{companion}`.

{markdown_table(_rows(mine, companion, n_val, options.seeds))}"""
    print(report)
    (options.out / "ties.md").write_text(report, encoding="utf-8")


def _is_judged(curves: TaskCurves) -> bool:
    metric, companion, _ = JUDGED_BY.get(curves.task.source, ("", "", 0))
    return metric in curves.metrics and companion in curves.metrics


def _rows(
    tasks: Sequence[TaskCurves], companion: str, n_val: int, seeds: int
) -> list[dict[str, object]]:
    ways: Mapping[str, TieBreak | None] = {
        "accuracy alone": None,
        "ties within 1 standard error": TieBreak(companion, n_val),
        "within 2": TieBreak(companion, n_val, 2.0),
        "within 1, combined ranks": TieBreak(companion, n_val, join="combined"),
    }
    drawn = [stream(_by_accuracy(each), TRIALS, seed) for each in tasks for seed in range(seeds)]
    return [
        {"c": c} | {name: _cell(drawn, c, companion, ties) for name, ties in ways.items()}
        for c in FACTORS
    ]


def _by_accuracy(curves: TaskCurves) -> TaskCurves:
    """The task with its accuracy for the objective."""
    task, metric = curves.task, JUDGED_BY[curves.task.source][0]
    return replace(curves, task=Task(task.source, task.name, metric, "max", task.max_t))


def _cell(streams: Sequence[Stream], c: float, companion: str, ties: TieBreak | None) -> str:
    scores = [_score(each, c, companion, ties) for each in streams]
    columns = [[getattr(each, name) for each in scores] for name in NUMBERS]
    means = [float(np.mean(column)) for column in columns]
    return " / ".join(f"{mean:.3f}" for mean in means if not np.isnan(mean))


NUMBERS = ("cost", "regret", "test_regret")


def _score(drawn: Stream, c: float, companion: str, ties: TieBreak | None) -> Score:
    task, trials = drawn.curves.task, len(drawn.curves)
    policy = Policy(
        task.metric, "max", stop="none", other_metrics={companion: "min"}, max_t=task.max_t,
        promotion=AdaptiveQuota(c=c), ties=ties,
    )  # fmt: skip
    run = replay(PolicyScheduler(policy, trials=trials), drawn.curves, Cluster(8))
    return drawn.score(run, "ties")


if __name__ == "__main__":
    main()
