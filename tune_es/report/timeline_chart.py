"""The timeline of workers on the page."""

from __future__ import annotations

from typing import Any

import numpy as np
from bokeh.models import ColumnDataSource

from tune_es.monitoring.experiment import Experiment
from tune_es.report.canvas import Chart, blank, name_ticks
from tune_es.report.groups import group_of
from tune_es.report.lanes import Timeline
from tune_es.report.numbers import Window
from tune_es.report.text import literal


def timeline_chart(experiment: Experiment, made: Timeline) -> Chart:
    """Workers, and the trials on them; pauses, promotions and failures are marked."""
    size, unit = made.unit
    lanes = len(made.lanes)
    plot = blank(
        Window(
            -0.01 * (made.end - made.start) / size, 1.01 * max(made.end - made.start, 1e-9) / size
        ),
        Window(max(lanes, 1) - 0.3, -0.7),
        height=int(min(640, max(130, 60 + lanes * (22 if lanes <= 16 else 10)))),
    )
    plot.tags = ["bars"]
    plot.ygrid.visible = False
    if lanes <= 24:
        name_ticks(
            plot.yaxis, [literal(each or f"{at + 1}", 14) for at, each in enumerate(made.lanes)]
        )
    else:
        plot.yaxis.visible = False
    groups = [group_of(experiment.trials[each.trial]) for each in made.stretches]
    bars = ColumnDataSource(
        {
            "row": [each.trial for each in made.stretches],
            "left": [(each.span.start - made.start) / size for each in made.stretches],
            "right": [((each.span.end or made.end) - made.start) / size for each in made.stretches],
            "lane": [each.lane for each in made.stretches],
            "top": [each.lane - 0.38 for each in made.stretches],
            "bottom": [each.lane + 0.38 for each in made.stretches],
            "colour": [group.colour for group in groups],
            "alpha": [0.4 if each.span.ended == "paused" else 0.85 for each in made.stretches],
        }
    )
    plot.quad(
        source=bars, name="bars", left="left", right="right", top="top", bottom="bottom",
        fill_color="colour", fill_alpha="alpha", line_color="white", line_width=0.5,
    )  # fmt: skip
    _mark(plot, made, size)
    return Chart("timeline", plot, "", "", f"{unit} since the start", is_wide=True)


def _mark(plot: Any, made: Timeline, size: float) -> None:
    """Where a trial was paused, went on, and was lost."""
    marked: dict[str, list[tuple[float, int]]] = {"paused": [], "resumed": [], "failed": []}
    for each in made.stretches:
        start, end = (each.span.start - made.start) / size, (each.span.end or made.end) - made.start
        if each.span.ended == "paused":
            marked["paused"].append((end / size, each.lane))
        elif each.span.ended in ("failed", "lost"):
            marked["failed"].append((end / size, each.lane))
        if each.is_resumed:
            marked["resumed"].append((start, each.lane))
    looks = {
        "paused": {
            "marker": "dash",
            "angle": np.pi / 2,
            "line_color": "#222222",
            "line_width": 2.5,
        },
        "resumed": {
            "marker": "triangle",
            "angle": -np.pi / 2,
            "fill_color": "#222222",
            "line_color": None,
        },
        "failed": {"marker": "x", "line_color": "#D55E00", "line_width": 2.5},
    }
    for name, places in marked.items():
        plot.scatter(
            [x for x, _ in places], [y for _, y in places], size=9, name=name, **looks[name]
        )
