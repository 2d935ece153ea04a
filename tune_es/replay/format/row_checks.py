"""Checks of a set's rows: one finding a task and rule, with the first trial that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_es.replay.curve_set import CURVES
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.format.findings import ERROR, WARNING, Finding
from tune_es.replay.format.runs import Runs, numbers

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one task, sorted.

    Args:
        task: Its name.
        starts: Where each of its trials begins, and the end of the last.
        trials: The trials' names, as Arrow strings.
        table: Its rows.
        steps: Their steps.
    """

    task: str
    starts: Ints
    trials: Any
    table: Any
    steps: Floats

    def of(self, trial: int) -> str:
        """The name of a trial."""
        name: str = self.trials[trial].as_py()
        return name

    def finding(self, level: str, rule: str, wrong: Flags, value: Callable[[int], str]) -> Finding:
        """A finding about the rows marked as wrong; ``value`` says what the first of them holds."""
        rows = np.flatnonzero(wrong)
        trials = np.unique(np.searchsorted(self.starts, rows, side="right") - 1)
        first = value(int(rows[0]))
        return Finding(
            level, CURVES, rule, first, self.task, self.of(int(trials[0])), trials=len(trials)
        )


def rows_of_task(table: Any, runs: Runs, task: str, first: int, last: int) -> Rows:
    """The rows of the runs from ``first`` to before ``last``, which are those of one task."""
    start, end = int(runs.starts[first]), int(runs.starts[last])
    part = table.slice(start, end - start)
    starts = runs.starts[first : last + 1] - start
    trials = runs.trials.slice(first, last - first)
    return Rows(task, starts, trials, part, numbers(part["step"]))


def check_steps(rows: Rows) -> Iterator[Finding]:
    """A trial's steps are 1, 2, 3, ...: none twice, none left out."""
    steps, is_first = rows.steps, np.zeros(len(rows.steps), bool)
    is_first[rows.starts[:-1]] = True
    rises = np.diff(steps, prepend=np.nan)
    again = (rises == 0) & ~is_first
    late = is_first & (steps != 1)
    gap = (rises > 1) & ~is_first
    if again.any():
        rule = "a step must be there once"
        yield rows.finding(ERROR, rule, again, lambda row: f"step {steps[row]:g} again")
    if late.any():
        rule = "the steps must start at 1"
        yield rows.finding(ERROR, rule, late, lambda row: f"{steps[row]:g}")
    if gap.any():
        rule = "the steps must be 1, 2, 3, ... without a gap"
        yield rows.finding(ERROR, rule, gap, lambda row: f"{steps[row]:g} after {steps[row - 1]:g}")


def check_seconds(rows: Rows) -> Iterator[Finding]:
    """A duration is a number of at least 0; one that is not known among known ones is odd."""
    if "seconds" not in rows.table.column_names:
        return
    seconds = numbers(rows.table["seconds"])
    wrong, unknown = (seconds < 0) | np.isinf(seconds), np.isnan(seconds)
    if wrong.any():
        rule = "seconds must be finite and not below 0"
        yield rows.finding(ERROR, rule, wrong, lambda row: f"{seconds[row]:g}")
    if unknown.any() and not unknown.all():
        rule = "seconds should be known for every step or for none"
        count = f"{int(unknown.sum())} steps without"
        yield rows.finding(WARNING, rule, unknown, lambda _: count)


def check_order(rows: Rows) -> Iterator[Finding]:
    """Where the order of judging is recorded, it is known for every row and grows in a trial."""
    if "order" not in rows.table.column_names:
        return
    order = numbers(rows.table["order"])
    if np.isnan(order).all():
        return
    wrong = ~np.isfinite(order)
    wrong[1:] |= order[1:] <= order[:-1]
    wrong[rows.starts[:-1]] = ~np.isfinite(order[rows.starts[:-1]])
    if wrong.any():
        rule = "order must be known and grow within a trial"
        yield rows.finding(ERROR, rule, wrong, lambda row: f"{order[row]:g}")


def check_objective(rows: Rows, metric: str) -> Iterator[Finding]:
    """What a replay should be told: values that are no numbers, and values that are all alike."""
    values = numbers(rows.table[metric])
    broken = ~np.isfinite(values)
    if broken.any():
        rule = f"{metric} should be finite"
        yield rows.finding(WARNING, rule, broken, lambda row: f"{values[row]:g}")
    finite = values[~broken]
    if len(finite) and (finite == finite[0]).all():
        rule = f"{metric} should tell the trials apart"
        yield Finding(WARNING, CURVES, rule, f"{finite[0]:g} everywhere", rows.task)


def check_lengths(rows: Rows, max_steps: int) -> Iterator[Finding]:
    """What a replay cannot know: how short trials would have gone on; and too few to compare."""
    lengths = np.diff(rows.starts)
    short = np.flatnonzero(lengths < max_steps)
    if len(short):
        rule = f"a trial should reach max_steps {max_steps}: how it would go on is not known"
        value, first = f"{lengths[short[0]]} steps", rows.of(int(short[0]))
        yield Finding(WARNING, CURVES, rule, value, rows.task, first, trials=len(short))
    if len(lengths) < 2:
        rule = "there should be at least 2 trials to compare"
        yield Finding(WARNING, CURVES, rule, f"{len(lengths)}", rows.task)
