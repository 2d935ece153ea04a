"""``tune-es explain``: why trials stopped, and whether that was right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from tune_es.cli.output import Flag, say, show_json, show_table
from tune_es.cli.replay import Many, warn_of_cut_curves
from tune_es.monitoring import Experiment, read_experiment
from tune_es.monitoring.summary import printable, summary_lines
from tune_es.replay.policies import FULL
from tune_es.replay.storage import load_tasks
from tune_es.report.explain import (
    OTHERS,
    Calibration,
    Elsewhere,
    Explainer,
    Explanation,
    find_trial,
    headline,
    measured,
    other_policies,
    paragraphs,
    short,
)
from tune_es.report.explain.evidence import number
from tune_es.report.explain.words import called, percent

#: The table of all trials, and how wide its columns are at least; the reason takes what is left.
COLUMNS = {"#": 3, "trial": 11, "step": 7, "best": 7, "rank": 6, "trend": 9, "why": 12, "right?": 9}


def explain(
    experiment_dir: Path,
    *,
    trial: str | None = None,
    curves: Annotated[tuple[Path, ...], Many] = (),
    under: Annotated[tuple[str, ...], Many] = OTHERS,
    metric: str | None = None,
    mode: str | None = None,
    price_per_hour: float | None = None,
    json: Flag = False,
) -> None:
    """Say why trials stopped, with the evidence, and how often such stops are right.

    That share is counted on recorded full curves: on those given with --curves under the policy of
    this sweep, else on public ones for the rule that spoke. Where neither has seen such stops, it
    says that it is not known.

    Args:
        experiment_dir: The folder of the experiment.
        trial: One trial, by its id, its name, its number, or the beginning of its id or name. All
            of them in short by default.
        curves: Folders of curve sets, full curves of your own, to count right stops on.
        under: Policies to look at the trials under: names, YAML files, or YAML texts.
        metric: What to judge trials by; the policy's by default.
        mode: min or max, of --metric.
        price_per_hour: Money for an hour of a worker.
        json: Print JSON instead of words.
    """
    experiment = read_experiment(experiment_dir, metric, mode)
    chosen = None if trial is None else find_trial(experiment, trial)
    counts = _measured(experiment, curves)
    explainer = Explainer(experiment, counts, other_policies(experiment, under), price_per_hour)
    if json:
        some = explainer.all(True) if chosen is None else [explainer.explain(chosen)]
        plain = [_plain(one, experiment) for one in some]
        show_json(plain if chosen is None else plain[0])
    elif chosen is None:
        _show_all(explainer)
    else:
        _show(explainer.explain(chosen), experiment)


def _measured(experiment: Experiment, curves: Sequence[Path]) -> Calibration | None:
    if not curves:
        return None
    if experiment.policy is None:
        raise ValueError("--curves needs the policy of the sweep, and this one left none")
    tasks = load_tasks(curves)
    warn_of_cut_curves(tasks)
    source = "the curves given with --curves"
    return measured(experiment.policy, tasks, len(experiment.trials), source)


def _plain(one: Explanation, experiment: Experiment) -> dict[str, Any]:
    words = dict(paragraphs(one, experiment))
    return {**asdict(one), "status": one.status.value, "words": words}


def _show_all(explainer: Explainer) -> None:
    experiment = explainer.experiment
    for name, text in summary_lines(experiment):
        say(f"{name:<8} {text}")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    room = Console().width - sum(COLUMNS.values()) + COLUMNS["why"] - 2 * len(COLUMNS)
    for heading, least in COLUMNS.items():
        width = max(least, room) if heading == "why" else None
        justify: JustifyMethod = "left" if heading in ("trial", "trend", "why") else "right"
        most = 11 if heading == "trial" else None
        table.add_column(
            heading, justify=justify, no_wrap=True, min_width=least, width=width, max_width=most
        )
    for one in explainer.all():
        table.add_row(*(Text(printable(text)) for text in _row(one)))
    show_table(table)
    say("right?: how often such stops are right; --trial says where that comes from.")


def _row(one: Explanation) -> list[str]:
    standing, sure = one.standing, one.confidence
    of = "" if one.max_t is None else f"/{number(one.max_t)}"
    return [
        str(one.number),
        one.trial_id,
        "" if one.step is None else f"{number(one.step)}{of}",
        number(one.best),
        "" if standing is None else f"{standing.rank}/{standing.trials}",
        "" if one.trend is None else one.trend.word,
        short(one),
        "" if sure is None else percent(sure.share) if sure.is_known else "not known",
    ]


def _show(one: Explanation, experiment: Experiment) -> None:
    console = Console()
    console.print(Text(printable(headline(one)), style="bold"))
    if one.name != one.trial_id:
        console.print(Text(printable(one.name), style="dim"))
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True, style="dim")
    grid.add_column()
    for heading, text in paragraphs(one, experiment):
        grid.add_row(heading, Text(printable(text)))
    console.print(grid)
    console.print(_under(one, experiment))


def _under(one: Explanation, experiment: Experiment) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("under", overflow="ellipsis", max_width=24)
    table.add_column("it would have stopped")
    table.add_column(Text(f"best {printable(experiment.metric)} by then"), justify="right")
    for each in one.elsewhere:
        cells = (each.policy, _when(each, one), number(each.best))
        table.add_row(*(Text(printable(text)) for text in cells))
    return table


def _when(each: Elsewhere, one: Explanation) -> str:
    if each.step is not None:
        return f"at step {number(each.step)}, {called(each.cause)}"
    if each.policy == FULL:
        return "not at all" if one.max_t is None else f"not at all: it runs to {number(one.max_t)}"
    if one.step is None:
        return "not known: there is no result"
    if each.is_open:
        return f"not before step {number(one.step)}, where the record ends"
    return "not at all: it would have used its budget"
