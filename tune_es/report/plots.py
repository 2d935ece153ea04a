"""The same charts as files, for papers: PNG or SVG, drawn by matplotlib."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tune_es.checks import check_name
from tune_es.monitoring.experiment import Experiment
from tune_es.report.against import Against, Scatter, against
from tune_es.report.groups import BEST_COLOUR, STAR_COLOUR, counts, ends, group_of
from tune_es.report.lanes import timeline
from tune_es.report.lines import Lines, Panel, lines_of
from tune_es.report.numbers import Window
from tune_es.report.parameters import varied
from tune_es.report.text import literal

FORMATS = ("png", "svg")
MOST_PARAMETERS = 12
MOST_NAMES = 40
INCHES = (3.6, 2.6)

#: The same sweep gives the same file.
STYLE: dict[Any, Any] = {
    "svg.hashsalt": "tune_es",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E9EAEC",
    "legend.frameon": False,
    "savefig.dpi": 200,
}


def save_plots(experiment: Experiment, folder: Path, file_format: str = "png") -> list[Path]:
    """Write the charts that there is something for into a folder, and say which.

    ``curves``, ``ends``, ``hyperparameters`` and ``timeline``; the folder is made if need be.

    Raises:
        ValueError: A format other than png and svg.
    """
    check_name("save_plots", "file_format", file_format, FORMATS)
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[Experiment], Figure | None]] = {
        "curves": curves,
        "ends": how_ended,
        "hyperparameters": hyperparameters,
        "timeline": over_time,
    }
    written = []
    for name, make in makers.items():
        with mpl.rc_context(STYLE), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing from")  # drawn as a box
            plot = make(experiment)
            if plot is not None:
                path = folder / f"{name}.{file_format}"
                when = {"Date": None} if file_format == "svg" else None
                plot.savefig(path, bbox_inches="tight", metadata=when)
                written.append(path)
    return written


def curves(experiment: Experiment) -> Figure | None:
    """Learning curves of every metric, each stop marked; None where nothing was reported."""
    lines = lines_of(experiment)
    if not lines.trials:
        return None
    plot, axes = _grid(len(lines.panels))
    for axis, panel in zip(axes, lines.panels, strict=True):
        _draw_curves(axis, experiment, lines, panel)
    groups = counts([experiment.trials[at] for at in lines.trials])
    handles = [
        Line2D([], [], color=each.colour, marker=each.symbol, markersize=4, label=each.label)
        for each in groups
    ]
    plot.legend(handles=handles, loc="outside lower center", ncols=min(6, len(handles)))
    return plot


def _draw_curves(axis: Any, experiment: Experiment, lines: Lines, panel: Panel) -> None:
    colours = [group_of(experiment.trials[at]).colour for at in lines.trials]
    segments = [np.column_stack(each) for each in zip(lines.xs, panel.ys, strict=True)]
    alpha = min(0.8, max(0.16, 7 / len(segments) ** 0.5))
    axis.add_collection(LineCollection(segments, colors=colours, alpha=alpha, linewidths=0.8))
    for stop in panel.stops:
        group = group_of(experiment.trials[stop.trial])
        axis.plot(stop.x, stop.y, group.symbol, color=group.colour, markersize=3.5)
    if panel.best is not None:
        best = lines.trials.index(panel.best.trial)
        axis.plot(lines.xs[best], panel.ys[best], color=BEST_COLOUR, linewidth=1.4)
        _star(axis, panel.best.x, panel.best.y)
    steps = np.concatenate(lines.xs)
    _frame(
        axis, Window(0.0, float(np.nanmax([*steps, experiment.max_t or 0.0])) * 1.02), panel.window
    )
    axis.set_ylabel(_plain(panel.metric, 50))
    axis.set_xlabel(_plain(experiment.time_attr, 50))


def how_ended(experiment: Experiment) -> Figure | None:
    """How many trials ended in which way, by which rule."""
    found = ends(experiment.trials)
    if not found:
        return None
    plot, (axis,) = _grid(1, height=0.6 + 0.28 * len(found))
    labels = [
        f"{each.group.label}: {_plain(each.criterion, 40)}" if each.criterion else each.group.label
        for each in found
    ]
    sizes = [len(each.trials) for each in found]
    bars = axis.barh(range(len(found)), sizes, color=[each.group.colour for each in found])
    axis.bar_label(bars, padding=2)
    axis.set_yticks(range(len(found)), labels)
    axis.invert_yaxis()
    axis.grid(visible=False)
    axis.set_xlabel("trials")
    return plot


def hyperparameters(experiment: Experiment) -> Figure | None:
    """The best value of every trial against each hyperparameter that varies."""
    parameters, _ = varied(experiment.trials)
    drawn = against(experiment, parameters[:MOST_PARAMETERS])
    if not drawn.scatters or not drawn.rows:
        return None
    plot, axes = _grid(len(drawn.scatters))
    for axis, each in zip(axes, drawn.scatters, strict=True):
        _draw_scatter(axis, experiment, drawn, each)
    return plot


def _draw_scatter(axis: Any, experiment: Experiment, drawn: Against, each: Scatter) -> None:
    groups = [group_of(experiment.trials[at]) for at in drawn.rows]
    for group in dict.fromkeys(groups):
        at = [place for place, one in enumerate(groups) if one is group]
        axis.plot(
            each.xs[at], drawn.ys[at], group.symbol, color=group.colour, markersize=3, alpha=0.7
        )
    if drawn.star is not None:
        _star(axis, each.xs[drawn.star], drawn.ys[drawn.star])
    _frame(axis, each.across, drawn.frame)
    if each.parameter.categories:
        labels = [_plain(label, 16) for label in each.parameter.categories]
        turned = (
            {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if len(labels) > 4 else {}
        )
        axis.set_xticks(range(len(labels)), labels, **turned)
    axis.set_xlabel(_plain(each.parameter.name, 50))
    axis.set_ylabel(f"best {_plain(experiment.metric, 40)}")


def over_time(experiment: Experiment) -> Figure | None:
    """Which worker trained which trial, and when."""
    made = timeline(experiment)
    if not made.stretches:
        return None
    size, unit = made.unit
    plot, (axis,) = _grid(1, width=7.2, height=min(9.0, 0.9 + 0.22 * len(made.lanes)))
    for each in made.stretches:
        group = group_of(experiment.trials[each.trial])
        start = (each.span.start - made.start) / size
        is_paused = each.span.ended == "paused"
        axis.barh(
            each.lane, each.seconds / size, left=start, height=0.76, color=group.colour,
            alpha=0.4 if is_paused else 0.85, edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        if is_paused:
            axis.plot(start + each.seconds / size, each.lane, "|", color="#222222", markersize=5)
        elif each.span.ended in ("failed", "lost"):
            axis.plot(start + each.seconds / size, each.lane, "x", color="#D55E00", markersize=4)
        if each.is_resumed:
            axis.plot(start, each.lane, ">", color="#222222", markersize=3)
    names = [_plain(each or at + 1, 24) for at, each in enumerate(made.lanes)]
    axis.set_yticks(
        range(len(names)) if len(names) <= 40 else [], names if len(names) <= 40 else []
    )
    axis.invert_yaxis()
    axis.grid(visible=False)
    axis.set_xlabel(f"{unit} since the start")
    return plot


def _star(axis: Any, x: float, y: float) -> None:
    axis.plot(
        x, y, "*", color=STAR_COLOUR, markeredgecolor=BEST_COLOUR, markersize=9, markeredgewidth=0.6
    )


def _frame(axis: Any, across: Window, frame: Window) -> None:
    axis.set_xscale("log" if across.is_log else "linear")
    axis.set_yscale("log" if frame.is_log else "linear")
    axis.set_xlim(across.low, across.high)
    axis.set_ylim(frame.low, frame.high)


def _grid(
    count: int, width: float = INCHES[0], height: float = INCHES[1]
) -> tuple[Figure, list[Any]]:
    """A figure with so many axes, three side by side."""
    across = min(3, count)
    down = -(-count // across)
    plot = Figure(figsize=(width * across, height * down), layout="constrained")
    FigureCanvasAgg(plot)
    return plot, [plot.add_subplot(down, across, at + 1) for at in range(count)]


def _plain(text: object, longest: int) -> str:
    """A user's text that is not read as TeX."""
    return literal(text, longest).replace("$", "\\$")
