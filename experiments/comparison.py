"""A sweep under one scheduler, recorded; and the table that sets several beside each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from experiments.finetune.cache import write_whole
from experiments.outcomes import CURVE_COLUMNS, TrialOutcome, best_of, saving
from experiments.sweep import MODES
from tune_es.replay import CurveSet, Task, TaskCurves

ARMS: Mapping[str, str] = {
    "none": "no stopping",
    "asha": "ASHA (Ray), grace 5, factor 3",
    "safe": "tune-es, safe",
    "balanced": "tune-es, balanced",
    "peers": "tune-es, below median, or stalled in the second half",
    "aggressive": "tune-es, aggressive",
    "promotion": "tune-es, PromotionScheduler",
}


#: Columns of a curve that say when it was.
NO_METRICS = ("training_iteration", "time_total_s")


@dataclass(frozen=True)
class ArmRun:
    """One arm with one seed. `curves` holds every result of every trial, column by column.

    `best_value` is the chosen trial's metric at its best validation step, and `test_accuracy` the
    test metric at that same step; the trial is chosen by the validation metric alone.
    """

    arm: str
    seed: int
    plan: dict[str, Any]
    trials: int
    failed: int
    steps: int
    full_steps: int
    wall_seconds: float
    trial_seconds: float
    chosen: int
    best_step: int
    best_value: float
    best_accuracy: float
    test_accuracy: float
    configs: list[dict[str, Any]]
    ended: list[str]
    curves: list[dict[str, list[float]]]


def arm_run(
    arm: str,
    seed: int,
    plan: dict[str, Any],
    trials: Sequence[TrialOutcome],
    wall_seconds: float,
) -> ArmRun:
    """The record of a sweep that has ended. Raises `ValueError` where every trial failed."""
    best = best_of(trials, plan["metric"])
    if best is None:
        raise ValueError(f"{arm}: no trial reported {plan['metric']}")
    used = saving(trials)
    return ArmRun(
        arm=arm,
        seed=seed,
        plan=plan,
        trials=len(trials),
        failed=sum(bool(trial.error) for trial in trials),
        steps=used.steps,
        full_steps=used.full_steps,
        wall_seconds=round(wall_seconds, 1),
        trial_seconds=round(used.seconds, 1),
        chosen=trials.index(best) + 1,
        best_step=best.best_step,
        best_value=best.value,
        best_accuracy=best.accuracy,
        test_accuracy=best.test_accuracy,
        configs=[trial.config for trial in trials],
        ended=[trial.ended for trial in trials],
        curves=[_curve(trial) for trial in trials],
    )


def recorded(path: Path, plan: dict[str, Any]) -> ArmRun | None:
    """The run in that file, if there is one.

    Raises `ValueError` where it was made under another plan: the numbers would not compare.
    """
    if not path.is_file():
        return None
    run = ArmRun(**json.loads(path.read_text(encoding="utf-8")))
    changed = [name for name in plan if run.plan.get(name) != plan[name]]
    if changed:
        raise ValueError(
            f"{path} was made with another {', '.join(changed)}; remove it or choose another --runs"
        )
    return run


def record(run: ArmRun, path: Path) -> None:
    """Write the run as one JSON file."""
    write_whole(path, json.dumps(asdict(run)) + "\n")


def comparison_rows(runs: Iterable[ArmRun]) -> list[dict[str, Any]]:
    """A row per arm, averaged over its seeds, in the order in which the arms come."""
    by_arm: dict[str, list[ArmRun]] = {}
    for run in runs:
        by_arm.setdefault(run.arm, []).append(run)
    return [_row(arm, found) for arm, found in by_arm.items()]


def curve_set_of(runs: Sequence[ArmRun], name: str, command: str) -> CurveSet:
    """The trials of each run, seed by seed, as recorded curves."""
    readme = f"Fine-tuning runs in full, a task a seed.\n\n- Command: `{command}`\n"
    return CurveSet(name, tuple(_task_curves(run, name) for run in runs), readme)


def _task_curves(run: ArmRun, source: str) -> TaskCurves:
    metric, budget = run.plan["metric"], run.plan["evals"]
    columns = {
        key: np.concatenate([curve[key] for curve in run.curves])
        for key in CURVE_COLUMNS
        if key not in NO_METRICS and all(key in curve for curve in run.curves)
    }
    seconds = [np.diff(curve["time_total_s"], prepend=0.0) for curve in run.curves]
    return TaskCurves(
        Task(source, f"seed{run.seed}", metric, MODES[metric], budget),
        tuple(f"{at:03}" for at in range(len(run.curves))),
        np.cumsum([0, *(len(each) for each in seconds)]),
        columns,
        np.concatenate(seconds),
        configs=run.configs,
    )


def _row(arm: str, runs: Sequence[ArmRun]) -> dict[str, Any]:
    metric = runs[0].plan["metric"]
    return {
        "scheduler": ARMS[arm],
        "seeds": len(runs),
        "trials": runs[0].trials,
        "failed": sum(run.failed for run in runs),
        "steps": round(fmean(run.steps for run in runs)),
        "share of full": round(fmean(run.steps / run.full_steps for run in runs), 4),
        "wall seconds": round(fmean(run.wall_seconds for run in runs), 1),
        f"best validation {metric}": round(fmean(run.best_value for run in runs), 5),
        "validation accuracy there": round(fmean(run.best_accuracy for run in runs), 4),
        "test accuracy there": round(fmean(run.test_accuracy for run in runs), 4),
        "chosen trial, step": "; ".join(f"{run.chosen}, {run.best_step}" for run in runs),
    }


def _curve(trial: TrialOutcome) -> dict[str, list[float]]:
    return {
        name: [float(value) for value in trial.curve[name]]
        for name in CURVE_COLUMNS
        if name in trial.curve
    }
