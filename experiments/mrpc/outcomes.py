"""What each strategy would have made of a full run: a stop never changes what was before it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.mrpc.strategies import (
    ABLATION,
    FULL,
    HINDSIGHT,
    METRICS,
    STOPPING,
    Strategy,
    strategy,
)
from tune_es.replay import Task, TaskCurves

Row = Mapping[str, float]
Run = Mapping[str, Any]
SET, STEP = "finetune_mrpc", "training_iteration"
TESTED = ("test_loss", "test_accuracy", "test_f1")


@dataclass(frozen=True)
class Outcome:
    """One strategy on one run; `stopped` and `kept` are evaluations, `seconds` those until then.

    `saved` is the share of the full run's seconds, `accuracy` and `f1` those on the test set of
    the weights one ends up with, and `change` what that accuracy is above the full run's.
    """

    strategy: str
    seed: int
    stopped: int
    kept: int
    epochs: float
    kept_epoch: float
    seconds: float
    saved: float
    accuracy: float
    f1: float
    change: float


def rows_of(curves: TaskCurves, trial: int) -> list[dict[str, float]]:
    """A recorded run, evaluation by evaluation, with the seconds of each."""
    columns = {name: curves.values(trial, name).tolist() for name in curves.metrics}
    if curves.seconds is not None:
        columns["seconds"] = curves.seconds[curves.rows(trial)].tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def under(strategy: Strategy, rows: Sequence[Row], seed: int) -> Outcome:
    """What a strategy makes of a full run."""
    decision = strategy.policy(len(rows)).first_stop(rows)
    if decision is None:
        raise ValueError(f"{strategy.name}: a full run ends with its budget, this one did not")
    stopped = int(decision.step)
    kept = stopped if not strategy.restore else int(decision.best_step or stopped)
    return _outcome(strategy.name, rows, seed, stopped, kept)


def in_hindsight(metric: str, rows: Sequence[Row], seed: int) -> Outcome:
    """A stop right at the best evaluation by that metric, which no rule can know."""
    values = [row[metric] for row in rows]
    best = min(values) if METRICS.get(metric, "max") == "min" else max(values)
    at = values.index(best) + 1
    return _outcome(f"hindsight: {HINDSIGHT[metric]}", rows, seed, at, at)


def _outcome(name: str, rows: Sequence[Row], seed: int, stopped: int, kept: int) -> Outcome:
    seconds = [row["seconds"] for row in rows]
    used = sum(seconds[:stopped])
    end = rows[kept - 1]
    return Outcome(
        strategy=name,
        seed=seed,
        stopped=stopped,
        kept=kept,
        epochs=rows[stopped - 1]["epoch"],
        kept_epoch=end["epoch"],
        seconds=used,
        saved=1 - used / sum(seconds),
        accuracy=end["test_accuracy"],
        f1=end["test_f1"],
        change=end["test_accuracy"] - rows[-1]["test_accuracy"],
    )


def curves_of(runs: Sequence[Run]) -> TaskCurves:
    """The full runs as the curves of a task, a trial a seed."""
    rows = [row for run in runs for row in run["rows"]]
    columns = {name: np.array([row[name] for row in rows], dtype=float) for name in rows[0]}
    seconds = columns.pop("seconds")
    del columns[STEP]
    return TaskCurves(
        Task(SET, "mrpc", "eval_accuracy", "max", runs[0]["config"]["evals"]),
        tuple(f"seed{run['config']['seed']}" for run in runs),
        np.cumsum([0, *(len(run["rows"]) for run in runs)]),
        columns,
        seconds,
        configs=[run["config"] for run in runs],
    )


def outcomes(curves: TaskCurves) -> tuple[list[Outcome], list[Outcome]]:
    """Both tables: every strategy and every part left out, on every seed."""
    runs = [
        (int(curves.configs[trial]["seed"]), rows_of(curves, trial)) for trial in range(len(curves))
    ]
    compared = [
        under(strategy, rows, seed) for strategy in (FULL, *STOPPING) for seed, rows in runs
    ]
    compared += [in_hindsight(metric, rows, seed) for metric in HINDSIGHT for seed, rows in runs]
    ablated = [under(strategy, rows, seed) for strategy in ABLATION for seed, rows in runs]
    return compared, ablated


def check_live(run: Run, full: Sequence[Run]) -> None:
    """Refuse a live run that did otherwise than the replay of the full one says.

    Raises:
        ValueError: It stopped elsewhere, kept another step, or ended with other weights.
    """
    seed = run["config"]["seed"]
    (rows,) = (each["rows"] for each in full if each["config"]["seed"] == seed)
    told = under(strategy(run["strategy"]), rows, seed)
    expected: dict[str, Any] = {"stopped": told.stopped, "kept": told.kept}
    expected["end"] = {name: rows[told.kept - 1][name] for name in TESTED}
    for name, value in expected.items():
        if run[name] != value:
            raise ValueError(
                f"{run['strategy']}, seed {seed}, run live: {name} must be {value}, "
                f"as replayed; got {run[name]}"
            )


def half_width(values: Sequence[float]) -> float:
    """Half of the 95 % t-interval of a mean: with 3 values 2.5 standard deviations.

    >>> round(half_width([1.0, 2.0, 3.0]), 3)
    2.484
    """
    if len(values) < 2:
        return float("nan")
    from scipy import stats

    quantile = float(stats.t.ppf(0.975, len(values) - 1))
    return quantile * statistics.stdev(values) / math.sqrt(len(values))
