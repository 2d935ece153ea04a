"""Curve sets on disk: a folder of `curves.parquet`, `configs.parquet` and `tasks.csv`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tune_es.checks import nearest
from tune_es.replay.curve_set import CURVES, RESERVED, TASK_COLUMNS, TASKS, CurveSet
from tune_es.replay.curves import Floats, Ints, Task, TaskCurves
from tune_es.replay.format.config_columns import configs_of
from tune_es.replay.format.runs import numbers, runs_of, spans
from tune_es.replay.format.sheets import Sheets, column_of, columns_of
from tune_es.replay.format.task_checks import whole_number
from tune_es.replay.validation import check_curve_set, checked_sheets, refuse_errors
from tune_es.replay.writing import CurveSetWriter

PathLike = Path | str


def load_curve_set(folder: PathLike) -> CurveSet:
    """A set from its folder.

    Raises:
        ValueError: The set breaks a rule of the format; in one line, with the place.
    """
    sheets = checked_sheets(Path(folder))
    notes = {
        row["task"]: {key: text for key, text in row.items() if key not in TASK_COLUMNS and text}
        for row in sheets.tasks
    }
    told = {task: each for task, each in notes.items() if each}
    return CurveSet(sheets.name, tuple(_tasks(sheets)), sheets.readme or "", told)


def save_curve_set(curve_set: CurveSet, folder: PathLike) -> None:
    """Write a set into a folder of its own, for :func:`load_curve_set` to give back the same.

    A column is stored in 32 bits where that loses nothing.

    Raises:
        ValueError: The set has an error that :func:`check_curve_set` would name.
        FileExistsError: The folder holds a set already.

    >>> import tempfile
    >>> task, losses = Task("sweep", "mnist", "val_loss", "min", 2), np.array([0.9, 0.5])
    >>> curves = TaskCurves(task, ("a",), np.array([0, 2]), {"val_loss": losses})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_curve_set(CurveSet("sweep", (curves,)), folder)
    ...     load_curve_set(folder).tasks[0].metrics
    {'val_loss': array([0.9, 0.5])}
    """
    refuse_errors(curve_set.name, check_curve_set(curve_set))
    columns = columns_of(curve_set.tasks)
    short = [name for name in columns if all(_fits(each, name) for each in curve_set.tasks)]
    with CurveSetWriter(
        folder, columns, float32=short, readme=curve_set.readme, notes=curve_set.notes
    ) as writer:
        for curves in sorted(curve_set.tasks, key=lambda each: each.task.name):
            writer.write(curves)


def load_tasks(paths: PathLike | Iterable[PathLike]) -> list[TaskCurves]:
    """Every task of one or several folders, each a curve set or a folder of curve sets.

    Raises:
        ValueError: A folder without a set, two sets of one name, or a set with an error.
    """
    folders = find_curve_sets(paths)
    return [curves for folder in folders for curves in load_curve_set(folder).tasks]


def find_curve_sets(paths: PathLike | Iterable[PathLike]) -> list[Path]:
    """The folders of the curve sets in one or several folders, in order.

    Raises:
        ValueError: A folder without a set, or two sets of one name.
    """
    several = [paths] if isinstance(paths, (str, Path)) else paths
    found: dict[str, Path] = {}
    for folder in (each for path in several for each in _sets_in(Path(path))):
        other = found.setdefault(folder.resolve().name, folder)
        if other is not folder:
            raise ValueError(f"two curve sets are called {folder.name!r}: {other} and {folder}")
    return list(found.values())


def _sets_in(path: Path) -> list[Path]:
    if _is_set(path):
        return [path]
    inner = sorted(each for each in path.iterdir() if _is_set(each)) if path.is_dir() else []
    if not inner:
        beside = path.parent.iterdir() if path.parent.is_dir() else ()
        hint = "" if path.is_dir() else f"; {nearest(path.name, (each.name for each in beside))}"
        what = "holds no curve set" if path.is_dir() else "is no folder"
        raise ValueError(f"{path} {what}: a set is a folder with {TASKS} and {CURVES}{hint}")
    return inner


def _is_set(path: Path) -> bool:
    return (path / TASKS).is_file() or (path / CURVES).is_file()


def _tasks(sheets: Sheets) -> Iterable[TaskCurves]:
    runs, configs = runs_of(sheets.curves), configs_of(sheets.configs)
    parts = {task: (first, last) for task, first, last in spans(runs)}
    for row in sheets.tasks:
        task = task_of(sheets.name, row)
        first, last = parts[task.name]
        trial_ids = runs.trials.slice(first, last - first).to_pylist()
        known = [configs.get((task.name, trial), {}) for trial in trial_ids]
        starts = runs.starts[first : last + 1]
        part = sheets.curves.slice(int(starts[0]), int(starts[-1] - starts[0]))
        yield build(task, trial_ids, starts - starts[0], part, known)


def task_of(source: str, row: Mapping[str, str]) -> Task:
    """A task from its row of ``tasks.csv``."""
    name, metric, mode, steps = (row[column] for column in TASK_COLUMNS)
    return Task(source, name, metric, mode, whole_number(steps) or 0)


def build(
    task: Task,
    trial_ids: Iterable[str],
    starts: Ints,
    table: Any,
    configs: list[dict[str, Any]],
) -> TaskCurves:
    """The curves of a task from its rows; columns without any number are left out."""
    columns: dict[str, Floats] = {
        name: numbers(table[name])
        for name in table.column_names
        if name not in ("task", "trial_id", "step")
    }
    known = {name: column for name, column in columns.items() if not np.isnan(column).all()}
    metrics = {name: column for name, column in known.items() if name not in RESERVED}
    times = {name: known.get(name) for name in ("seconds", "order")}
    return TaskCurves(task, tuple(trial_ids), starts, metrics, configs=configs, **times)


def _fits(curves: TaskCurves, name: str) -> bool:
    """Whether a column comes back the same from 32 bits."""
    column = column_of(curves, name)
    if column is None:
        return True
    with np.errstate(over="ignore"):
        short = column.astype(np.float32).astype(np.float64)
    return bool(np.array_equal(column, short, equal_nan=True))
