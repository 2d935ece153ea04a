"""``tune-es watch``: a sweep in the terminal while it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from tune_es.cli.output import Flag
from tune_es.monitoring import Experiment, Status, TrialRecord, best_of, read_experiment
from tune_es.monitoring.events import EventReader, has_events
from tune_es.monitoring.story import Story
from tune_es.monitoring.summary import CALLED, duration, printable, summary_lines

#: After so many seconds without a word a sweep that is not over is said to be silent.
SILENT_S = 120.0
LEAST_ROWS = 5
STYLES = {
    Status.RUNNING: "green",
    Status.PAUSED: "cyan",
    Status.STOPPED: "yellow",
    Status.FINISHED: "bold",
    Status.FAILED: "red",
    Status.PENDING: "dim",
}
#: What the other columns take of the width, and what the reason needs at least.
TAKEN, LEAST_ROOM = 76, 16
#: Of the columns between a trial's name and the reason: they are shown however narrow it gets.
WIDTHS = (8, 7, 9, 12, 4)


def watch(
    experiment_dir: Path,
    *,
    metric: str | None = None,
    mode: str | None = None,
    every_s: float = 1.0,
    once: Flag = False,
) -> None:
    """Show a sweep while it runs: trials, what was saved, why each stopped.

    It ends with the sweep, or with Ctrl-C, which leaves the sweep alone. Where the output is no
    terminal it is shown once.

    Args:
        experiment_dir: The folder of the experiment. One that is about to be made is waited for.
        metric: What to judge trials by; the policy's by default.
        mode: min or max, of --metric.
        every_s: Seconds between two looks.
        once: Look once.
    """
    if every_s <= 0:
        raise ValueError(f"--every-s must be above 0, got {every_s}")
    console = Console()
    if once or not console.is_terminal:
        console.print(screen(read_experiment(experiment_dir, metric, mode), None, console.width))
        return
    with Live(
        Text(f"waiting for {experiment_dir} ..."), console=console, auto_refresh=False
    ) as live:
        for experiment in _looks(experiment_dir, metric, mode, every_s):
            rows = max(LEAST_ROWS, console.height - 12)
            live.update(screen(experiment, rows, console.width), refresh=True)
            if experiment.is_over:
                return


def _looks(
    folder: Path, metric: str | None, mode: str | None, every_s: float
) -> Iterator[Experiment]:
    """The sweep again and again; of its event log only what is new is read."""
    story, reader = Story(folder), EventReader(folder)
    while not has_events(folder):
        if folder.is_dir() and any(folder.glob("*/result.json")):
            yield read_experiment(folder, metric, mode)
        time.sleep(every_s)
    while True:
        for event in reader.new():
            story.take(event)
        yield story.experiment(metric, mode)
        time.sleep(every_s)


def screen(
    experiment: Experiment, rows: int | None, width: int, now: float | None = None
) -> RenderableType:
    """What is shown of a sweep, with so many trials at most: those that run, then the latest."""
    facts = Table.grid(padding=(0, 2))
    for name, text in summary_lines(experiment):
        facts.add_row(Text(name, style="dim"), Text(text))
    shown, more = _chosen(experiment, rows)
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("trial", no_wrap=True, max_width=24)
    for heading, least in zip(
        ("stands", "step", experiment.metric, "best", "left"), WIDTHS, strict=True
    ):
        justify: JustifyMethod = "left" if heading == "stands" else "right"
        table.add_column(escape(printable(heading)), justify=justify, no_wrap=True, min_width=least)
    room = width - TAKEN
    if room >= LEAST_ROOM:
        table.add_column("why", no_wrap=True, width=room, overflow="ellipsis")
    for trial in shown:
        row = _row(trial, experiment)
        table.add_row(*row[: len(table.columns)])
    rest = [Text(f"and {more} more", style="dim")] if more else []
    return Group(_title(experiment, time.time() if now is None else now), facts, table, *rest)


def _title(experiment: Experiment, now: float) -> Text:
    title = Text(printable(experiment.name), style="bold")
    started, latest = experiment.started, experiment.latest
    if experiment.is_over:
        state = "over"
    elif latest is not None and now - latest > SILENT_S:
        state = f"silent for {duration(now - latest)}: killed, or its folder is not written to"
    else:
        state = "running"
    if started is not None and latest is not None:
        state += (
            f", {duration(latest - started)} so far"
            if not experiment.is_over
            else (f" after {duration(latest - started)}")
        )
    return title.append(f"  {state}", style="not bold")


def _chosen(experiment: Experiment, rows: int | None) -> tuple[list[TrialRecord], int]:
    def rank(trial: TrialRecord) -> tuple[int, float]:
        heard = trial.times[-1] if trial.times and math.isfinite(trial.times[-1]) else -math.inf
        return (0 if trial.status is Status.RUNNING else 1, -heard)

    known = [each for each in experiment.trials if each.status is not Status.PENDING]
    if rows is None:
        return known, 0
    chosen = sorted(known, key=rank)[:rows]
    return chosen, len(known) - len(chosen)


def _row(trial: TrialRecord, experiment: Experiment) -> list[Text]:
    values = trial.values.get(experiment.metric, ())
    best = best_of(trial, experiment.metric, experiment.mode)
    of = "" if experiment.max_t is None else f"/{experiment.max_t:g}"
    left, stands, why = trial.patience_left, trial.status.value, trial.error
    if trial.status is Status.STOPPED and trial.why is not None:
        stands, why = CALLED.get(trial.why.cause, stands), trial.why.sentence
    return [
        Text(printable(trial.name)),
        Text(stands, style=STYLES[trial.status]),
        Text(f"{trial.steps[-1]:g}{of}" if trial.steps else ""),
        Text(f"{values[-1]:.4g}" if values else ""),
        Text("" if best is None else f"{best.value:.4g} @{best.step:g}"),
        Text("" if left is None else f"{left:g}"),
        Text(printable(why)),
    ]
