"""What one decision costs, by rule and by the number of steps that the trial has run.

    python -m benchmarks.decision --out experiments/results/decision_cost.md

A decision is `Judge.judge`: reading a result dictionary of Ray's shape, checking it, recording it
and stepping the policy, as a scheduler does for every result. The curve is a noisy power law that
never stops. The collector is off while it is timed, as timeit does it.
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
    Adaptive,
    BelowMedian,
    Composite,
    Criterion,
    Cyclic,
    Patience,
    PerMetric,
    Policy,
    Smoothed,
    __version__,
)
from tune_es.ray.judge import Judge

WINDOW = 200
"""Decisions timed around each number of steps."""

RULES: dict[str, Criterion] = {
    "Patience(200)": Patience(200),
    "safe": Adaptive.safe(),
    "balanced": Adaptive.balanced(),
    "aggressive": Adaptive.aggressive(),
    "balanced & Patience on another metric": Adaptive.balanced() & Patience(200, metric="accuracy"),
    "all of two metrics": PerMetric(Patience(200), ("loss", "accuracy")),
    "composite of two metrics": Composite(Patience(200), {"loss": 1.0, "accuracy": 1.0}),
    "smoothed patience": Smoothed(Patience(200)),
    "cyclic patience, period unknown": Cyclic(Patience(200)),
    "below the median of 500 trials": BelowMedian(min_trials=501),
}


def result_at(step: int, draw: random.Random) -> dict[str, object]:
    """A result as Ray hands it to a scheduler."""
    return {
        "training_iteration": step,
        "loss": 1.0 / step**0.5 + draw.gauss(0.0, 0.01),
        "accuracy": draw.random(),
        "time_total_s": float(step),
        "trial_id": "trial",
        "done": False,
        "config/lr": 0.1,
    }


def timings(rule: Criterion, steps: int, seed: int) -> list[float]:
    """Microseconds of every decision of one trial."""
    draw = random.Random(seed)
    judge = Judge(Policy("loss", "min", stop=rule, other_metrics={"accuracy": "max"}, max_t=10**6))
    if rule.uses_peers:
        for trial in range(500):
            judge.judge(f"peer{trial}", result_at(steps, draw))
    results = [result_at(step, draw) for step in range(1, steps + 1)]
    spent = []
    gc.disable()
    for result in results:
        start = time.perf_counter()
        judge.judge("trial", result)
        spent.append(1e6 * (time.perf_counter() - start))
    gc.enable()
    return spent


def table(sizes: list[int], seed: int) -> str:
    """A Markdown table: the median microseconds of the decisions up to each number of steps."""
    heads = [f"steps {size - WINDOW}-{size}" for size in sizes]
    lines = [["rule", *heads, "99th percentile"], ["---"] * (len(heads) + 2)]
    for name, rule in RULES.items():
        spent = timings(rule, max(sizes), seed)
        medians = [statistics.median(spent[size - WINDOW : size]) for size in sizes]
        worst = statistics.quantiles(spent, n=100)[98]
        lines.append([name, *(f"{value:.1f}" for value in (*medians, worst))])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="Time one decision.")
    parser.add_argument("--steps", type=int, nargs="+", default=[200, 1000, 5000])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    machine = f"{platform.machine()}, Python {platform.python_version()}, tune_es {__version__}"
    text = (
        "# What one decision costs\n\nMicroseconds, median, on one core "
        f"({machine}, seed {options.seed}).\n\n{table(options.steps, options.seed)}"
        "\nCommand: `python -m benchmarks.decision --out experiments/results/decision_cost.md`\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
