"""Cost against regret, a mark a policy, and the lower envelope of every package.

    python -m experiments.benchmark.plot

draws `benchmark.svg` again from the recorded `benchmark.csv`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.benchmark.report import CLEAN, package_of
from tune_es.replay import Point, envelope

RESULTS = Path(__file__).parent.parent / "results"

#: Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#000000")
MARKS = ("o", "s", "^", "D", "v", "*")
#: Regrets outside are drawn at the edge: a logarithmic axis has no zero.
LEAST, MOST = 1e-3, 1.0
TICKS = (0.1, 0.2, 0.3, 0.5, 1.0)

Row = Mapping[str, str]


def draw(rows: Path, path: Path) -> None:
    """One panel for clean tasks and one for hard ones, of the rows of a CSV file."""
    with rows.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    clean = [row for row in found if row["source"] in CLEAN]
    hard = [row for row in found if row["source"] not in CLEAN]
    parts = {"clean": clean, "hard": hard}
    draw_panels({f"{kind} tasks ({_tasks(part)})": part for kind, part in parts.items()}, path)


def draw_panels(panels: Mapping[str, Sequence[Row]], path: Path) -> None:
    """A panel for each title; those without rows are left out."""
    panels = {title: part for title, part in panels.items() if part}
    # A fixed salt makes the same figure the same file.
    with rc_context({"svg.hashsalt": "tune_es", "font.size": 9}):
        figure = Figure(figsize=(7.2 * len(panels), 6), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, part) in zip(axes, panels.items(), strict=True):
            _panel(axis, part)
            axis.set_title(title)
        axes[0].legend(fontsize=8, loc="lower left")
        figure.savefig(path, metadata={"Date": None})


def _tasks(rows: Sequence[Row]) -> int:
    return len({(row["source"], row["task"]) for row in rows})


def points_of(rows: Iterable[Row]) -> list[Point]:
    """The mean cost and regret of every policy, each task the same weight."""
    by: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        by.setdefault(row["policy"], []).append((float(row["cost"]), float(row["regret"])))
    return [Point(name, *np.mean(pairs, axis=0).tolist()) for name, pairs in by.items()]


def _panel(axis: Axes, rows: Sequence[Row]) -> None:
    known = points_of(rows)
    packages = list(dict.fromkeys(package_of(each.policy) for each in known))
    for package, colour, mark in zip(packages, COLOURS, MARKS, strict=False):
        mine = [each for each in known if package_of(each.policy) == package]
        axis.scatter(*_xy(mine), color=colour, marker=mark, s=26, label=package)
        axis.plot(*_xy(envelope(mine)), color=colour, linewidth=1, alpha=0.5)
    for point in envelope(known):
        ((x,), (y,)) = _xy([point])
        axis.annotate(point.policy, (x, y), fontsize=7, xytext=(4, 4), textcoords="offset points")
    axis.set(xscale="log", yscale="log", ylim=(LEAST * 0.8, MOST * 1.2))
    axis.set(xlabel="cost (share of full training)", ylabel="mean regret")
    axis.set_xticks(TICKS)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: ""))
    axis.grid(visible=True, which="both", alpha=0.2)


def _xy(found: Sequence[Point]) -> tuple[list[float], list[float]]:
    return (
        [each.cost for each in found],
        [min(max(each.regret, LEAST), MOST) for each in found],
    )


if __name__ == "__main__":
    draw(RESULTS / "benchmark.csv", RESULTS / "benchmark.svg")
