"""A curve set too large for memory, as blocks of whole trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tune_es.checks import check_count, nearest
from tune_es.replay.curve_set import CURVES, KEYS, TASK_COLUMNS, TASKS
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.format.findings import ERROR, Finding, refuse_errors
from tune_es.replay.format.row_checks import check_seconds, check_steps, rows_of_task
from tune_es.replay.format.runs import Runs, named, numbers, out_of_order, runs_of, spans
from tune_es.replay.format.sheets import NAME_COLUMNS, metric_names, open_parquet, read_rows
from tune_es.replay.format.table_checks import check_files, missing_columns
from tune_es.replay.format.task_checks import check_rows
from tune_es.replay.storage import task_of


def stream_tasks(
    folder: Path | str,
    rows: int = 1 << 18,
    metrics: Sequence[str] = (),
    seconds: bool = False,
) -> Iterator[TaskCurves]:
    """The tasks of a set, block by block, in the order of the file and in bounded memory.

    A block holds some of a task's trials, each of them whole, and no hyperparameters. Columns that
    are not asked for are not read. What only a look at the whole file can tell (trials that are
    too short, a constant objective) is not told here: ``check_curve_set`` does that.

    Args:
        folder: The folder of the set.
        rows: Rows that are read at a time. A block has at most so many and those of one trial.
        metrics: Columns that a block has beside the objective of its task.
        seconds: Whether to read the durations too, where there are any.

    Raises:
        ValueError: At once where a file, a column or a row of ``tasks.csv`` is wrong; on the way
            where rows are not sorted by task and trial, or steps are not 1, 2, 3, ...

    >>> import tempfile
    >>> from tune_es.replay.storage import save_curve_set
    >>> from tune_es.replay.curve_set import CurveSet
    >>> task, losses = Task("sweep", "mnist", "val_loss", "min", 2), np.array([0.9, 0.5, 0.8, 0.6])
    >>> curves = TaskCurves(task, ("a", "b"), np.array([0, 2, 4]), {"val_loss": losses})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_curve_set(CurveSet("sweep", (curves,)), folder)
    ...     [block.trial_ids for block in stream_tasks(folder, rows=1)]
    [('a',), ('b',)]
    """
    check_count("stream_tasks", "rows", rows)
    tasks = _described(Path(folder))
    stream = _Stream(Path(folder), tasks, tuple(metrics), seconds)
    return stream.blocks(rows)


def _described(folder: Path) -> dict[str, Task]:
    """The tasks of a set by name."""
    name = folder.resolve().name
    refuse_errors(name, check_files(folder))
    header, rows = read_rows(folder / TASKS)
    refuse_errors(name, missing_columns(TASKS, TASK_COLUMNS, header))
    refuse_errors(name, check_rows(rows))
    return {row["task"]: task_of(name, row) for row in rows}


class _Stream:
    """One file that is read from its beginning to its end."""

    def __init__(
        self, folder: Path, tasks: Mapping[str, Task], metrics: tuple[str, ...], seconds: bool
    ) -> None:
        self._name, self._tasks, self._metrics = folder.resolve().name, tasks, metrics
        self._file = open_parquet(folder / CURVES)
        there = self._file.schema_arrow.names
        refuse_errors(self._name, missing_columns(CURVES, KEYS, there))
        wanted = sorted({*metrics, *(task.metric for task in tasks.values())})
        for name in wanted:
            if name not in metric_names(there):
                rule, hint = "a metric must be a column", nearest(name, metric_names(there))
                self._refuse(Finding(ERROR, CURVES, rule, repr(name), hint=hint))
        times = ["seconds"] if seconds and "seconds" in there else []
        self._columns = [*KEYS, *wanted, *times]

    def _refuse(self, *findings: Finding) -> None:
        refuse_errors(self._name, findings)

    def blocks(self, rows: int) -> Iterator[TaskCurves]:
        """The blocks; ends with an error where a task had no rows."""
        last, seen = ("", ""), set()
        for table, runs in self._whole_trials(rows):
            self._check_order(runs, last)
            last = _key(runs, len(runs) - 1)
            for task, first, end in spans(runs):
                seen.add(task)
                yield self._block(table, runs, task, first, end)
        for task in sorted(self._tasks.keys() - seen):
            rule, hint = "a task must have curves", nearest(task, seen)
            self._refuse(Finding(ERROR, CURVES, rule, "none", task, hint=hint))

    def _whole_trials(self, rows: int) -> Iterator[tuple[Any, Runs]]:
        """Tables that end with a trial's last row; what follows it waits for the next one."""
        table = None
        for read in self._tables(rows):
            after = self._with_names(read)
            if table is not None:
                runs = runs_of(table)
                end = len(runs) - 1
                start = int(runs.starts[end])
                if end > 0:
                    tasks, trials = runs.tasks.slice(0, end), runs.trials.slice(0, end)
                    yield table.slice(0, start), Runs(runs.starts[:-1], tasks, trials)
                rest = _with_own_dictionary(table.slice(start))
                after = _with_one_dictionary(pa.concat_tables([rest, after]))
            table = after
        if table is not None and len(table):
            yield table, runs_of(table)

    def _tables(self, rows: int) -> Iterator[Any]:
        """The file in order in tables of at most so many rows; Arrow's batches may be tiny."""
        waiting: list[Any] = []
        found = 0
        for batch in self._batches(rows):
            if waiting and found + len(batch) > rows:
                yield pa.Table.from_batches(waiting)
                waiting, found = [], 0
            waiting.append(batch)
            found += len(batch)
        if waiting:
            yield pa.Table.from_batches(waiting)

    def _batches(self, rows: int) -> Iterator[Any]:
        """The file in order, a few row groups at a time: Arrow frees its buffers in between."""
        about, group = self._file.metadata, 0
        while group < about.num_row_groups:
            groups, found = [], 0
            while group < about.num_row_groups and found < rows:
                groups.append(group)
                found += about.row_group(group).num_rows
                group += 1
            yield from self._file.iter_batches(rows, groups, self._columns, use_threads=False)

    def _with_names(self, table: Any) -> Any:
        for key in KEYS:
            if table[key].null_count:
                rule = f"{key} must be given in every row"
                self._refuse(Finding(ERROR, CURVES, rule, f"{table[key].null_count} rows without"))
        return _with_one_dictionary(table)

    def _check_order(self, runs: Runs, last: tuple[str, str]) -> None:
        wrong = 0 if _key(runs, 0) <= last else out_of_order(runs)
        if wrong is not None:
            before = last if wrong == 0 else _key(runs, wrong - 1)
            rule = (
                "rows must be sorted by task and trial to be streamed; load and save the set once"
            )
            value = f"it after task {before[0]!r}, trial {before[1]!r}"
            self._refuse(Finding(ERROR, CURVES, rule, value, *_key(runs, wrong), trials=1))

    def _block(self, table: Any, runs: Runs, task: str, first: int, end: int) -> TaskCurves:
        if task not in self._tasks:
            rule, hint = "a task with curves must have a row", nearest(task, self._tasks)
            self._refuse(Finding(ERROR, TASKS, rule, "none", task, hint=hint))
        rows = rows_of_task(table, runs, task, first, end)
        self._refuse(*check_steps(rows), *check_seconds(rows))
        about, part = self._tasks[task], rows.table
        return TaskCurves(
            about,
            tuple(rows.trials.to_pylist()),
            rows.starts,
            {name: numbers(part[name]) for name in dict.fromkeys([about.metric, *self._metrics])},
            _known(numbers(part["seconds"])) if "seconds" in part.column_names else None,
        )


def _key(runs: Runs, run: int) -> tuple[str, str]:
    return runs.tasks[run].as_py(), runs.trials[run].as_py()


def _known(seconds: Any) -> Any:
    return None if np.isnan(seconds).all() else seconds


def _with_one_dictionary(table: Any) -> Any:
    for name in NAME_COLUMNS:
        table = table.set_column(table.schema.get_field_index(name), name, named(table[name]))
    return table


def _with_own_dictionary(table: Any) -> Any:
    """With the names of its own rows only, or the list of names would grow with the file."""
    for name in NAME_COLUMNS:
        short = named(table[name]).dictionary_decode().dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, short)
    return table
