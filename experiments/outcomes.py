"""What came out of a sweep: one record per trial, and what stopping saved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from ray import tune

from experiments.sweep import MODES

CURVE_COLUMNS = (
    "training_iteration",
    "eval_loss",
    "eval_accuracy",
    "eval_f1",
    "train_loss",
    "test_loss",
    "test_accuracy",
    "learning_rate",
    "epoch",
    "train_seconds",
    "time_total_s",
)


@dataclass(frozen=True)
class TrialOutcome:
    """One trial as it ended. `loss`, `accuracy` and `test_accuracy` are those of its best step.

    `cause` is the scheduler's word for why it ended, empty where the scheduler gives none.
    """

    trial_id: str
    config: dict[str, Any]
    steps: int
    max_t: int
    seconds: float
    best_step: int
    value: float
    loss: float
    accuracy: float
    test_accuracy: float
    cause: str
    reason: str
    error: str
    curve: pd.DataFrame

    @property
    def ended(self) -> str:
        """In a word or two, why the trial ended."""
        if self.error:
            return "failed"
        if self.cause not in ("", "none", "EXHAUSTED"):
            return self.cause.lower()
        return "ran in full" if self.steps >= self.max_t else "stopped"


@dataclass(frozen=True)
class Saving:
    """Steps and seconds used, against those of running every trial for `max_t` steps.

    The seconds of the full sweep are an estimate: each trial's own pace, for all its steps.
    """

    steps: int
    full_steps: int
    seconds: float
    full_seconds: float

    @property
    def steps_saved(self) -> float:
        """Share of the full sweep's steps that were not run."""
        return 1 - self.steps / self.full_steps if self.full_steps else 0.0

    @property
    def seconds_saved(self) -> float:
        """Share of the full sweep's seconds that were not spent."""
        return 1 - self.seconds / self.full_seconds if self.full_seconds else 0.0


def outcomes(results: tune.ResultGrid, metric: str, max_t: int) -> list[TrialOutcome]:
    """Every trial of a sweep, in the order in which the searcher made them."""
    return [_outcome(results[i], metric, max_t) for i in range(len(results))]


def saving(trials: Iterable[TrialOutcome]) -> Saving:
    """What a sweep used and what it would have used in full; failed trials count as they are."""
    rows = list(trials)
    return Saving(
        steps=sum(trial.steps for trial in rows),
        full_steps=sum(trial.max_t for trial in rows),
        seconds=sum(trial.seconds for trial in rows),
        full_seconds=sum(t.seconds / t.steps * t.max_t for t in rows if t.steps),
    )


def best_of(trials: Sequence[TrialOutcome], metric: str) -> TrialOutcome | None:
    """The trial with the best value at its best step; none where no trial has a number."""
    usable = [trial for trial in trials if not math.isnan(trial.value)]
    if not usable:
        return None
    sign = 1 if MODES[metric] == "min" else -1
    return min(usable, key=lambda trial: sign * trial.value)


def _outcome(result: tune.Result, metric: str, max_t: int) -> TrialOutcome:
    last = result.metrics or {}
    curve = result.metrics_dataframe
    curve = pd.DataFrame(columns=list(CURVE_COLUMNS)) if curve is None else curve
    stop = last.get("es", {})
    row = _best_row(curve, metric)
    return TrialOutcome(
        trial_id=str(last.get("trial_id", "")),
        config=dict(result.config or {}),
        steps=int(last.get("training_iteration", 0)),
        max_t=max_t,
        seconds=float(last.get("time_total_s", 0.0)),
        best_step=int(row.get("training_iteration", 0)),
        value=float(row.get(metric, float("nan"))),
        loss=float(row.get("eval_loss", float("nan"))),
        accuracy=float(row.get("eval_accuracy", float("nan"))),
        test_accuracy=float(row.get("test_accuracy", float("nan"))),
        cause=str(stop.get("cause", "")),
        reason=str(stop.get("reason", "")),
        error=str(result.error or ""),
        curve=curve,
    )


def _best_row(curve: pd.DataFrame, metric: str) -> dict[str, Any]:
    values = curve[metric].dropna() if metric in curve else pd.Series(dtype=float)
    if values.empty:
        return {}
    place = values.idxmin() if MODES[metric] == "min" else values.idxmax()
    return dict(curve.loc[place])
