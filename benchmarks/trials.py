"""What one decision costs where a trial is compared with others, by the number of trials.

    python -m benchmarks.trials --out experiments/results/cost_by_trials.md

Random trials come to the same step one by one, under a :class:`tune_es.Referee`; the last ones are
timed. At a rung every trial is judged, so this is the most that a result can cost.
"""

from __future__ import annotations

import argparse
import gc
import platform
import random
import statistics
import time
from pathlib import Path

from tune_es import (
    BelowPercentile,
    Criterion,
    ParetoHalving,
    Policy,
    Referee,
    SuccessiveHalving,
    __version__,
)

WINDOW = 500
"""At most so many decisions are timed, the last ones."""

METRICS = ("a", "b", "c")
RULES: dict[str, Criterion] = {
    "BelowPercentile(25)": BelowPercentile(25),
    "SuccessiveHalving()": SuccessiveHalving(),
    "ParetoHalving, 2 metrics": ParetoHalving(METRICS[:2]),
    "ParetoHalving, 2 metrics, hypervolume": ParetoHalving(METRICS[:2], tie_break="hypervolume"),
    "ParetoHalving, 3 metrics": ParetoHalving(METRICS),
}


def timings(rule: Criterion, trials: int, correlation: float, seed: int) -> list[float]:
    """Microseconds of the last decisions on so many trials whose metrics go together this much."""
    draw = random.Random(seed)
    referee = Referee(Policy("a", "max", stop=rule, other_metrics={"b": "max", "c": "max"}))
    spent = []
    gc.disable()
    for trial in range(trials):
        common = draw.random()
        row: dict[str, object] = {
            name: correlation * common + (1 - correlation) * draw.random() for name in METRICS
        }
        start = time.perf_counter()
        referee.report(str(trial), {**row, "training_iteration": 1})
        spent.append(1e6 * (time.perf_counter() - start))
    gc.enable()
    return spent[-min(WINDOW, trials // 2) :]


def table(sizes: list[int], seed: int) -> str:
    """A Markdown table: mean and 99th percentile of a decision at each number of trials."""
    heads = ["rule", "correlation", *(f"{size} trials" for size in sizes)]
    lines = [heads, ["---"] * len(heads)]
    for name, rule in RULES.items():
        for correlation in (0.0, 0.7):
            cells = []
            for size in sizes:
                spent = timings(rule, size, correlation, seed)
                worst = statistics.quantiles(spent, n=100)[98]
                cells.append(f"{statistics.mean(spent):.0f} / {worst:.0f}")
            lines.append([name, str(correlation), *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="Time one decision among many trials.")
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    machine = f"{platform.machine()}, Python {platform.python_version()}, tune_es {__version__}"
    text = (
        "# What one decision costs among many trials\n\nMicroseconds at a rung, mean / 99th "
        f"percentile, on one core ({machine}, seed {options.seed}).\n\n"
        f"{table(options.trials, options.seed)}"
        "\nCommand: `python -m benchmarks.trials --out experiments/results/cost_by_trials.md`\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
