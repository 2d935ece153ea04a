"""Hyperparameters against the result: where each trial is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tune_es.monitoring.experiment import Experiment
from tune_es.monitoring.standing import best_of, leader
from tune_es.report.numbers import Floats, Window, window
from tune_es.report.parameters import Parameter


@dataclass(frozen=True)
class Scatter:
    """One hyperparameter: where trials are drawn across, and the range of that."""

    parameter: Parameter
    xs: Floats
    across: Window


@dataclass(frozen=True)
class Against:
    """All of them, over the trials that have a best value.

    Args:
        rows: These trials, by their position in the experiment.
        ys: Their best values, held within the range that is drawn.
        frame: That range.
        star: Which of ``rows`` is the best trial; None where there are none.
        scatters: One a hyperparameter.
    """

    rows: tuple[int, ...]
    ys: Floats
    frame: Window
    star: int | None
    scatters: tuple[Scatter, ...]


def against(experiment: Experiment, parameters: Sequence[Parameter]) -> Against:
    """Where every trial is drawn, for each of these hyperparameters."""
    found = [best_of(each, experiment.metric, experiment.mode) for each in experiment.trials]
    rows = tuple(at for at, best in enumerate(found) if best is not None)
    best = np.array([each.value for each in found if each is not None])
    winner = leader(experiment)
    frame = window(best, [] if winner is None else [winner.value])
    star = next(
        (
            at
            for at, row in enumerate(rows)
            if winner is not None and experiment.trials[row] is winner.trial
        ),
        None,
    )
    return Against(
        rows, frame.inside(best), frame, star, tuple(_scatter(each, rows) for each in parameters)
    )


def _scatter(parameter: Parameter, rows: Sequence[int]) -> Scatter:
    """Categories side by side, the trials of one apart; numbers on their axis, none cut off."""
    values: Floats = np.array([parameter.values[at] for at in rows], dtype=float)
    values[~np.isfinite(values)] = math.nan
    if parameter.categories:
        for at in range(len(values)):
            values[at] += (at * 0.6180339887 % 1.0 - 0.5) * 0.5
        return Scatter(parameter, values, Window(-0.6, len(parameter.categories) - 0.4))
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    if parameter.is_log and low > 0:
        pad = max(1.02, (high / low) ** 0.03)
        return Scatter(parameter, values, Window(low / pad, high * pad, is_log=True))
    pad = 0.03 * (high - low) or 0.05 * abs(high) or 1.0
    return Scatter(parameter, values, Window(low - pad, high + pad))
