"""Whether a curve set keeps the rules of the format, and what a replay of it cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tune_es.replay.curve_set import CURVES, CurveSet
from tune_es.replay.format.findings import ERROR, WARNING, Finding, errors_among, refuse_errors
from tune_es.replay.format.row_checks import (
    Rows,
    check_lengths,
    check_objective,
    check_order,
    check_seconds,
    check_steps,
    rows_of_task,
)
from tune_es.replay.format.runs import Runs, is_sorted, put_in_order, runs_of, spans
from tune_es.replay.format.sheets import Sheets, read_sheets, sheets_of
from tune_es.replay.format.table_checks import (
    check_columns,
    check_configs,
    check_files,
    recorded_columns,
    steps_are_whole,
)
from tune_es.replay.format.task_checks import check_objectives, check_rows, whole_number

__all__ = ["Finding", "check_curve_set", "checked_sheets", "errors_among", "refuse_errors"]


def check_curve_set(curve_set: CurveSet | Path | str) -> list[Finding]:
    """Every rule that a set breaks, in memory or in a folder; the whole set is read.

    Errors keep it from being loaded. Warnings do not: trials that broke, or ended before
    ``max_steps``, are recorded as they were. A finding names the first trial concerned.

    >>> import numpy as np
    >>> from tune_es.replay.curves import Task, TaskCurves
    >>> task = Task("sweep", "mnist", "val_loss", "min", 3)
    >>> losses = {"val_loss": np.array([0.9, 0.5, 0.8, 0.7, 0.6])}
    >>> curves = TaskCurves(task, ("a", "b"), np.array([0, 2, 5]), losses)
    >>> for finding in check_curve_set(CurveSet("sweep", (curves,))):
    ...     print(finding.level, finding)
    warning curves.parquet: task 'mnist', trial 'a': a trial should reach max_steps 3: how it
    would go on is not known, got 2 steps
    """
    if isinstance(curve_set, CurveSet):
        return check_sheets(sheets_of(curve_set))[1]
    return _check_folder(Path(curve_set))[1]


def checked_sheets(folder: Path) -> Sheets:
    """The files of a set that has no errors, its rows in order.

    Raises:
        ValueError: It has one: which file, task, trial and rule, and the nearest valid choice.
    """
    sheets, findings = _check_folder(folder)
    refuse_errors(folder.resolve().name, findings)
    if sheets is None:
        raise ValueError(f"{folder} holds no curve set")
    return sheets


def _check_folder(folder: Path) -> tuple[Sheets | None, list[Finding]]:
    findings = list(check_files(folder))
    if errors_among(findings):
        return None, findings
    try:
        sheets = read_sheets(folder)
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())
        return None, [*findings, Finding(ERROR, folder.name, "the files must be readable", reason)]
    sheets, found = check_sheets(sheets)
    return sheets, findings + found


def check_sheets(sheets: Sheets) -> tuple[Sheets, list[Finding]]:
    """The same files with their rows in order, and the rules they break."""
    findings = list(check_columns(sheets))
    if not errors_among(findings):
        findings += steps_are_whole(sheets.curves)
    if errors_among(findings):
        return sheets, findings
    table, runs = sheets.curves, runs_of(sheets.curves)
    if not is_sorted(table, runs):
        rule = "the rows should be sorted by task, trial and step, or the set cannot be streamed"
        findings.append(Finding(WARNING, CURVES, rule, "rows out of order"))
        table = put_in_order(table)
        runs = runs_of(table)
    ordered = Sheets(sheets.name, sheets.header, sheets.tasks, table, sheets.configs, sheets.readme)
    return ordered, findings + list(_check_content(ordered, runs))


def _check_content(sheets: Sheets, runs: Runs) -> Iterator[Finding]:
    parts = list(spans(runs))
    recorded = {
        task: recorded_columns(sheets.curves, int(runs.starts[first]), int(runs.starts[last]))
        for task, first, last in parts
    }
    trials = {
        task: set(runs.trials.slice(first, last - first).to_pylist()) for task, first, last in parts
    }
    yield from check_rows(sheets.tasks)
    yield from check_objectives(sheets.tasks, recorded)
    yield from check_configs(sheets, trials)
    described = {row["task"]: row for row in sheets.tasks}
    for task, first, last in parts:
        rows = rows_of_task(sheets.curves, runs, task, first, last)
        yield from check_steps(rows)
        yield from check_seconds(rows)
        yield from check_order(rows)
        yield from _check_against(rows, described.get(task, {}), recorded[task])


def _check_against(rows: Rows, row: Any, recorded: list[str]) -> Iterator[Finding]:
    """What depends on the task's row of tasks.csv, where that row is as it should be."""
    if (metric := row.get("metric")) in recorded:
        yield from check_objective(rows, metric)
    if (max_steps := whole_number(row.get("max_steps", ""))) is not None:
        yield from check_lengths(rows, max_steps)
