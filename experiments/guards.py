"""The guard against exploding losses on recorded curves.

    python -m experiments.guards --curves ../shared/curves --out experiments/results/guards.md

Replays the project's own `Explosion` over every recorded curve of a loss, up to its first
non-finite value, and counts the stops after which the full run beats the best value at the stop by
over 0.5 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.recorded_curves import Curve, load_curves
from experiments.tables import markdown_table
from tune_es import Explosion, fired_at

FACTORS = (10.0, 30.0, 100.0, 300.0, 1000.0)
PATIENCES = (3, 5)
LOSS = 0.005
"""A stop is wrong where the full run is better by over this share of its best value."""


def row(rule: Explosion, curves: list[Curve]) -> dict[str, object]:
    """How often a rule fires on these curves, and how often that was wrong."""
    stops = wrong = spared = 0
    for curve in curves:
        scores = [curve.sign * value for value in curve.values[: curve.max_t]]
        at = fired_at(rule, scores)
        if at is None:
            continue
        best = max(scores)
        stops += 1
        spared += len(scores) - at - 1
        wrong += best - max(scores[: at + 1]) > LOSS * abs(best)
    steps = sum(min(len(curve.values), curve.max_t) for curve in curves)
    return {
        "factor": rule.factor,
        "patience": rule.patience,
        "stops": stops,
        "wrong": wrong,
        "evaluations spared": f"{spared / steps:.2%}",
    }


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="Replay the guard against exploding losses.")
    parser.add_argument("--curves", type=Path, default=Path("../shared/curves"))
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    curves = [curve for curve in load_curves(options.curves) if curve.mode == "min"]
    rules = [Explosion(factor, patience) for factor in FACTORS for patience in PATIENCES]
    text = (
        f"# The guard against exploding losses\n\n{len(curves)} recorded curves of losses. Wrong: "
        f"the full run is better than the best at the stop by over {LOSS:.1%}. The default is a "
        "factor of 300 and a patience of 5; it was chosen on these curves.\n\n"
        f"{markdown_table([row(rule, curves) for rule in rules])}\n"
        "Command: `python -m experiments.guards --curves ../shared/curves --out "
        "experiments/results/guards.md`\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
