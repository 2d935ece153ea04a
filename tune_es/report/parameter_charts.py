"""Hyperparameters on the page, each against the best value of every trial."""

from __future__ import annotations

from typing import Any

from bokeh.models import ColumnDataSource

from tune_es.monitoring.experiment import Experiment
from tune_es.report.against import Against, Scatter
from tune_es.report.canvas import Chart, blank, markers, name_ticks
from tune_es.report.groups import BEST_COLOUR, STAR_COLOUR, group_of
from tune_es.report.text import literal

#: From so many trials on markers are small and pale.
MANY = 300


def parameter_charts(experiment: Experiment, drawn: Against) -> list[Chart]:
    """A scatter or strips for each hyperparameter; a trial has the same mark in all of them."""
    groups = [group_of(experiment.trials[at]) for at in drawn.rows]
    columns: dict[str, Any] = {
        "row": list(drawn.rows),
        "y": drawn.ys,
        "colour": [group.colour for group in groups],
        "marker": [group.marker for group in groups],
    }
    for at, each in enumerate(drawn.scatters):
        columns[f"p{at}"] = each.xs
    source = ColumnDataSource(columns)
    return [_chart(drawn, each, at, source) for at, each in enumerate(drawn.scatters)]


def _chart(drawn: Against, each: Scatter, at: int, source: ColumnDataSource) -> Chart:
    plot = blank(each.across, drawn.frame, height=230)
    plot.tags = ["points", f"p{at}"]
    categories = each.parameter.categories
    if categories:
        name_ticks(plot.xaxis, [literal(label, 16) for label in categories])
        if len(categories) > 4:
            plot.xaxis.major_label_orientation = 0.7
    is_many = len(drawn.rows) > MANY
    markers(plot, source, f"p{at}", 5 if is_many else 7, 0.4 if is_many else 0.65)
    if drawn.star is not None:
        plot.scatter(
            [each.xs[drawn.star]], [drawn.ys[drawn.star]], marker="star", size=15,
            fill_color=STAR_COLOUR, line_color=BEST_COLOUR,
        )  # fmt: skip
    note = "log axis" if each.across.is_log else ""
    return Chart(f"parameter-{at}", plot, literal(each.parameter.name, 60), note)
