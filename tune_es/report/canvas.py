"""What all charts of the page share: a blank one, markers, and ticks with names.

Texts that a user made reach Bokeh only as plain text, which it neither parses as TeX nor as HTML;
headings, legends and what is said on hover are HTML of the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bokeh.models import ColumnDataSource, FixedTicker, PlainText, PrintfTickFormatter, Range1d
from bokeh.plotting import figure

from tune_es.report.numbers import Window

GRID, INK = "#E9EAEC", "#5F6368"
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', sans-serif"


@dataclass(frozen=True)
class Chart:
    """A figure and the texts around it, which the page escapes."""

    key: str
    figure: Any
    title: str
    note: str = ""
    below: str = ""
    is_wide: bool = False


def blank(across: Window, frame: Window, height: int) -> Any:
    """An empty chart in the look of the page."""
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        output_backend="canvas",
        toolbar_location=None,
        tools="box_zoom",
        active_drag=None,
        x_range=Range1d(start=across.low, end=across.high),
        y_range=Range1d(start=frame.low, end=frame.high),
        x_axis_type="log" if across.is_log else "linear",
        y_axis_type="log" if frame.is_log else "linear",
        min_border_left=46,
        min_border_right=8,
        min_border_top=6,
    )
    plot.outline_line_color = None
    plot.background_fill_color = plot.border_fill_color = None
    for axis, each in ((plot.xaxis[0], across), (plot.yaxis[0], frame)):
        if not each.is_log and max(abs(each.low), abs(each.high)) < 1e6:
            axis.formatter = PrintfTickFormatter(format="%.6g")
        axis.axis_line_color = "#C4C7CC"
        axis.major_tick_line_color = axis.minor_tick_line_color = None
        axis.major_label_text_font = FONT
        axis.major_label_text_font_size = "11px"
        axis.major_label_text_color = INK
    plot.grid.grid_line_color = GRID
    return plot


def markers(
    plot: Any, source: ColumnDataSource, name: str, size: float, alpha: float = 0.9
) -> None:
    """Trials as markers: the shape, not the colour alone, says how each ended."""
    plot.scatter(
        "x" if name == "stops" else name, "y", source=source, name=name, marker="marker", size=size,
        fill_color="colour", line_color="colour", fill_alpha=alpha, line_width=1.6,
    )  # fmt: skip


def name_ticks(axis: Any, labels: Sequence[str]) -> None:
    """Texts instead of the numbers 0, 1, ... on an axis."""
    axis.ticker = FixedTicker(ticks=list(range(len(labels))))
    axis.major_label_overrides = {at: PlainText(text=label) for at, label in enumerate(labels)}
