"""Checks of `tasks.csv`: what every task says of itself, and whether its curves agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tune_es.checks import nearest
from tune_es.records import MODES
from tune_es.replay.curve_set import CURVES, RESERVED, TASK_COLUMNS, TASKS
from tune_es.replay.format.findings import ERROR, Finding

Row = Mapping[str, str]


def check_rows(rows: Sequence[Row]) -> Iterator[Finding]:
    """Every task has one row, with a mode and a budget."""
    for name, times in Counter(row["task"] for row in rows).items():
        if times > 1:
            rule = "a task must have one row"
            yield Finding(ERROR, TASKS, rule, f"{times} of them", task=name)
    for row in rows:
        task, _, mode, steps = (row[name] for name in TASK_COLUMNS)
        if mode not in MODES:
            rule, hint = "the mode must be given and is never guessed", nearest(mode, MODES)
            yield Finding(ERROR, TASKS, rule, repr(mode), task, hint=hint)
        if whole_number(steps) is None:
            rule = "max_steps must be a whole number of at least 1"
            yield Finding(ERROR, TASKS, rule, repr(steps), task)


def check_objectives(
    rows: Sequence[Row], recorded: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    """Tasks and curves belong together, and a task is judged by a metric that it has.

    Args:
        rows: The rows of ``tasks.csv``.
        recorded: For every task with curves, its columns that hold a number somewhere.
    """
    described = {row["task"]: row["metric"] for row in rows}
    for name in sorted(described.keys() - recorded.keys()):
        rule, hint = "a task must have curves", nearest(name, recorded)
        yield Finding(ERROR, CURVES, rule, "none", task=name, hint=hint)
    for name in sorted(recorded.keys() - described.keys()):
        rule, hint = "a task with curves must have a row", nearest(name, described)
        yield Finding(ERROR, TASKS, rule, "none", task=name, hint=hint)
    for task in sorted(described.keys() & recorded.keys()):
        metric = described[task]
        metrics = [name for name in recorded[task] if name not in RESERVED]
        if metric not in metrics:
            rule, hint = "the metric must be a column with numbers", nearest(metric, metrics)
            yield Finding(ERROR, TASKS, rule, repr(metric), task, hint=hint)


def whole_number(text: str) -> int | None:
    """A positive whole number, which a spreadsheet may have written as 51.0; None for all else.

    >>> whole_number("51"), whole_number("51.0"), whole_number("0"), whole_number("5e400")
    (51, 51, None, None)
    """
    try:
        number = float(text)
    except ValueError:
        return None
    return int(number) if number.is_integer() and 1 <= number <= 2**53 else None
