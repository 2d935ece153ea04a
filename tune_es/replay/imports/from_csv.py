"""A table of evaluations as a curve set."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tune_es.checks import nearest
from tune_es.records import Metric
from tune_es.replay.curve_set import CurveSet, check_metric_name
from tune_es.replay.imports.sweep import Evaluation, Sweep, check_budget

Cells = Mapping[str, str]

#: What the cells are called that no name stands above.
EXTRA = "\0"


def from_csv(
    path: Path | str,
    metric: str,
    mode: str,
    trial_id: str = "trial_id",
    step: str = "step",
    *,
    metrics: Sequence[str] | None = None,
    hyperparameters: Sequence[str] = (),
    seconds: str | None = None,
    task: str | None = None,
    max_t: int | None = None,
) -> CurveSet:
    r"""A CSV file with one evaluation a row, in any order.

    A trial's evaluations are numbered 1, 2, ... by growing step. An empty cell is a value that was
    not reported, and a row without the objective is no evaluation; ``nan`` is a value that broke.

    Args:
        path: The file; its first line names the columns.
        metric: The column of the objective.
        mode: ``"min"`` or ``"max"``.
        trial_id: The column that names the trial.
        step: The column that says where in the training a row is: a number.
        metrics: The other columns of numbers to keep; every column left where none are named.
        hyperparameters: Columns that say the same in every row of a trial.
        seconds: The column with the duration of each evaluation's training.
        task: The name of the task; the file's name where none is given.
        max_t: The budget of a trial in evaluations; the longest trial where none is given.

    Raises:
        ValueError: A column that is not there, a cell that is no number, a step that a trial has
            twice, or a hyperparameter that changes within a trial; with the line of the file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "runs.csv")
    ...     _ = path.write_text("run,epoch,val_loss,lr\na,2,0.5,0.1\na,1,0.9,0.1\n")
    ...     curve_set = from_csv(path, "val_loss", "min", "run", "epoch", hyperparameters=["lr"])
    >>> curve_set.tasks[0].values(0), curve_set.tasks[0].configs
    (array([0.9, 0.5]), [{'lr': 0.1}])
    """
    Metric(metric, mode)
    check_budget("from_csv", max_t)
    file = Path(path)
    header, rows = _read(file)
    mapped = [trial_id, step, metric, *hyperparameters, *([seconds] if seconds else [])]
    for column in [*mapped, *(metrics or ())]:
        if column not in header:
            raise ValueError(f"{file.name} has no column {column!r}; {nearest(column, header)}")
    others = (
        [name for name in header if name and name not in mapped] if metrics is None else metrics
    )
    kept = [metric, *others]
    for name in kept:
        check_metric_name(name, file.name)
    told = [row for row in rows if row.cells[metric].strip()]
    trials: dict[str, list[tuple[_Row, Evaluation]]] = {}
    for row in told:
        evaluation = row.evaluation(step, kept, seconds)
        trials.setdefault(row.cells[trial_id], []).append((row, evaluation))
    left_out = len(rows) - len(told)
    return Sweep(
        "a CSV file",
        file.stem,
        task or file.stem,
        metric,
        mode,
        {name: _in_order(name, each) for name, each in trials.items()},
        {name: _constant(name, each, hyperparameters) for name, each in trials.items()},
        max_t,
        [f"{left_out} rows without {metric} are left out"] * (left_out > 0),
    ).curve_set()


def _read(file: Path) -> tuple[list[str], list[_Row]]:
    """The header and the lines after it."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines, restkey=EXTRA, restval="")
        rows = [_Row(file.name, reader.line_num, cells) for cells in reader]
    for row in rows:
        if EXTRA in row.cells:
            raise ValueError(f"{file.name} line {row.line}: more cells than the first line has")
    return list(reader.fieldnames or []), rows


@dataclass(frozen=True)
class _Row:
    """A line of the file."""

    file: str
    line: int
    cells: Cells

    def number(self, column: str) -> float:
        """The number in a cell."""
        try:
            return float(self.cells[column])
        except ValueError:
            found = self.cells[column]
            raise ValueError(
                f"{self.file} line {self.line}: {column} must be a number, got {found!r}; name "
                f"the columns to keep in metrics=, and those of words in hyperparameters="
            ) from None

    def evaluation(self, step: str, kept: Sequence[str], seconds: str | None) -> Evaluation:
        """What the line says of its trial."""
        at = self.number(step)
        if not math.isfinite(at):
            raise ValueError(f"{self.file} line {self.line}: {step} must be finite, got {at:g}")
        values = {name: self.number(name) for name in kept if self.cells[name].strip()}
        known = seconds is not None and self.cells[seconds].strip() != ""
        return Evaluation(at, values, self.number(seconds) if seconds and known else math.nan)

    def value(self, column: str) -> str | int | float:
        """A hyperparameter: a number where it reads as one."""
        text = self.cells[column]
        try:
            number = float(text)
        except ValueError:
            return text
        return int(number) if number.is_integer() and text.strip().isdecimal() else number


def _in_order(trial: str, rows: Sequence[tuple[_Row, Evaluation]]) -> list[Evaluation]:
    lines: dict[float, int] = {}
    for row, evaluation in rows:
        if (before := lines.setdefault(evaluation.at, row.line)) != row.line:
            raise ValueError(
                f"{row.file} line {row.line}: trial {trial!r} must have a step once, got "
                f"{evaluation.at:g} as in line {before}"
            )
    return sorted((evaluation for _, evaluation in rows), key=lambda each: each.at)


def _constant(
    trial: str, rows: Sequence[tuple[_Row, Evaluation]], names: Sequence[str]
) -> dict[str, str | int | float]:
    first = rows[0][0]
    for row, _ in rows:
        for name in names:
            if row.cells[name] != first.cells[name]:
                raise ValueError(
                    f"{row.file} line {row.line}: {name} must not change within trial {trial!r}, "
                    f"got {row.cells[name]!r} after {first.cells[name]!r} in line {first.line}"
                )
    return {name: first.value(name) for name in names if first.cells[name].strip()}
