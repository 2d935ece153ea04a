"""Hyperparameters on the page, each against the best value of every trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource

from tune_es.monitoring.experiment import Experiment
from tune_es.report.canvas import Chart, blank, markers, name_ticks
from tune_es.report.groups import BEST_COLOUR, group_of
from tune_es.report.numbers import Floats, Window, best_of, best_value, window
from tune_es.report.parameters import Parameter
from tune_es.report.text import literal


def parameter_charts(experiment: Experiment, parameters: Sequence[Parameter]) -> list[Chart]:
    """Each hyperparameter against the best value of every trial that has one."""
    trials = experiment.trials
    best = np.array([best_value(each, experiment.metric, experiment.mode) for each in trials])
    rows = [at for at, value in enumerate(best.tolist()) if math.isfinite(value)]
    winner = best_of(experiment)
    frame = window(best[rows], [winner.value] if winner is not None else [])
    groups = [group_of(trials[at]) for at in rows]
    columns: dict[str, Any] = {
        "row": rows,
        "y": frame.inside(best[rows]),
        "colour": [group.colour for group in groups],
        "marker": [group.marker for group in groups],
    }
    for at, each in enumerate(parameters):
        columns[f"p{at}"] = _spread(each, rows)
    source = ColumnDataSource(columns)
    star = next((at for at in rows if winner is not None and trials[at] is winner.trial), None)
    return [_parameter_chart(each, at, source, frame, star) for at, each in enumerate(parameters)]


def _spread(parameter: Parameter, rows: Sequence[int]) -> Floats:
    """Where each trial is drawn: categories side by side, their trials apart."""
    values: Floats = np.array([parameter.values[at] for at in rows], dtype=float)
    if not parameter.categories:
        values[~np.isfinite(values)] = math.nan
        return values
    for at in range(len(values)):
        values[at] += (at * 0.6180339887 % 1.0 - 0.5) * 0.5
    return values


def _parameter_chart(
    parameter: Parameter, at: int, source: ColumnDataSource, frame: Window, star: int | None
) -> Chart:
    values = np.asarray(source.data[f"p{at}"], dtype=float)
    across = (
        window(values)
        if not parameter.categories
        else Window(-0.6, len(parameter.categories) - 0.4)
    )
    if parameter.is_log and not across.is_log:
        low, high = np.nanmin(values[np.isfinite(values)]), np.nanmax(values[np.isfinite(values)])
        across = Window(float(low) / 1.15, float(high) * 1.15, is_log=True)
    plot = blank(across, frame, height=230)
    plot.tags = ["points", f"p{at}"]
    if parameter.categories:
        name_ticks(plot.xaxis, [literal(each, 16) for each in parameter.categories])
        if len(parameter.categories) > 4:
            plot.xaxis.major_label_orientation = 0.7
    count = len(values)
    markers(plot, source, f"p{at}", 7 if count <= 300 else 5, 0.65 if count <= 300 else 0.4)
    if star is not None:
        here = list(source.data["row"]).index(star)
        plot.scatter(
            [values[here]], [source.data["y"][here]], marker="star", size=15, fill_color="#FFD43B",
            line_color=BEST_COLOUR,
        )  # fmt: skip
    return Chart(f"parameter-{at}", plot, literal(parameter.name, 60), "log axis" * across.is_log)
