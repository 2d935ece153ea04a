"""Small curve sets, in memory and as files, for the tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tune_es.replay.curve_set import CurveSet
from tune_es.replay.curves import Task, TaskCurves

Row = dict[str, Any]

TASKS = "task,metric,mode,max_steps\nt,val_loss,min,2\n"


def task_curves(
    trials: Mapping[str, Sequence[float]],
    name: str = "t",
    max_t: int | None = None,
    configs: Sequence[Mapping[str, Any]] = (),
    **columns: Sequence[float],
) -> TaskCurves:
    """One task judged by val_loss; more columns by name, over all rows."""
    lengths = [len(values) for values in trials.values()]
    extra = {key: np.array(values, np.float64) for key, values in columns.items()}
    values = [value for each in trials.values() for value in each]
    return TaskCurves(
        Task("set", name, "val_loss", "min", max_t or max(lengths)),
        tuple(trials),
        np.cumsum([0, *lengths]),
        {"val_loss": np.array(values, np.float64)}
        | {key: one for key, one in extra.items() if key not in ("seconds", "order")},
        extra.get("seconds"),
        extra.get("order"),
        configs,
    )


def rows(*trials: str, task: str = "t", steps: int = 2) -> list[Row]:
    """Rows of curves.parquet that break no rule."""
    return [
        {"task": task, "trial_id": trial, "step": step, "val_loss": 1 / (at + step)}
        for at, trial in enumerate(trials)
        for step in range(1, steps + 1)
    ]


def write_files(
    folder: Path,
    curves: Sequence[Row],
    tasks: str = TASKS,
    configs: Sequence[Row] = ({"task": "t", "trial_id": "a", "lr": 0.1},),
) -> Path:
    """A set as somebody else might have written it."""
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(list(curves)), folder / "curves.parquet")
    pq.write_table(pa.Table.from_pylist(list(configs)), folder / "configs.parquet")
    (folder / "tasks.csv").write_text(tasks, encoding="utf-8")
    (folder / "README.md").write_text("# made by hand\n", encoding="utf-8")
    return folder


def same(one: object, other: object) -> bool:
    """Equal values of equal meaning: NaN is NaN, True is not 1, and a list is its members."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def assert_same_curves(one: TaskCurves, other: TaskCurves) -> None:
    """Every column, name and hyperparameter is equal."""
    assert (one.task, one.trial_ids) == (other.task, other.trial_ids)
    np.testing.assert_array_equal(one.starts, other.starts)
    assert one.metrics.keys() == other.metrics.keys()
    for name in one.metrics:
        np.testing.assert_array_equal(one.metrics[name], other.metrics[name], strict=True)
    for mine, theirs in ((one.seconds, other.seconds), (one.order, other.order)):
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            np.testing.assert_array_equal(mine, theirs)
    for config, back in zip(configs_of(one), configs_of(other), strict=True):
        assert config.keys() == back.keys()
        assert all(same(config[name], back[name]) for name in config), (config, back)


def configs_of(curves: TaskCurves) -> Sequence[Mapping[str, Any]]:
    return curves.configs or [{}] * len(curves)


def assert_same_sets(one: CurveSet, other: CurveSet) -> None:
    """Names, notes, README and every curve are equal."""
    assert (one.name, one.readme, one.notes) == (other.name, other.readme, other.notes)
    for mine, theirs in zip(one.tasks, other.tasks, strict=True):
        assert_same_curves(mine, theirs)
