"""A curve set in memory: some tasks, each with its recorded trials, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tune_es.replay.curves import TaskCurves

#: The columns of ``curves.parquet`` that name a row.
KEYS = ("task", "trial_id", "step")
#: Its columns that are no metrics.
RESERVED = (*KEYS, "seconds", "order")
#: The columns of ``tasks.csv`` that have to be there.
TASK_COLUMNS = ("task", "metric", "mode", "max_steps")

CURVES, CONFIGS, TASKS, README = "curves.parquet", "configs.parquet", "tasks.csv", "README.md"


@dataclass(frozen=True, eq=False)
class CurveSet:
    """Recorded tasks from one source.

    Args:
        name: What it is called; of a loaded set, the name of its folder.
        tasks: One entry a task. A saved set comes back with its tasks, and the trials of each,
            sorted by name.
        readme: Where the curves come from, under which licence, and what is odd about them.
        notes: Further columns of ``tasks.csv``, by task: column and what it says.

    Raises:
        ValueError: Two tasks of one name, a metric with the name of a key column, or a note on a
            task that is not in the set.
    """

    name: str
    tasks: tuple[TaskCurves, ...]
    readme: str = ""
    notes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [each.task.name for each in self.tasks]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"CurveSet {self.name!r} has two tasks called {twice[0]!r}")
        for each in self.tasks:
            for metric in each.metrics:
                check_metric_name(metric, f"task {each.task.name!r}")
        for name in self.notes:
            if name not in names:
                raise ValueError(f"CurveSet {self.name!r} has a note on {name!r}, which is no task")


def check_metric_name(name: str, owner: str) -> None:
    """Refuse a metric that would hide a column of the format.

    >>> check_metric_name("step", "trials.csv")
    Traceback (most recent call last):
    ValueError: trials.csv: a metric cannot be called 'step'; taken: order, seconds, step, task, ...
    """
    if name in RESERVED:
        taken = ", ".join(sorted(RESERVED))
        raise ValueError(f"{owner}: a metric cannot be called {name!r}; taken: {taken}")
