"""A curve set as the tables it is on disk: read, and made from one in memory."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tune_es.replay.curve_set import (
    CONFIGS,
    CURVES,
    README,
    RESERVED,
    TASK_COLUMNS,
    TASKS,
    CurveSet,
)
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.format.config_columns import configs_table, joined
from tune_es.replay.format.runs import repeated

#: Columns of names, which Arrow reads as numbers and a list of the names.
NAME_COLUMNS = ("task", "trial_id")


@dataclass(frozen=True, eq=False)
class Sheets:
    """The files of a curve set, nothing in them interpreted.

    Args:
        name: The set.
        header: The columns of ``tasks.csv``.
        tasks: Its rows, as text.
        curves: The table of evaluations.
        configs: The table of hyperparameters.
        readme: The text of the README; None where there is none.
    """

    name: str
    header: Sequence[str]
    tasks: Sequence[Mapping[str, str]]
    curves: Any
    configs: Any
    readme: str | None


def open_parquet(path: Path) -> Any:
    """A Parquet file to be read in small pieces, however large its row groups are.

    Raises:
        ValueError: It is no Parquet file, or only the first part of one.
    """
    try:
        nested = pa.types.is_nested  # such a column has no dictionary, and is refused later
        texts = [each.name for each in pq.read_schema(path) if not nested(each.type)]
        names = [name for name in NAME_COLUMNS if name in texts]
        return pq.ParquetFile(path, read_dictionary=names, buffer_size=1 << 18)
    except pa.ArrowInvalid as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path} is no complete Parquet file: {reason}") from None


def _read_parquet(path: Path) -> Any:
    table = open_parquet(path).read()
    table.validate(full=True)  # a damaged file may read well and name what is not there
    return table


def read_rows(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The header and the rows of a CSV file; cells without a column are left out.

    Raises:
        ValueError: It is not one.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = [{key: value or "" for key, value in row.items() if key} for row in reader]
    except csv.Error as error:
        raise ValueError(f"{path} is no CSV file: {error}") from None
    return list(reader.fieldnames or []), rows


def read_sheets(folder: Path) -> Sheets:
    """The files of a set whose files are all there (a README may be missing).

    Raises:
        ValueError: A file that is no Parquet file.
    """
    readme = folder / README
    return Sheets(
        folder.resolve().name,
        *read_rows(folder / TASKS),
        _read_parquet(folder / CURVES),
        _read_parquet(folder / CONFIGS),
        readme.read_bytes().decode("utf-8") if readme.is_file() else None,
    )


def sheets_of(curve_set: CurveSet) -> Sheets:
    """The tables that a set would be saved as."""
    tasks = sorted(curve_set.tasks, key=lambda each: each.task.name)
    columns = columns_of(tasks)
    rows = [task_row(each, curve_set.notes.get(each.task.name, {})) for each in tasks]
    empty = schema_of(columns, columns).empty_table()
    return Sheets(
        curve_set.name,
        header_of(rows),
        rows,
        pa.concat_tables([curves_table(each, columns) for each in tasks] or [empty]),
        joined([configs_rows(each) for each in tasks]),
        curve_set.readme,
    )


def columns_of(tasks: Iterable[TaskCurves]) -> list[str]:
    """The columns of a set besides its keys: metrics by name, then seconds and order."""
    listed = list(tasks)
    metrics = sorted({name for each in listed for name in each.metrics})
    times = [
        name for name in ("seconds", "order") if any(getattr(e, name) is not None for e in listed)
    ]
    return metrics + times


def column_of(curves: TaskCurves, name: str) -> Floats | None:
    """A metric, the seconds or the order of a task; None where it has none."""
    column = getattr(curves, name) if name in RESERVED else curves.metrics.get(name)
    return column if column is None else np.asarray(column, np.float64)


def schema_of(columns: Iterable[str], double: Iterable[str]) -> Any:
    """The schema of ``curves.parquet`` with these columns, those in ``double`` in full length."""
    keys = [("task", pa.string()), ("trial_id", pa.string()), ("step", pa.int32())]
    wide = set(double)
    floats = [(name, pa.float64() if name in wide else pa.float32()) for name in columns]
    return pa.schema(keys + floats)


def curves_table(curves: TaskCurves, columns: Iterable[str]) -> Any:
    """The rows of one task, its trials sorted by name; a column it does not have is empty."""
    index, lengths, names = rows_by_name(curves)
    first = np.cumsum(lengths) - lengths
    places = np.arange(1, len(index) + 1) - np.repeat(first, lengths)
    table = {
        "task": repeated([curves.task.name], np.array([len(index)])),
        "trial_id": repeated(names, lengths),
        "step": pa.array(places.astype(np.int32)),
    }
    for name in columns:
        column = column_of(curves, name)
        empty = pa.nulls(len(index), pa.float64())
        table[name] = empty if column is None else pa.array(column[index])
    return pa.table(table)


def rows_by_name(curves: TaskCurves) -> tuple[Ints, Ints, list[str]]:
    """Which row goes where when trials are sorted, and the trials' lengths and names."""
    order = sorted(range(len(curves)), key=lambda trial: curves.trial_ids[trial])
    starts = np.asarray(curves.starts, np.int64)
    lengths = np.diff(starts)[order]
    first = np.cumsum(lengths) - lengths
    index = np.arange(int(lengths.sum())) + np.repeat(starts[order] - first, lengths)
    return index, lengths, [curves.trial_ids[trial] for trial in order]


def configs_rows(curves: TaskCurves) -> Any:
    """The hyperparameters of one task's trials, sorted by name."""
    configs = curves.configs or [{}] * len(curves)
    pairs = sorted(zip(curves.trial_ids, configs, strict=True), key=lambda pair: pair[0])
    return configs_table([(curves.task.name, trial, config) for trial, config in pairs])


def task_row(curves: TaskCurves, notes: Mapping[str, str]) -> dict[str, str]:
    """A task's row of ``tasks.csv``."""
    task = curves.task
    values = (task.name, task.metric, task.mode, str(task.max_t))
    return {**dict(zip(TASK_COLUMNS, values, strict=True)), **notes}


def header_of(rows: Iterable[Mapping[str, str]]) -> list[str]:
    """The columns of ``tasks.csv``: those of the format, then the notes in order of appearance."""
    return list(dict.fromkeys([*TASK_COLUMNS, *(name for row in rows for name in row)]))


def metric_names(columns: Iterable[str]) -> list[str]:
    """The columns of a table of curves that may be metrics."""
    return [name for name in columns if name not in RESERVED]
