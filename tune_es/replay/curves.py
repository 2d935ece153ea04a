"""Recorded trials of one task: what every trial reported, evaluation by evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tune_es.checks import check_count, nearest
from tune_es.records import Metric

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: What a validation metric begins with, and what its test counterpart begins with.
VALIDATION, TEST = ("val_", "eval_"), "test_"


@dataclass(frozen=True)
class Task:
    """What was trained and by which number it is judged.

    Args:
        source: The curve set it belongs to.
        name: Its name within the set.
        metric: The objective, a column of the curves.
        mode: ``"min"`` or ``"max"``; never guessed.
        max_t: The budget of a trial in evaluations. Longer curves are cut there, and a shorter
            one is a trial that ended by itself or was let go.
    """

    source: str
    name: str
    metric: str
    mode: str
    max_t: int

    def __post_init__(self) -> None:
        Metric(self.metric, self.mode)
        check_count("Task", "max_t", self.max_t)

    @property
    def sign(self) -> int:
        """What turns a value of the objective into one where higher is better."""
        return Metric(self.metric, self.mode).sign


@dataclass(frozen=True, eq=False)
class TaskCurves:
    """Every recorded trial of one task, its evaluations one after the other.

    Args:
        task: The task.
        trial_ids: One name a trial.
        starts: Trial ``i`` has rows ``starts[i]`` to ``starts[i + 1]``: one more than trials. Row
            ``starts[i] + k`` is its evaluation ``k + 1``.
        metrics: A column per metric, in the user's own sign; NaN where a trial diverged.
        seconds: The duration of every evaluation's training, where recorded.
        order: When each row was judged in the sweep it was recorded from: any growing number.
        configs: The hyperparameters of every trial; empty where unknown.

    Raises:
        ValueError: Columns of different lengths, no column for the objective, an empty trial or
            one twice, negative seconds.
    """

    task: Task
    trial_ids: tuple[str, ...]
    starts: Ints
    metrics: Mapping[str, Floats]
    seconds: Floats | None = None
    order: Floats | None = None
    configs: Sequence[Mapping[str, Any]] = field(default=())

    def __post_init__(self) -> None:
        if self.task.metric not in self.metrics:
            raise ValueError(
                f"task {self.task.name!r} has no column for its objective: "
                f"{nearest(self.task.metric, self.metrics)}"
            )
        rows = int(self.starts[-1]) if len(self.starts) else 0
        columns = {**self.metrics, "seconds": self.seconds, "order": self.order}
        wrong = [name for name, one in columns.items() if one is not None and len(one) != rows]
        if len(self.starts) != len(self.trial_ids) + 1 or self.starts[0] != 0 or wrong:
            raise ValueError(
                f"task {self.task.name!r} has columns that do not fit its {rows} rows: {wrong}"
            )
        empty = np.flatnonzero(np.diff(self.starts) < 1)
        if len(empty):
            raise ValueError(
                f"trial {self.trial_ids[int(empty[0])]!r} of task {self.task.name!r} has no rows"
            )
        self._check_names()

    def _check_names(self) -> None:
        if len(set(self.trial_ids)) < len(self.trial_ids):
            twice = next(name for name in self.trial_ids if self.trial_ids.count(name) > 1)
            raise ValueError(f"task {self.task.name!r} has trial {twice!r} twice")
        if self.configs and len(self.configs) != len(self):
            raise ValueError(
                f"task {self.task.name!r} has {len(self.configs)} configs for {len(self)} trials"
            )
        if self.seconds is not None and (self.seconds < 0).any():
            raise ValueError(f"task {self.task.name!r} has negative seconds")

    def __len__(self) -> int:
        return len(self.trial_ids)

    @cached_property
    def lengths(self) -> Ints:
        """The evaluations of every trial within the budget."""
        return np.minimum(np.diff(self.starts), self.task.max_t)

    def rows(self, trial: int) -> slice:
        """The rows of a trial within the budget."""
        start = int(self.starts[trial])
        return slice(start, start + int(self.lengths[trial]))

    def values(self, trial: int, metric: str | None = None) -> Floats:
        """A metric of a trial within the budget; the objective where none is named."""
        return self.metrics[metric or self.task.metric][self.rows(trial)]

    @cached_property
    def test_metric(self) -> str | None:
        """The objective on the test set: ``test_x`` beside ``val_x`` or ``eval_x``, if recorded."""
        for prefix in VALIDATION:
            name = TEST + self.task.metric.removeprefix(prefix)
            if self.task.metric.startswith(prefix) and name in self.metrics:
                return name if np.isfinite(self.metrics[name]).any() else None
        return None

    def chosen(self, trials: Iterable[int]) -> TaskCurves:
        """Some of the trials, in this order and cut to the budget, with their own columns."""
        picked = [int(trial) for trial in trials]
        spans = [self.rows(trial) for trial in picked]
        at = np.concatenate(
            [np.arange(0), *(np.arange(span.start, span.stop) for span in spans)]
        ).astype(np.int64)
        return TaskCurves(
            task=self.task,
            trial_ids=tuple(self.trial_ids[trial] for trial in picked),
            starts=np.concatenate([[0], np.cumsum(self.lengths[picked])]).astype(np.int64),
            metrics={name: column[at] for name, column in self.metrics.items()},
            seconds=None if self.seconds is None else self.seconds[at],
            order=None if self.order is None else self.order[at],
            configs=[self.configs[trial] for trial in picked] if self.configs else (),
        )


def task_curves(
    values: Sequence[Sequence[float]],
    metric: str,
    mode: str,
    max_t: int | None = None,
    source: str = "made",
    name: str = "task",
    **more: Sequence[Sequence[float]],
) -> TaskCurves:
    """Curves from plain lists, one a trial, for trying things out; further metrics by name.

    ``max_t`` is the longest curve where it is not given. Trials are called "0", "1", ...

    >>> curves = task_curves([[0.9, 0.5], [0.8]], "val_loss", "min", test_loss=[[1, 0.6], [0.9]])
    >>> curves.lengths.tolist(), curves.values(0, "test_loss").tolist(), curves.test_metric
    ([2, 1], [1.0, 0.6], 'test_loss')
    """
    lengths = [len(each) for each in values]
    columns = {metric: values, **more}
    for key, lists in columns.items():
        if [len(each) for each in lists] != lengths:
            raise ValueError(f"metric {key!r} must have the lengths of {metric!r}")
    return TaskCurves(
        task=Task(source, name, metric, mode, max(lengths, default=1) if max_t is None else max_t),
        trial_ids=tuple(str(at) for at in range(len(values))),
        starts=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        metrics={
            key: np.array([number for each in lists for number in each], dtype=float)
            for key, lists in columns.items()
        },
    )
