"""Every policy of the replay on recorded fine-tuning, by validation accuracy and by loss.

    python -m experiments.finetune_policies --curves experiments/results/finetune_benchmark

replays streams of the recorded trials of every task under the schedulers of the benchmark and
those of our own that fine-tuning asks for, once by each objective, and writes
`finetune_policies.md`, `.csv` (a row a policy, task and objective) and `.svg` into
`experiments/results/`. `tasks.csv` of a set has to say in `n_val` how many validation texts the
accuracy of a task is a share of.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from rich.progress import track

from experiments.benchmark.baselines import RANDOM
from experiments.benchmark.plot import draw_panels
from experiments.benchmark.registry import OURS, PEERS, SEEDS_AT_MOST, compared
from experiments.benchmark.report import write_rows
from experiments.extras import require
from experiments.finetune_policies_report import Judged, Study, render
from experiments.provenance import command
from tune_es.replay import Cluster, Score, Task, judge, load_curve_set
from tune_es.replay.policies import Candidate, candidate
from tune_es.replay.storage import find_curve_sets

RESULTS = Path(__file__).parent / "results"
OBJECTIVES = {"eval_accuracy": "max", "eval_loss": "min"}

#: Ours beside those of the benchmark, all as they ship.
MORE: Mapping[str, str] = {
    "patience-3": "{Patience: {patience: 3}}",
    "prechelt-gl": "GeneralizationLoss",
    "prechelt-pq": "{stop: {ProgressQuotient: {train_metric: train_loss}}, "
    "other_metrics: {train_loss: min}}",
    "prechelt-up": "UninterruptedProgress",
    "seed-listing": "ShrinkingPatience",
    "seed-formula": "DecayingDelta",
    "promoting-1-3": "AsyncHalving",
    "quota-0.05": "{AdaptiveQuota: {max_regret: 0.05}}",
    "quota-0.01": "AdaptiveQuota",
    "quota-0.0025": "{AdaptiveQuota: {max_regret: 0.0025}}",
    "quota-hard": "{AdaptiveQuota: {c: 1.2, growth: 1.35, noise: 4, flattening: 0.6}}",
}
#: Those that promote, once more by accuracy with its ties broken by the loss.
TIED = {f"{name}-ties": rule for name, rule in MORE.items() if name.startswith(("quota", "prom"))}
TIES = (
    "{{stop: none, promotion: {rule}, ties: {{by: eval_loss, n_val: {n_val}}}, "
    "other_metrics: {{eval_loss: min}}}}"
)
#: Optuna's Wilcoxon test is left out: on 40 trials of 20 evaluations it takes a minute a stream.
NAMES = (*RANDOM, *OURS, *MORE, *TIED, *(name for name in PEERS if name not in SEEDS_AT_MOST))


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay everything, print the report and write it."""
    require("peers", "ray", "optuna", "syne_tune", "deephyper", "matplotlib")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    began = time.monotonic()
    tasks = [each for folder in find_curve_sets(options.curves) for each in _judged(folder)]
    scores = [score for each in track(tasks, "replaying") for score in _scores(each, options)]
    ran = command("experiments.finetune_policies", given)
    rules = {**OURS, **MORE, **{name: f"{rule}, TieBreak" for name, rule in TIED.items()}}
    minutes = (time.monotonic() - began) / 60
    study = Study(tasks, scores, rules, options.trials, options.workers, ran, minutes)
    report = render(study)
    print(report)
    options.out.mkdir(parents=True, exist_ok=True)
    stem = options.out / "finetune_policies"
    stem.with_suffix(".md").write_text(report, encoding="utf-8")
    write_rows(stem.with_suffix(".csv"), scores)
    with stem.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    titles = {each: [row for row in rows if row["task"].endswith(each)] for each in OBJECTIVES}
    draw_panels({f"by {each}": part for each, part in titles.items()}, stem.with_suffix(".svg"))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.finetune_policies", description=(__doc__ or "").split("\n")[0]
    )
    add = parser.add_argument
    add("--curves", type=Path, nargs="+", required=True, help="folders of the curve sets")
    add("--trials", type=int, default=40, help="trials of a stream")
    add("--workers", type=int, default=8, help="trials that run at a time")
    add("--seeds", type=int, default=20, help="streams of a task")
    add("--policy", nargs="+", default=NAMES, choices=NAMES, metavar="NAME",
        help="policies to run beside full training, of: " + ", ".join(NAMES))  # fmt: skip
    add("--out", type=Path, default=RESULTS, help="where results are written")
    add("--processes", type=int, default=1, help="cores")
    return parser


def _judged(folder: Path) -> Iterator[Judged]:
    """The tasks of a set by each objective.

    Raises:
        ValueError: It is not said how many validation texts a task has.
    """
    curve_set = load_curve_set(folder)
    for curves in curve_set.tasks:
        name = curves.task.name
        n_val = curve_set.notes.get(name, {}).get("n_val", "")
        if not n_val.isdecimal():
            raise ValueError(f"{folder}: tasks.csv must have a number n_val of task {name!r}")
        for metric, mode in OBJECTIVES.items():
            yield Judged(curves, metric, mode, int(n_val))


def _scores(judged: Judged, options: argparse.Namespace) -> list[Score]:
    """Every policy on the streams of a task, by one objective."""
    task = judged.curves.task
    metrics = dict(judged.curves.metrics)
    # Regret on the test set is of the accuracy, whatever the objective: of the error where less
    # is better.
    metrics["test_loss"] = 1 - metrics["test_accuracy"]
    objective = Task(task.source, task.name, judged.metric, judged.mode, task.max_t)
    curves = replace(judged.curves, task=objective, metrics=metrics)
    names = [
        name
        for name in dict.fromkeys(["full", *options.policy])
        if name not in TIED or judged.metric == "eval_accuracy"
    ]
    scores = judge(
        [curves],
        [_candidate(name, judged.n_val) for name in names],
        trials=options.trials,
        seeds=options.seeds,
        cluster=Cluster(options.workers),
        processes=options.processes,
    )
    return [replace(each, task=judged.name) for each in scores]


def _candidate(name: str, n_val: int) -> Candidate:
    if name not in {*MORE, *TIED}:
        return compared(name)
    text = TIES.format(rule=TIED[name], n_val=n_val) if name in TIED else MORE[name]
    each = candidate(text)
    return Candidate(name, each.make, each.policy)


if __name__ == "__main__":
    main()
