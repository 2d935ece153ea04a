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
import statistics
import sys
import time
import tracemalloc
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
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
from experiments.overhead_table import PIECES, Cost, interval, markdown, short
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

MEDIANS = 30
KEPT = (100, 300)
#: Results from one snapshot to the next, and from one question to the next that Ray's are asked.
SAVE_EVERY, ASK_EVERY = 2500, 50
OTHERS = {"accuracy": "max", "latency": "min"}
Make = Callable[[int], TrialScheduler]


NOTES = f"""\
Sweeps of up to {STEPS} results a trial, {WORKERS} at a time, through the schedulers themselves.
Means over whole sweeps in microseconds of CPU time, with 90 % intervals from a bootstrap over
{PIECES} pieces of each sweep. Ray's schedulers are asked whom to start at every {ASK_EVERY}th
result and whenever a worker is free, ours at every result; Ray's MedianStoppingRule judges
{MEDIANS} results of a sweep. Choosing is counted without ending those that were let go; garbage
collection with what a sweep leaves, without Ray's trials. What is kept is counted by tracemalloc
between sweeps of {KEPT[0]} and {KEPT[1]} trials. Saving is what Ray does with the callback, here
at every {SAVE_EVERY:,}th result: the median, the longest, and the bytes a trial.
"""


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
    "ParetoHalving, hypervolume": ours(
        stop=ParetoHalving(("loss", "accuracy"), tie_break="hypervolume")
    ),
    "ParetoHalving, 3 metrics": ours(stop=ParetoHalving(("loss", "accuracy", "latency"))),
    "AdaptiveQuota": ours(promotion=AdaptiveQuota()),
    "AdaptiveQuota and TieBreak": ours(promotion=AdaptiveQuota(), ties=TIES),
    "AsyncHalving": ours(promotion=AsyncHalving()),
}


def measured(
    names: Iterable[str], sizes: Sequence[int], repeats: int, seed: int
) -> dict[tuple[str, int], Cost]:
    """All sweeps, the schedulers in turn."""
    costs = {(name, size): Cost(size) for name in names for size in sizes}
    for size in sizes:
        for at in range(max(1, min(repeats, 3000 // size))):
            for name in names:
                begun, is_rays = time.perf_counter(), name in RAYS
                often = (0, ASK_EVERY) if is_rays else (SAVE_EVERY, 1)
                sweep = Sweep(SCHEDULERS[name](size), new_trials(size), seed + at, *often)
                with frozen():
                    costs[name, size].add(sweep.run())
                wall = time.perf_counter() - begun
                said = f"{size} trials, {name}: {len(sweep.decisions)} results in {wall:.0f} s"
                print(said, file=sys.stderr, flush=True)
    return costs


@contextmanager
def frozen() -> Iterator[None]:
    """Garbage collection looks at what comes from here on, not at Ray's trials and modules."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def kept(make: Make, seed: int) -> float:
    """Bytes of live state for each finished trial, by tracemalloc; Ray's trials do not count."""
    found = []
    for size in KEPT:
        trials = new_trials(size)
        tracemalloc.start()
        sweep = Sweep(make(size), trials, seed, ask_every=ASK_EVERY).run()
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
    choose = ["`choose_trial_to_run`, us", "in the last tenth", "ending a trial, us"]
    saving = ["kept a trial, bytes", "saving, ms", "longest", "bytes"]
    table = [[f"at {largest:,} trials", *choose, *saving]]
    for name in names:
        cost = costs[name, largest]
        spent = [ms for ms, _ in cost.saves]
        saves = ["-"] * 3
        if spent:
            size = max(size for _, size in cost.saves)
            saves = [short(statistics.median(spent)), short(max(spent)), f"{size / largest:,.0f}"]
        memory = f"{kept(SCHEDULERS[name], seed):,.0f}"
        timed = [interval(each, seed) for each in (cost.choices, cost.last, cost.ends)]
        table.append([name, *timed, memory, *saves])
    return table


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
        f"# What the schedulers cost\n\n    {command('experiments.overhead', given)}\n\n{NOTES}"
        f"Seed {options.seed}. {versions(('ray', 'tune_es'))}; {machine()}; load "
        f"{before:.1f} before and {os.getloadavg()[0]:.1f} after.\n\n{decisions}\n{others}{live}"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
