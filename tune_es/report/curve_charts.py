"""Learning curves on the page: every metric over the steps, each stop marked."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource

from tune_es.monitoring.experiment import Experiment
from tune_es.report.canvas import Chart, blank, markers
from tune_es.report.groups import BEST_COLOUR, STAR_COLOUR, group_of
from tune_es.report.lines import Lines, Panel
from tune_es.report.numbers import window
from tune_es.report.text import literal


def curve_charts(experiment: Experiment, lines: Lines) -> list[Chart]:
    """Every metric over the steps, each stop marked; they are zoomed together."""
    source = _line_source(experiment, lines)
    steps = np.concatenate(lines.xs) if lines.xs else np.array([])
    across = window(steps[np.isfinite(steps)], [0.0, experiment.max_t or 0.0])
    charts: list[Chart] = []
    for at, panel in enumerate(lines.panels):
        plot = blank(across, panel.window, height=400 if at == 0 else 230)
        if charts:
            plot.x_range = charts[0].figure.x_range
        plot.tags = ["lines", f"y{at}"]
        _draw_lines(plot, source, at, len(lines.trials))
        _draw_stops(plot, experiment, panel)
        _draw_best(plot, lines, panel, at)
        better = {"min": "lower is better", "max": "higher is better", None: ""}[panel.mode]
        cut = "values beyond the edge are cut" * panel.is_cut
        note = "; ".join(filter(None, (better, cut)))
        charts.append(
            Chart(
                f"curve-{at}", plot, literal(panel.metric, 80), note,
                literal(experiment.time_attr, 60), is_wide=at == 0,
            )
        )  # fmt: skip
    return charts


def _line_source(experiment: Experiment, lines: Lines) -> ColumnDataSource:
    groups = [group_of(experiment.trials[at]) for at in lines.trials]
    columns: dict[str, Any] = {
        "row": list(lines.trials),
        "xs": [each.astype(np.float32) for each in lines.xs],
        "colour": [group.colour for group in groups],
    }
    for at, panel in enumerate(lines.panels):
        columns[f"y{at}"] = [each.astype(np.float32) for each in panel.ys]
    return ColumnDataSource(columns)


def _draw_lines(plot: Any, source: ColumnDataSource, at: int, count: int) -> None:
    alpha = min(0.8, max(0.16, 7 / max(1, count) ** 0.5))
    width = 1.4 if count <= 200 else 1.0
    plot.multi_line(
        "xs",
        f"y{at}",
        source=source,
        name="lines",
        line_color="colour",
        line_alpha=alpha,
        line_width=width,
    )
    lit = ColumnDataSource({"xs": [], "ys": [], "colour": []})
    plot.multi_line(
        "xs", "ys", source=lit, name="lit", line_color="colour", line_width=4.5, level="overlay"
    )


def _draw_best(plot: Any, lines: Lines, panel: Panel, at: int) -> None:
    """The best trial once more, on top of all others, with a star where it was best."""
    if panel.best is None:
        return
    line = lines.trials.index(panel.best.trial)
    plot.line(
        lines.xs[line], panel.ys[line], line_color=BEST_COLOUR, line_width=2.2 if at == 0 else 1.8
    )
    plot.scatter(
        [panel.best.x], [panel.best.y], marker="star", size=16 if at == 0 else 13,
        fill_color=STAR_COLOUR, line_color=BEST_COLOUR,
    )  # fmt: skip


def _draw_stops(plot: Any, experiment: Experiment, panel: Panel) -> None:
    groups = [group_of(experiment.trials[stop.trial]) for stop in panel.stops]
    source = ColumnDataSource(
        {
            "row": [stop.trial for stop in panel.stops],
            "x": [stop.x for stop in panel.stops],
            "y": [stop.y for stop in panel.stops],
            "colour": [group.colour for group in groups],
            "marker": [group.marker for group in groups],
        }
    )
    markers(plot, source, "stops", 9 if len(groups) <= 300 else 6)
