"""Recorded validation curves as the curve sets keep them: one parquet file a set."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Curve:
    """One trial's objective, evaluation by evaluation, in the user's own sign.

    ``values`` end before the first non-finite value; ``broken`` says that there was one.
    ``max_t`` is the budget of the task, in evaluations; a curve may be shorter or longer.
    """

    source: str
    task: str
    trial_id: str
    mode: str
    max_t: int
    values: tuple[float, ...]
    broken: bool

    @property
    def sign(self) -> int:
        """What turns a value into one where higher is better."""
        return 1 if self.mode == "max" else -1


def load_curves(folder: Path) -> list[Curve]:
    """Every curve of every set below ``folder`` that has at least one finite value.

    Raises:
        FileNotFoundError: There is no set there.
    """
    found = sorted(folder.glob("*/curves.parquet"))
    if not found:
        raise FileNotFoundError(f"no curve sets in {folder}: it has no */curves.parquet")
    return [curve for path in found for curve in _curves_of(path.parent) if curve.values]


def _curves_of(folder: Path) -> Iterator[Curve]:
    with (folder / "tasks.csv").open(encoding="utf-8", newline="") as file:
        tasks = list(csv.DictReader(file))
    names = sorted({"task", "trial_id", "step"} | {task["metric"] for task in tasks})
    table = pq.read_table(folder / "curves.parquet", columns=names)
    columns = {name: table[name].to_numpy() for name in names}
    for task in tasks:
        yield from _curves_of_task(folder.name, task, columns)


def _curves_of_task(
    source: str, task: dict[str, str], columns: dict[str, np.ndarray]
) -> Iterator[Curve]:
    mine = columns["task"] == task["task"]
    trials, steps, values = (columns[name][mine] for name in ("trial_id", "step", task["metric"]))
    order = np.lexsort((steps, trials))
    trials, values = trials[order], values[order].astype(float)
    starts = np.flatnonzero(np.r_[True, trials[1:] != trials[:-1]])
    for start, end in zip(starts, np.r_[starts[1:], len(trials)], strict=True):
        recorded = values[start:end].tolist()
        finite = next((i for i, value in enumerate(recorded) if not math.isfinite(value)), None)
        yield Curve(
            source,
            task["task"],
            str(trials[start]),
            task["mode"],
            int(task["max_steps"]),
            tuple(recorded[:finite]),
            finite is not None,
        )
