"""The guard against exploding losses on recorded curves.

    python -m experiments.guards --curves ../shared/curves --out experiments/results/guards.md

Replays the project's own `Explosion` over every recorded curve of a loss, up to its first
non-finite value, and counts the stops after which the full run beats the best value at the stop by
over 0.5 %. Then over every curve that explodes nowhere, in either mode, moved so that it begins
just below 0 as a reward may: what is ended there has only left 0.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from experiments.provenance import machine, versions
from experiments.recorded_curves import Curve, load_curves
from experiments.tables import markdown_table
from tune_es import Explosion, fired_at

FACTORS = (10.0, 30.0, 100.0, 300.0, 1000.0)
PATIENCES = (3, 5)
LOSS = 0.005
"""A stop is wrong where the full run is better by over this share of its best value."""


LEAST_STARTS = (0.0, 0.01, 0.1, 1.0, 10.0)
OFFSETS = (0.0001, 0.001, 0.01)
"""Where moved curves begin, in shares of the range between their first and last decile."""


def oriented(curve: Curve) -> list[float]:
    """A curve within its budget, higher is better."""
    return [curve.sign * value for value in curve.values[: curve.max_t]]


def moved(scores: Sequence[float], offset: float) -> list[float]:
    """The curve with its first value just below 0."""
    low, high = np.quantile(scores, [0.1, 0.9])
    return [score - scores[0] - offset * float(high - low) for score in scores]


def row(rule: Explosion, curves: Iterable[Sequence[float]]) -> dict[str, object]:
    """How often a rule fires on these curves, and how often that was wrong."""
    stops = wrong = spared = steps = 0
    for scores in curves:
        steps += len(scores)
        at = fired_at(rule, scores)
        if at is None:
            continue
        best = max(scores)
        stops += 1
        spared += len(scores) - at - 1
        wrong += best - max(scores[: at + 1]) > LOSS * abs(best)
    return {"stops": stops, "wrong": wrong, "evaluations spared": f"{spared / steps:.2%}"}


def on_losses(curves: list[Curve]) -> str:
    """The table by factor and patience, and that by the least start."""
    scores = [oriented(curve) for curve in curves if curve.mode == "min"]
    rules = [Explosion(factor, patience) for factor in FACTORS for patience in PATIENCES]
    by_factor = [
        {"factor": rule.factor, "patience": rule.patience, **row(rule, scores)} for rule in rules
    ]
    by_least = [
        {"least start": least, **row(Explosion(least_start=least), scores)}
        for least in LEAST_STARTS
    ]
    return f"{markdown_table(by_factor)}\n{markdown_table(by_least)}"


def on_moved(curves: list[Curve]) -> tuple[int, str]:
    """How many curves explode nowhere, and how often moved ones are ended."""
    calm = [
        scores
        for scores in map(oriented, curves)
        if max(map(abs, scores)) <= Explosion.factor * max(1.0, abs(scores[0]))
    ]
    table = []
    for offset in OFFSETS:
        near = [moved(scores, offset) for scores in calm]
        for least in LEAST_STARTS:
            found = row(Explosion(least_start=least), near)
            table.append({"begins at": f"-{offset:g} of its range", "least start": least, **found})
    return len(calm), markdown_table(table)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="Replay the guard against exploding losses.")
    parser.add_argument("--curves", type=Path, default=Path("../shared/curves"))
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    curves = load_curves(options.curves)
    losses = sum(curve.mode == "min" for curve in curves)
    calm, near_zero = on_moved(curves)
    text = (
        f"# The guard against exploding losses\n\n{losses} recorded curves of losses. Wrong: "
        f"the full run is better than the best at the stop by over {LOSS:.1%}. The default is a "
        "factor of 300 and a patience of 5, and a first value counts for at least 1; factor and "
        f"patience were chosen on these curves.\n\n{on_losses(curves)}\n"
        f"{calm} curves in either mode that explode nowhere, moved so that they begin just below "
        f"0; none of them is to be ended.\n\n{near_zero}\n"
        "Command: `python -m experiments.guards --curves ../shared/curves --out "
        "experiments/results/guards.md`\n\n"
        f"{versions(['tune_es', 'numpy'])}; {machine()}; no random numbers.\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
