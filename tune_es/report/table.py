"""All trials as rows of a table, and the reasons of their ends in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tune_es.monitoring.experiment import Experiment, TrialRecord
from tune_es.monitoring.standing import Best, best_of, leader
from tune_es.report.groups import Ended, Group, ends, group_of
from tune_es.report.numbers import column
from tune_es.report.parameters import Parameter, shown_value
from tune_es.report.text import duration, literal, number, share

#: Hyperparameters that have a column of their own.
MOST_COLUMNS = 8


@dataclass(frozen=True)
class Cell:
    """A number in the table: how it is shown, and by what it is sorted."""

    text: str
    order: str


@dataclass(frozen=True)
class Row:
    """A trial.

    Args:
        at: Its position in the experiment, which charts know it by.
        name: What Ray calls it.
        group: How it ended.
        rule: The criterion that spoke, or nothing.
        reason: The sentence, without its numbers.
        evidence: The numbers, each with its name.
        cells: Steps, best value, its step, last value, time; then hyperparameters.
        is_best: True for the best trial.
    """

    at: int
    name: str
    group: Group
    rule: str
    reason: str
    evidence: tuple[tuple[str, str], ...]
    cells: tuple[Cell, ...]
    is_best: bool


def rows(experiment: Experiment, parameters: Sequence[Parameter]) -> list[Row]:
    """Every trial, in the order in which they joined."""
    best = leader(experiment)
    names = [each.name for each in parameters[:MOST_COLUMNS]]
    return [_row(experiment, at, trial, names, best) for at, trial in enumerate(experiment.trials)]


def _row(
    experiment: Experiment, at: int, trial: TrialRecord, names: Sequence[str], best: Best | None
) -> Row:
    reason, evidence = reason_of(trial)
    return Row(
        at=at,
        name=literal(trial.name or trial.trial_id, 90),
        group=group_of(trial),
        rule="" if trial.why is None else literal(trial.why.criterion, 60),
        reason=reason,
        evidence=evidence,
        cells=(*_numbers(experiment, trial), *(_parameter(trial, name) for name in names)),
        is_best=best is not None and trial is best.trial,
    )


def _numbers(experiment: Experiment, trial: TrialRecord) -> list[Cell]:
    values = column(trial, experiment.metric)
    best = best_of(trial, experiment.metric, experiment.mode)
    seconds = math.fsum(each for each in trial.seconds if math.isfinite(each))
    time = seconds if any(math.isfinite(each) for each in trial.seconds) else math.nan
    return [
        _cell(trial.steps[-1] if len(trial.steps) else 0.0),
        _cell(math.nan if best is None else best.value),
        _cell(math.nan if best is None else best.step),
        _cell(float(values[-1]) if len(values) else math.nan),
        Cell(duration(time), _order(time)),
    ]


def _cell(value: float) -> Cell:
    return Cell(number(value), _order(value))


def _order(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _parameter(trial: TrialRecord, name: str) -> Cell:
    if name not in trial.config:
        return Cell("", "")
    value = trial.config[name]
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = shown_value(value)
    return Cell(literal(text, 40), repr(value) if is_number else text)


def reason_of(trial: TrialRecord) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Why a trial ended: a sentence without numbers, and the numbers by name."""
    if trial.why is None:
        return literal(trial.error, 300), ()
    why = trial.why
    evidence = tuple((literal(name, 60), number(value)) for name, value in why.evidence.items())
    sentence = why.sentence or f"{group_of(trial).label}: {why.criterion}"
    if evidence and sentence.endswith(")"):
        sentence = sentence.partition(" (")[0]
    said = literal(sentence, 300)
    return f"{said} at step {number(why.step)}", evidence


@dataclass(frozen=True)
class Bar:
    """Trials that ended the same way."""

    group: Group
    rule: str
    count: int
    share: str
    percent: float
    steps: str


def bars(trials: Sequence[TrialRecord]) -> list[Bar]:
    """How often trials ended by which rule, and after how many steps."""
    found = ends(trials)
    most = max((len(each.trials) for each in found), default=1)
    return [_bar(each, len(trials), most) for each in found]


def _bar(ended: Ended, trials: int, most: int) -> Bar:
    steps = sorted(ended.steps)
    median = number(steps[len(steps) // 2]) if steps else ""
    count = len(ended.trials)
    rule = literal(ended.criterion, 60)
    return Bar(ended.group, rule, count, share(count, trials), 100 * count / most, median)
