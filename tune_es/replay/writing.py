"""A curve set written block by block, however many trials it has."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, final

import pyarrow.parquet as pq

from tune_es.checks import nearest
from tune_es.replay.curve_set import (
    CONFIGS,
    CURVES,
    README,
    TASKS,
    check_metric_name,
)
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.format.config_columns import joined
from tune_es.replay.format.sheets import configs_rows, curves_table, header_of, schema_of, task_row

#: What the curves are called until the set is complete.
PARTIAL = CURVES + ".partial"
ROWS_PER_GROUP = 1 << 20


@final
class CurveSetWriter:
    """Writes blocks of whole trials into a new set; complete once the ``with`` block is left.

    Blocks come sorted by task and trial; within a block the trials may be in any order. Blocks of
    some 100,000 rows or more give a file that reads fast. The hyperparameters wait in memory until
    the end. Where the ``with`` block raises, no set is left behind.

    Args:
        folder: Where the set goes; made where it does not exist.
        columns: Metrics, and ``seconds`` and ``order`` where recorded. A block may lack some.
        float32: Those to be stored in 32 bits.
        readme: The text of the README.
        notes: Further columns of ``tasks.csv``, by task.

    Raises:
        FileExistsError: The folder holds a set already.

    >>> import tempfile
    >>> import numpy as np
    >>> from tune_es.replay.curves import Task, TaskCurves
    >>> from tune_es.replay.storage import load_tasks
    >>> task = Task("sweep", "mnist", "val_loss", "min", 2)
    >>> losses = {"val_loss": np.array([0.9, 0.5])}
    >>> block = TaskCurves(task, ("a",), np.array([0, 2]), losses)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with CurveSetWriter(folder, ["val_loss"]) as writer:
    ...         writer.write(block)
    ...     len(load_tasks(folder))
    1
    """

    def __init__(
        self,
        folder: Path | str,
        columns: Sequence[str],
        *,
        float32: Iterable[str] = (),
        readme: str = "",
        notes: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._folder, self._columns = Path(folder), list(columns)
        for name in self._columns:
            if name not in ("seconds", "order"):
                check_metric_name(name, "CurveSetWriter.columns")
        self._schema = schema_of(columns, set(columns) - set(float32))
        self._readme, self._notes = readme, dict(notes or {})
        self._tasks: dict[str, Task] = {}
        self._rows: list[dict[str, str]] = []
        self._configs: list[Any] = []
        self._last = ("", "")
        for name in (CURVES, CONFIGS, TASKS):
            if (self._folder / name).exists():
                raise FileExistsError(f"{self._folder} holds a curve set already: {name} is there")
        self._folder.mkdir(parents=True, exist_ok=True)
        self._file = pq.ParquetWriter(
            self._folder / PARTIAL,
            self._schema,
            compression="zstd",
            use_dictionary=["task", "trial_id", "step"],
        )

    def write(self, block: TaskCurves) -> None:
        """Add whole trials of one task.

        Raises:
            ValueError: Trials that are not after those written before, a column that the writer
                was not told of, or a task that changed on the way.
        """
        self._check(block)
        if not len(block):
            return
        self._last = (block.task.name, max(block.trial_ids))
        if block.task.name not in self._tasks:
            self._tasks[block.task.name] = block.task
            self._rows.append(task_row(block, self._notes.get(block.task.name, {})))
        table = curves_table(block, self._columns).cast(self._schema)
        self._file.write_table(table, row_group_size=ROWS_PER_GROUP)
        self._configs.append(configs_rows(block))

    def _check(self, block: TaskCurves) -> None:
        name = block.task.name
        there = [*block.metrics]
        there += [each for each in ("seconds", "order") if getattr(block, each) is not None]
        for column in there:
            if column not in self._columns:
                hint = nearest(column, self._columns)
                raise ValueError(f"CurveSetWriter.columns has no {column!r} of {name!r}; {hint}")
        if self._tasks.get(name, block.task) != block.task:
            raise ValueError(f"task {name!r} was {self._tasks[name]}, got {block.task}")
        first = (name, min(block.trial_ids, default=""))
        if len(set(block.trial_ids)) < len(block) or (len(block) and first <= self._last):
            raise ValueError(
                f"blocks must be sorted by task and trial, each trial once: got task {name!r}, "
                f"trial {first[1]!r} after task {self._last[0]!r}, trial {self._last[1]!r}"
            )

    def __enter__(self) -> CurveSetWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is not None:
            (self._folder / PARTIAL).unlink()
            return
        pq.write_table(joined(self._configs), self._folder / CONFIGS, compression="zstd")
        self._write_tasks()
        (self._folder / README).write_bytes(self._readme.encode("utf-8"))
        (self._folder / PARTIAL).replace(self._folder / CURVES)

    def _write_tasks(self) -> None:
        # Python before 3.13 does not quote a carriage return by itself, and reads it as a new line.
        bare = any("\r" in text for row in self._rows for pair in row.items() for text in pair)
        quoting: Literal[0, 1] = csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL
        with (self._folder / TASKS).open("w", encoding="utf-8", newline="") as file:
            header = header_of(self._rows)
            lines = csv.DictWriter(file, header, lineterminator="\n", quoting=quoting)
            lines.writeheader()
            lines.writerows(self._rows)
