"""What the schedulers cost in sweeps of up to 10,000 trials, beside Ray's own.

    python -m experiments.overhead --out experiments/results/overhead.md

Whole sweeps of up to 100 results a trial go through the real schedulers (see
:mod:`experiments.overhead_sweep`), all schedulers in turn, the smaller sweeps several times. Costs
are CPU time of the thread, so other work on the machine counts for less than on the clock.
`--tune 1000` adds real sweeps of so many trials under `Tuner.fit`.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import statistics
import sys
import time
import tracemalloc
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import (
    ASHAScheduler,
    FIFOScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from experiments.overhead_sweep import ACCURACY, STEPS, WORKERS, Sweep, new_trials
from experiments.overhead_tune import real_sweeps
from experiments.provenance import command, machine, versions
from tune_es import (
    AdaptiveQuota,
    AsyncHalving,
    BelowMedian,
    ParetoHalving,
    SuccessiveHalving,
    TieBreak,
)
from tune_es.ray import EarlyStoppingScheduler

PIECES, RESAMPLES = 20, 1000
MEDIANS = 30
KEPT = (100, 300)
OTHERS = {"accuracy": "max", "latency": "min"}
Make = Callable[[int], TrialScheduler]


class SampledMedian(MedianStoppingRule):
    """Ray's median rule, which judges a few results of a sweep and takes the others in.

    One judgement goes through all results of all trials: a whole sweep of 10,000 would take days.
    """

    def __init__(self, trials: int) -> None:
        super().__init__("training_iteration", "loss", "min", grace_period=1)
        self.spent, self._heard = array("d"), 0
        self._every = trials * STEPS // MEDIANS

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        self._heard += 1
        if self._heard % self._every:
            self._results[trial].append(result)
            return str(TrialScheduler.CONTINUE)
        start = time.thread_time()
        word = super().on_trial_result(tune_controller, trial, result)
        self.spent.append(1e6 * (time.thread_time() - start))
        return word


def ours(**fields: Any) -> Make:
    """Our scheduler, on three metrics."""
    given: dict[str, Any] = {"stop": "none", "max_t": STEPS, **fields}
    if "ties" in fields:
        given |= {"metric": "accuracy", "mode": "max", "other_metrics": {"loss": "min"}}
    else:
        given |= {"metric": "loss", "mode": "min", "other_metrics": OTHERS}
    return lambda trials: EarlyStoppingScheduler(trials=trials, **given)


TIES = TieBreak("loss", n_val=ACCURACY)
RAYS: dict[str, Make] = {
    "Ray's FIFOScheduler": lambda trials: FIFOScheduler(),
    "Ray's ASHAScheduler": lambda trials: ASHAScheduler(
        metric="loss", mode="min", max_t=STEPS, reduction_factor=3
    ),
    "Ray's MedianStoppingRule": SampledMedian,
}
SCHEDULERS: dict[str, Make] = {
    **RAYS,
    "balanced": ours(stop="balanced"),
    "BelowMedian": ours(stop=BelowMedian(grace_period=5)),
    "SuccessiveHalving": ours(stop=SuccessiveHalving()),
    "ParetoHalving, 2 metrics": ours(stop=ParetoHalving(("loss", "accuracy"))),
    "ParetoHalving, 3 metrics": ours(stop=ParetoHalving(("loss", "accuracy", "latency"))),
    "AdaptiveQuota": ours(promotion=AdaptiveQuota()),
    "AdaptiveQuota and TieBreak": ours(promotion=AdaptiveQuota(), ties=TIES),
    "AsyncHalving": ours(promotion=AsyncHalving()),
}


@dataclass
class Cost:
    """What the sweeps of one scheduler and size came to, in microseconds."""

    trials: int
    results: int = 0
    decisions: list[float] = field(default_factory=list)
    choices: list[float] = field(default_factory=list)
    longest: float = 0.0
    saves: list[tuple[float, int]] = field(default_factory=list)

    def add(self, sweep: Sweep) -> None:
        """One more sweep: the means of its pieces, and the longest call."""
        spent = sweep.decisions
        if isinstance(sweep.scheduler, SampledMedian):
            spent = sweep.scheduler.spent
        self.results = len(sweep.decisions)
        self.decisions += pieces(spent)
        self.choices += pieces(sweep.choices[-len(sweep.choices) // 10 :])
        self.longest = max([self.longest, *spent, *sweep.choices])
        self.saves += sweep.saves


def pieces(spent: Sequence[float]) -> list[float]:
    """The means of so many pieces one after the other."""
    length = max(1, len(spent) // PIECES)
    return [statistics.fmean(spent[at : at + length]) for at in range(0, len(spent), length)]


def interval(values: Sequence[float], seed: int) -> str:
    """The mean and its 90 % interval from a bootstrap."""
    draw = random.Random(seed)
    means = sorted(statistics.fmean(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = means[RESAMPLES // 20], means[-RESAMPLES // 20]
    return f"{short(statistics.fmean(values))} [{short(low)}, {short(high)}]"


def short(value: float) -> str:
    """Two or three digits that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def measured(
    names: Iterable[str], sizes: Sequence[int], repeats: int, seed: int
) -> dict[tuple[str, int], Cost]:
    """All sweeps, the schedulers in turn."""
    costs = {(name, size): Cost(size) for name in names for size in sizes}
    for size in sizes:
        for at in range(max(1, min(repeats, 3000 // size))):
            for name in names:
                is_rays = name in RAYS
                save_every = 0 if is_rays else size
                make, trials = SCHEDULERS[name](size), new_trials(size)
                gc.collect()
                sweep = Sweep(make, trials, seed + at, save_every, ask_every=50 if is_rays else 1)
                costs[name, size].add(sweep.run())
                print(f"{size} trials, {name}: {len(sweep.decisions)} results", file=sys.stderr)
    return costs


def kept(make: Make, seed: int) -> float:
    """Bytes of live state for each finished trial, by tracemalloc; Ray's trials do not count."""
    found = []
    for size in KEPT:
        trials = new_trials(size)
        tracemalloc.start()
        sweep = Sweep(make(size), trials, seed, ask_every=50).run()
        sweep.forget()
        gc.collect()
        found.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    return (found[1] - found[0]) / (KEPT[1] - KEPT[0])


def rows(costs: dict[tuple[str, int], Cost], names: list[str], seed: int) -> list[list[str]]:
    """The table of decisions, and of everything else at the largest size."""
    sizes = sorted({size for _, size in costs})
    heads = [f"{size:,} trials" for size in sizes]
    table = [["decision, us", "results a trial", *heads, "growth", "longest call, ms"]]
    for name in names:
        each = [costs[name, size] for size in sizes]
        cells = [interval(cost.decisions, seed) for cost in each]
        growth = statistics.fmean(each[-1].decisions) / statistics.fmean(each[0].decisions)
        last = each[-1]
        start = [name, f"{last.results / last.trials:.1f}"]
        table.append([*start, *cells, f"{growth:.1f}", f"{last.longest / 1000:.1f}"])
    return table


def other_rows(costs: dict[tuple[str, int], Cost], names: list[str], seed: int) -> list[list[str]]:
    """Choosing, saving and what is kept."""
    largest = max(size for _, size in costs)
    heads = ["`choose_trial_to_run`, us", "kept a trial, bytes", "saving, ms", "longest", "bytes"]
    table = [[f"at {largest:,} trials", *heads]]
    for name in names:
        cost = costs[name, largest]
        spent = [ms for ms, _ in cost.saves]
        saves = ["-"] * 3
        if spent:
            size = max(size for _, size in cost.saves)
            saves = [short(statistics.median(spent)), short(max(spent)), f"{size / largest:,.0f}"]
        memory = f"{kept(SCHEDULERS[name], seed):,.0f}"
        table.append([name, interval(cost.choices, seed), memory, *saves])
    return table


def markdown(table: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [table[0], ["---"] * len(table[0]), *table[1:]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--repeats", type=int, default=5, help="of sweeps of 600 trials or fewer")
    parser.add_argument("--only", nargs="+", choices=SCHEDULERS, default=[*SCHEDULERS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tune", type=int, default=0, help="trials of the real sweeps")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    before = os.getloadavg()[0]
    costs = measured(options.only, options.trials, options.repeats, options.seed)
    decisions = markdown(rows(costs, options.only, options.seed))
    others = markdown(other_rows(costs, options.only, options.seed))
    live = f"\n{markdown(real_sweeps(options.tune))}" if options.tune else ""
    text = (
        "# What the schedulers cost\n\n"
        f"    {command('experiments.overhead', given)}\n\n"
        f"Sweeps of up to {STEPS} results a trial, {WORKERS} at a time, through the schedulers "
        "themselves. Means over whole\nsweeps in microseconds of CPU time, with 90 % intervals "
        f"from a bootstrap over {PIECES} pieces of each sweep; choosing\nover the last tenth. "
        f"Ray's MedianStoppingRule judges {MEDIANS} results of a sweep. What is kept is counted by "
        f"tracemalloc\nbetween sweeps of {KEPT[0]} and {KEPT[1]} trials; saving is what Ray does "
        "with the callback, the bytes are those of a trial.\n"
        f"Seed {options.seed}. {versions(('ray', 'tune_es'))}; {machine()}; load "
        f"{before:.1f} before and {os.getloadavg()[0]:.1f} after.\n\n{decisions}\n{others}{live}"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
