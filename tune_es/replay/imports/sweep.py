"""A sweep as an import finds it, and the curve set that is made of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tune_es.checks import check_count, nearest
from tune_es.replay.curve_set import RESERVED, CurveSet, check_metric_name
from tune_es.replay.curves import Floats, Task, TaskCurves


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of a trial.

    Args:
        at: Where in the training it was; only what comes before what matters.
        values: Its metrics, in the user's own sign.
        seconds: How long the training took since the evaluation before; NaN where unknown.
        order: When it was judged in the sweep; NaN where unknown.
    """

    at: float
    values: Mapping[str, float]
    seconds: float = math.nan
    order: float = math.nan


Trials = Mapping[str, Sequence[Evaluation]]


@dataclass(frozen=True)
class Sweep:
    """Everything an import knows.

    Args:
        source: What it was imported from, for the README.
        name: The name of the set.
        task: The name of its task.
        metric: The objective.
        mode: ``"min"`` or ``"max"``.
        trials: The evaluations of every trial, in the order they happened; empty trials are
            left out.
        configs: The hyperparameters of every trial.
        max_t: The budget of a trial in evaluations; None: the length of the longest.
        notes: What the README should say besides.
    """

    source: str
    name: str
    task: str
    metric: str
    mode: str
    trials: Trials
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    max_t: int | None = None
    notes: Sequence[str] = ()

    def curve_set(self) -> CurveSet:
        """The set; its only task has the trials sorted by name, their evaluations from 1.

        Raises:
            ValueError: No trial has an evaluation, or the metric is not among what was reported.
        """
        check_metric_name(self.metric, self.name)
        trials = {name: rows for name, rows in sorted(self.trials.items()) if rows}
        names = sorted({name for rows in trials.values() for row in rows for name in row.values})
        if self.metric not in names:
            raise ValueError(
                f"{self.name}: no trial reported {self.metric!r}; "
                f"{nearest(self.metric, (name for name in names if name not in RESERVED))}"
            )
        rows = [row for each in trials.values() for row in each]
        lengths = [len(each) for each in trials.values()]
        columns = {name: _column(rows, name) for name in names if name not in RESERVED}
        curves = TaskCurves(
            Task(self.name, self.task, self.metric, self.mode, self.max_t or max(lengths)),
            tuple(trials),
            np.cumsum([0, *lengths]).astype(np.int64),
            {name: one for name, one in columns.items() if _told(one) or name == self.metric},
            _recorded([row.seconds for row in rows]),
            _recorded([row.order for row in rows]),
            [self.configs.get(name, {}) for name in trials],
        )
        return CurveSet(self.name, (curves,), self._readme(curves, names))

    def _readme(self, curves: TaskCurves, names: Iterable[str]) -> str:
        task = curves.task
        longest = "" if self.max_t else ", the length of the longest trial"
        hidden = [f"`{name}` is a column of the format" for name in names if name in RESERVED]
        notes = [*self.notes, *(f"{why}, and was not taken over as a metric" for why in hidden)]
        text = (
            f"# {self.name}\n\n"
            f"Imported from {self.source}: {len(curves)} trials, {curves.starts[-1]} evaluations, "
            f"judged by `{task.metric}` ({task.mode}). `max_steps` is {task.max_t}{longest}.\n"
        )
        return text + "\n" * bool(notes) + "".join(f"- {note}\n" for note in notes)


def _column(rows: Sequence[Evaluation], name: str) -> Floats:
    return np.array([row.values.get(name, math.nan) for row in rows], np.float64)


def _recorded(values: Sequence[float]) -> Floats | None:
    """The values as a column; None where not one is known."""
    column = np.array(values, np.float64)
    return column if _told(column) else None


def _told(column: Floats) -> bool:
    return not np.isnan(column).all()


def check_budget(owner: str, max_t: object) -> None:
    """Refuse a budget that is given and is no whole number of evaluations."""
    if max_t is not None:
        check_count(owner, "max_t", max_t)


def last_life(rows: Iterable[Evaluation]) -> tuple[list[Evaluation], int]:
    """The evaluations that count, and how many were run again.

    After a restore or a retry a trial reports steps a second time. From where it goes back its
    earlier evaluations never happened, as for the referee.

    >>> again = [Evaluation(at, {}) for at in (5, 6, 7, 6, 7, 8)]
    >>> rows, lost = last_life(again)
    >>> [row.at for row in rows], lost
    ([5, 6, 7, 8], 2)
    """
    kept: list[Evaluation] = []
    lost = 0
    for row in rows:
        while kept and kept[-1].at >= row.at:
            kept.pop()
            lost += 1
        kept.append(row)
    return kept, lost
