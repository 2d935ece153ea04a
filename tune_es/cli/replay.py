"""``tune-es replay``: policies judged on recorded curves."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from tune_es.checks import nearest
from tune_es.cli.output import Flag, cores, progress, say, show_json, show_table, warn
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import TaskCurves
from tune_es.replay.lab import judge
from tune_es.replay.policies import candidates
from tune_es.replay.scorecard import Score
from tune_es.replay.storage import load_tasks
from tune_es.replay.summary import Interval, Summary, envelope, points, summarise

Many = Parameter(consume_multiple=True, negative=())
DEFAULT_CLUSTER = Cluster()


def replay(
    *,
    curves: Annotated[list[Path], Many],
    policy: Annotated[list[str], Many],
    trials: int = 100,
    seeds: int = 20,
    out: Path | None = None,
    task: Annotated[tuple[str, ...], Many] = (),
    price_per_hour: float | None = None,
    cluster: Annotated[Cluster, Parameter(name="*")] = DEFAULT_CLUSTER,
    processes: int | None = None,
    json: Flag = False,
) -> None:
    """Judge stopping policies on recorded curves, on a simulated cluster.

    Every policy meets the same streams of random trials. Cost is the share of full training;
    regret is what the best value found lacks, as a share of what the best trial gains over the
    median one.

    Args:
        curves: Folders of curve sets, or of one.
        policy: Names (see: tune-es policies), YAML files, or YAML texts such as
            "{Patience: {patience: 5}}".
        trials: Trials of a stream; all of a task's where it has fewer.
        seeds: Streams of a task.
        out: A CSV file for the score of every stream.
        task: Only these tasks.
        price_per_hour: Money for an hour of a worker.
        cluster: What is simulated.
        processes: Cores to use; all of them by default.
        json: Print JSON instead of a table.
    """
    chosen = candidates(policy)
    tasks = _named(load_tasks(curves), task)
    if out is not None:
        _check_writable(out)
    warn_of_cut_curves(tasks)
    with progress("replaying", len(tasks) * seeds) as on_done:
        scores = judge(
            tasks,
            chosen,
            trials=trials,
            seeds=seeds,
            cluster=cluster,
            price_per_hour=price_per_hour,
            processes=cores(processes),
            on_done=on_done,
        )
    if out is not None:
        write_scores(out, scores)
    summaries = summarise(scores)
    if json:
        show_json(summaries)
    else:
        show_table(summary_table(summaries))
        front = ", ".join(each.policy for each in envelope(points(scores)))
        say(f"\nCheapest at their regret, of these policies: {front}")


def _named(tasks: Sequence[TaskCurves], names: Sequence[str]) -> Sequence[TaskCurves]:
    known = {each.task.name for each in tasks}
    for name in names:
        if name not in known:
            raise ValueError(f"no task is called {name!r}; {nearest(name, known)}")
    return [each for each in tasks if not names or each.task.name in names]


def warn_of_cut_curves(tasks: Sequence[TaskCurves]) -> None:
    """Say where trials were let go when they were recorded: the best they could come to is unknown.

    One that broke is left out: it would not have gone on.
    """
    cut = {each.task.name: _cut(each) for each in tasks}
    named = [name for name, count in cut.items() if count]
    if named:
        others = len(named) - 1
        more = f" and {others} more task{'s' * (others > 1)}" * (others > 0)
        warn(
            f"{sum(cut.values())} trials of {named[0]!r}{more} end before max_steps with a finite "
            "value: how they would have gone on is not known. Cost and regret are against what was "
            "recorded, and a trial that a policy promotes past the end of its curve ends there"
        )


def _cut(curves: TaskCurves) -> int:
    short = [at for at, steps in enumerate(curves.lengths) if steps < curves.task.max_t]
    return sum(math.isfinite(curves.values(at)[-1]) for at in short)


def _check_writable(path: Path) -> None:
    """Found out before an hour of replay, not after it."""
    if path.is_dir() or not path.parent.is_dir():
        raise ValueError(f"--out must be a file in a folder that exists, got {str(path)!r}")


def write_scores(path: Path, scores: Sequence[Score]) -> None:
    """One row a stream and policy; an empty field where a number does not exist."""
    names = [each.name for each in dataclasses.fields(Score)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for score in scores:
            writer.writerow(_field(getattr(score, name)) for name in names)


def _field(value: str | float) -> str | float:
    return "" if isinstance(value, float) and math.isnan(value) else value


#: The numbers of a summary and their headings, in the order of the table.
COLUMNS = {
    "cost": "cost",
    "cost_seconds": "time",
    "regret": "regret",
    "over_1_percent": ">1%",
    "regret_95": "95%",
    "test_regret": "test",
    "makespan": "span",
    "worker_use": "use",
    "money": "money",
}
LEGEND = (
    "Shares of full training: cost in steps, time in worker time, span until the sweep is over. "
    "regret: what the best found lacks; >1%: share of streams that lack more than 0.01; 95%: what "
    "all but one in twenty stay within; test: regret on the test metric. use: of the workers' "
    "time. money: of a stream."
)


def summary_table(summaries: Sequence[Summary]) -> Table:
    """A row a policy: means over tasks, and the 90 % intervals of the two that are traded."""
    first = summaries[0]
    table = Table(
        title=f"{first.tasks} task{'s' * (first.tasks > 1)}, {first.streams} streams; "
        "90 % intervals over both",
        title_justify="left",
        caption=LEGEND,
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("policy", overflow="fold", min_width=12, max_width=24)
    known = [
        name
        for name in COLUMNS
        if not all(math.isnan(getattr(each, name).value) for each in summaries)
    ]
    for name in known:
        table.add_column(COLUMNS[name], justify="right", no_wrap=True)
    for each in summaries:
        table.add_row(each.policy, *(_cell(name, getattr(each, name)) for name in known))
    return table


def _cell(name: str, interval: Interval) -> str:
    if name == "money":
        return f"{interval.value:.0f}"
    if name in ("over_1_percent", "makespan", "worker_use"):
        return f"{interval.value:.2f}"
    if name not in ("cost", "regret"):
        return f"{interval.value:.3f}"
    return f"{interval.value:.3f}\n[dim]{_short(interval.low)}-{_short(interval.high)}[/]"


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")
