"""Curves as they are drawn: in an order that hides nothing, no more points than a page bears."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tune_es.monitoring.experiment import Experiment, Status, TrialRecord
from tune_es.monitoring.standing import Best, best_of, leader
from tune_es.report.groups import was_stopped
from tune_es.report.numbers import (
    Floats,
    Window,
    column,
    mode_of,
    shown_metrics,
    window,
)

#: Points of all curves of a metric together, about; each keeps its first, best and last.
MOST_POINTS = 150_000

#: Metrics that are drawn.
MOST_METRICS = 24


@dataclass(frozen=True)
class Stop:
    """Where a trial ended early or failed, on one metric: where a marker is drawn."""

    trial: int
    x: float
    y: float


@dataclass(frozen=True)
class Panel:
    """One metric: the values of every drawn trial, and what to draw of them.

    ``best`` is where the star of the best trial goes; None where that trial has no number here.
    ``is_cut`` is True where some values are outside the window.
    """

    metric: str
    mode: str | None
    ys: tuple[Floats, ...]
    window: Window
    stops: tuple[Stop, ...]
    best: Stop | None
    is_cut: bool


@dataclass(frozen=True)
class Lines:
    """All curves of a sweep.

    Args:
        trials: Which trial of the experiment each curve is of; the best comes last.
        xs: The steps of each.
        panels: A metric each, the objective first.
        left_out: Metrics that are not drawn, because there are too many.
    """

    trials: tuple[int, ...]
    xs: tuple[Floats, ...]
    panels: tuple[Panel, ...]
    left_out: tuple[str, ...]


def lines_of(experiment: Experiment) -> Lines:
    """The curves of every trial that has reported something."""
    best = leader(experiment)
    trials = experiment.trials
    drawn = [at for at, each in enumerate(trials) if len(each.steps)]
    drawn.sort(
        key=lambda at: (best is not None and trials[at] is best.trial, not was_stopped(trials[at]))
    )
    most = max(24, MOST_POINTS // max(1, len(drawn)))
    kept = [_kept(experiment, trials[at], most) for at in drawn]
    metrics = shown_metrics(experiment)
    return Lines(
        trials=tuple(drawn),
        xs=tuple(
            np.asarray(trials[at].steps, dtype=float)[keep]
            for at, keep in zip(drawn, kept, strict=True)
        ),
        panels=tuple(
            _panel(experiment, metric, drawn, kept, best) for metric in metrics[:MOST_METRICS]
        ),
        left_out=tuple(metrics[MOST_METRICS:]),
    )


def _kept(experiment: Experiment, trial: TrialRecord, most: int) -> NDArray[np.int64]:
    """Which results of a trial are drawn: all, or the lowest and highest of every stretch."""
    count = len(trial.steps)
    if count <= most:
        return np.arange(count)
    values = np.nan_to_num(column(trial, experiment.metric))
    best = best_of(trial, experiment.metric, experiment.mode)
    chosen = {0, count - 1, *(() if best is None else (list(trial.steps).index(best.step),))}
    for stretch in np.array_split(np.arange(count), max(1, (most - len(chosen)) // 2)):
        part = values[stretch]
        chosen |= {int(stretch[part.argmin()]), int(stretch[part.argmax()])}
    return np.array(sorted(chosen))


def _panel(
    experiment: Experiment,
    metric: str,
    drawn: Sequence[int],
    kept: Sequence[NDArray[np.int64]],
    best: Best | None,
) -> Panel:
    trials = [experiment.trials[at] for at in drawn]
    mode = mode_of(experiment, metric)
    values = [column(trial, metric) for trial in trials]
    star = _star(experiment, best, metric)
    best_values = column(best.trial, metric) if best is not None else np.array([])
    everything = np.concatenate(values) if values else np.array([])
    frame = window(everything, best_values[np.isfinite(best_values)].tolist())
    stops = [
        Stop(at, float(trial.steps[-1]), _height(each, frame, mode))
        for at, trial, each in zip(drawn, trials, values, strict=True)
        if (was_stopped(trial) or trial.status is Status.FAILED)
        and (metric == experiment.metric or np.isfinite(each).any())
    ]
    return Panel(
        metric,
        mode,
        tuple(frame.clipped(each[keep]) for each, keep in zip(values, kept, strict=True)),
        frame,
        tuple(stops),
        star,
        frame.cuts(everything),
    )


def _star(experiment: Experiment, best: Best | None, metric: str) -> Stop | None:
    """The best trial at its best step of the objective."""
    if best is None:
        return None
    value = float(column(best.trial, metric)[list(best.trial.steps).index(best.step)])
    where = next(at for at, each in enumerate(experiment.trials) if each is best.trial)
    return Stop(where, float(best.step), value) if math.isfinite(value) else None


def _height(values: Floats, frame: Window, mode: str | None) -> float:
    """Where the marker of a trial's end is drawn: always in sight.

    Where the last value is no number, it is at the worst edge: such a trial went wrong.
    """
    last = float(values[-1])
    if math.isnan(last):
        last = -math.inf if mode == "max" else math.inf
    return float(frame.inside(np.array([last]))[0])
