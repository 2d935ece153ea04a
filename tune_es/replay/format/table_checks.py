"""Checks of a curve set's files, columns and hyperparameters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tune_es.checks import nearest
from tune_es.replay.curve_set import (
    CONFIGS,
    CURVES,
    KEYS,
    README,
    TASK_COLUMNS,
    TASKS,
)
from tune_es.replay.format.findings import ERROR, WARNING, Finding
from tune_es.replay.format.runs import numbers
from tune_es.replay.format.sheets import NAME_COLUMNS, Sheets

NEEDED_FILES = (CURVES, CONFIGS, TASKS)


def check_files(folder: Path) -> Iterator[Finding]:
    """The three files are there; a README should be."""
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    for name in NEEDED_FILES:
        if name not in there:
            yield Finding(ERROR, name, "the file must be there", "none", hint=nearest(name, there))
    if README not in there:
        yield Finding(WARNING, README, "should say where the curves come from", "no such file")


def check_columns(sheets: Sheets) -> Iterator[Finding]:
    """The key columns are there and filled, and every other column of the curves is numbers."""
    yield from missing_columns(CURVES, KEYS, sheets.curves.column_names)
    yield from missing_columns(CONFIGS, NAME_COLUMNS, sheets.configs.column_names)
    yield from missing_columns(TASKS, TASK_COLUMNS, sheets.header)
    for file, table, keys in (
        (CURVES, sheets.curves, KEYS),
        (CONFIGS, sheets.configs, NAME_COLUMNS),
    ):
        yield from _twice(file, table.column_names)
        for field, column in zip(table.schema, table.columns, strict=True):
            if field.name in keys and column.null_count:
                rule = f"{field.name} must be given in every row"
                yield Finding(ERROR, file, rule, f"{column.null_count} rows without")
            if field.name in NAME_COLUMNS and pa.types.is_nested(field.type):
                rule = f"column {field.name!r} must hold names"
                yield Finding(ERROR, file, rule, str(field.type))
    for field in sheets.curves.schema:
        if field.name not in NAME_COLUMNS and not is_numeric(field.type):
            rule = f"column {field.name!r} must hold numbers"
            yield Finding(ERROR, CURVES, rule, str(field.type))


def is_numeric(kind: Any) -> bool:
    """Whether a column of this Arrow type can be read as numbers."""
    plain = (pa.types.is_floating, pa.types.is_integer, pa.types.is_boolean, pa.types.is_null)
    return any(check(kind) for check in plain)


def missing_columns(file: str, needed: Sequence[str], there: Sequence[str]) -> Iterator[Finding]:
    """The columns that have to be there and are not."""
    for name in needed:
        if name not in there:
            rule = f"there must be a column {name!r}"
            yield Finding(ERROR, file, rule, "none", hint=nearest(name, there))


def _twice(file: str, names: Sequence[str]) -> Iterator[Finding]:
    for name, times in Counter(names).items():
        if times > 1:
            yield Finding(ERROR, file, f"column {name!r} must be there once", f"{times} of them")


def check_configs(sheets: Sheets, trials: Mapping[str, set[str]]) -> Iterator[Finding]:
    """No trial has two rows of hyperparameters; one without curves is odd."""
    tasks, names = (sheets.configs[key].cast(pa.string()).to_pylist() for key in NAME_COLUMNS)
    keys = list(zip(tasks, names, strict=True))
    for (task, trial), times in Counter(keys).items():
        if times > 1:
            rule = "a trial must have one row"
            yield Finding(ERROR, CONFIGS, rule, f"{times} of them", task, trial, trials=1)
    alone: dict[str, list[str]] = {}
    for task, trial in keys:
        if trial not in trials.get(task, ()):
            alone.setdefault(task, []).append(trial)
    for task, found in alone.items():
        rule, count = "a trial with hyperparameters should have curves", len(found)
        yield Finding(WARNING, CONFIGS, rule, "none", task, found[0], trials=count)


def recorded_columns(table: Any, first: int, last: int) -> list[str]:
    """The columns of some rows that hold a number somewhere; keys left out."""
    rows = table.slice(first, last - first)
    return [name for name in table.column_names if name not in KEYS and has_number(rows[name])]


def has_number(column: Any) -> bool:
    """Whether a column holds anything but gaps and NaN."""
    return not np.isnan(numbers(column)).all()


def steps_are_whole(table: Any) -> Iterator[Finding]:
    """Steps are whole numbers."""
    steps = numbers(table["step"])
    wrong = np.flatnonzero(steps != np.floor(steps))
    if len(wrong):
        row = int(wrong[0])
        task, trial = (
            pc.cast(table[key].slice(row, 1), pa.string())[0].as_py() for key in NAME_COLUMNS
        )
        yield Finding(
            ERROR, CURVES, "a step must be a whole number", f"{steps[row]:g}", task, trial
        )
