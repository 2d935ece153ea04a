"""Cost against regret, a mark a policy, and the lower envelope of every package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.benchmark.report import CLEAN, package_of
from tune_es.replay import Point, Score, envelope, points

#: Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#000000")
MARKS = ("o", "s", "^", "D", "v", "*")
#: Regrets below this are drawn here: a logarithmic axis has no zero.
SMALLEST = 1e-4


def draw(scores: Sequence[Score], path: Path) -> None:
    """One panel for clean tasks and one for hard ones."""
    clean = [each for each in scores if each.source in CLEAN]
    hard = [each for each in scores if each.source not in CLEAN]
    panels = {title: part for title, part in (("clean", clean), ("hard", hard)) if part}
    # A fixed salt makes the same figure the same file.
    with rc_context({"svg.hashsalt": "tune_es", "font.size": 9}):
        figure = Figure(figsize=(5.2 * len(panels), 4.4), layout="constrained")
        axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axis, (title, part) in zip(axes, panels.items(), strict=True):
            _panel(axis, part)
            axis.set_title(f"{title} tasks ({len({(s.source, s.task) for s in part})})")
        axes[0].legend(fontsize=8)
        figure.savefig(path, metadata={"Date": None})


def _panel(axis: Axes, scores: Sequence[Score]) -> None:
    packages = list(dict.fromkeys(package_of(each.policy) for each in scores))
    for package, colour, mark in zip(packages, COLOURS, MARKS, strict=False):
        mine = points(each for each in scores if package_of(each.policy) == package)
        axis.scatter(*_xy(mine), color=colour, marker=mark, s=26, label=package)
        axis.plot(*_xy(envelope(mine)), color=colour, linewidth=1, alpha=0.6)
        for point in envelope(mine):
            x, y = point.cost, max(point.regret, SMALLEST)
            axis.annotate(
                point.policy, (x, y), fontsize=6, xytext=(3, 3), textcoords="offset points"
            )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel("cost (share of full training)")
    axis.set_ylabel("mean regret")
    axis.grid(visible=True, which="both", alpha=0.2)


def _xy(found: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [each.cost for each in found], [max(each.regret, SMALLEST) for each in found]
