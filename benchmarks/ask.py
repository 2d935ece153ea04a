"""What it costs to ask a searcher for the next trial, by the number of trials before.

    python -m benchmarks.ask --trials 200 500 1000

Ray's OptunaSearch, and ours with each of its models, are driven by hand as a sweep drives them: 16
trials at a time of 1, 3, 9, 27 or 81 steps each, 8 parameters, the study in memory. The time is the
median of the last 20 questions; saved is what Ray does with the searcher every 10 seconds or less
often.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from tune_es.ray import EarlyStoppingOptunaSearch

WORKERS, LENGTHS, LAST = 16, (1, 3, 9, 27, 81), 20
SPACE = {f"x{at}": tune.uniform(0, 1) for at in range(8)}


def searchers() -> dict[str, OptunaSearch]:
    """The searchers by name, ready to be asked."""
    objective: Any = {"metric": "value", "mode": "max", "seed": 0}
    each = {
        "OptunaSearch": OptunaSearch(**objective),
        "ours, common_rung": EarlyStoppingOptunaSearch(**objective),
        "ours, best": EarlyStoppingOptunaSearch(**objective, model="best"),
    }
    for search in each.values():
        search.set_search_properties(None, None, SPACE)
    return each


def drive(search: OptunaSearch, trials: int) -> list[float]:
    """Run this many trials; gives the milliseconds that each question took."""
    chance, asks, running = random.Random(0), list[float](), list[tuple[str, dict[str, Any]]]()
    for number in range(trials):
        start = time.perf_counter()
        config = search.suggest(name := f"t{number}")
        asks.append(1e3 * (time.perf_counter() - start))
        best = -sum((x - 0.5) ** 2 for x in (config or {}).values())
        length = chance.choice(LENGTHS)
        results = [
            {"value": best - 1 / at, "training_iteration": at} for at in range(1, length + 1)
        ]
        for result in results[:-1]:
            search.on_trial_result(name, result)
        running.append((name, {**results[-1], "done": True}))
        if len(running) == WORKERS:
            search.on_trial_complete(*running.pop(chance.randrange(WORKERS)))
    return asks


def saved(search: OptunaSearch) -> float:
    """The milliseconds that saving it takes."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        search.save(str(Path(folder, "state")))
        return 1e3 * (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[200, 500, 1000])
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    print("| trials | searcher | ask, ms | save, ms |\n|---|---|---|---|")
    for trials in parser.parse_args().trials:
        for name, search in searchers().items():
            asks = statistics.median(drive(search, trials)[-LAST:])
            print(f"| {trials} | {name} | {asks:.1f} | {saved(search):.1f} |")


if __name__ == "__main__":
    main()
