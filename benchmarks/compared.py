"""How fast whole sweeps are replayed under each kind of rule: the engine beside the compiled path.

    python -m benchmarks.compared --curves ../shared/curves/taskset_text

Streams of 100 trials of every task are swept under a policy of each kind by both, and have to agree
to the step. A sweep of the engine is that of one stream; of the compiled path it is a share of all
streams of the task, and of what the policy works out once for them. `--mixed` times `judge` on that
many policies of all kinds drawn at random, as a search over policies would call it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.provenance import command, machine, versions
from tune_es.replay import (
    Candidate,
    Cluster,
    PolicyScheduler,
    Run,
    TaskCurves,
    candidate,
    judge,
    load_tasks,
    replay,
)
from tune_es.replay.curves import Ints
from tune_es.replay.fast.pool import Pool
from tune_es.replay.scorecard import drawn
from tune_es.replay.sweeps import sweep_of

TRIALS = 100

KINDS = {
    "its own curve: Patience(5)": "{Patience: {patience: 5}}",
    "its own curve: balanced": "balanced",
    "its own curve, smoothed": "{Smoothed: {rule: {Patience: {patience: 5}}}}",
    "halving": "{SuccessiveHalving: {grace_period: 2}}",
    "median": "{BelowMedian: {grace_period: 5}}",
    "percentile": "{BelowPercentile: {percentile: 25, grace_period: 3}}",
    "median or balanced": "{AnyOf: [{BelowMedian: {grace_period: 5}}, balanced]}",
    "halving and patience": "{AllOf: [{SuccessiveHalving: {}}, {Patience: {patience: 3}}]}",
    "adaptive quotas": "AdaptiveQuota",
    "adaptive quotas, in step": "{AdaptiveQuota: {asynchronous: false}}",
    "adaptive quotas and safe": "{stop: safe, promotion: AdaptiveQuota}",
    "table": "{RungTable: {keep: {4: 33, 12: 11, 36: 4}}}",
    "asynchronous halving": "AsyncHalving",
}

OWN = (
    "{{Patience: {{patience: {count}}}}}",
    "{{Adaptive: {{patience: {count}, budget_share: {share:.3f}, min_gain: {gain:.5f}}}}}",
    "{{WindowGain: {{window: {count}, min_gain: {gain:.5f}}}}}",
    "{{Smoothed: {{rule: {{Patience: {{patience: {count}}}}}}}}}",
)
PEERS = (
    "{{SuccessiveHalving: {{grace_period: {grace}, reduction_factor: {factor:.2f}}}}}",
    "{{BelowMedian: {{grace_period: {grace}}}}}",
    "{{BelowPercentile: {{percentile: {percent}, grace_period: {grace}}}}}",
)
PROMOTIONS = (
    "{{AdaptiveQuota: {{c: {c:.3f}}}}}",
    "{{AdaptiveQuota: {{c: {c:.3f}, growth: {factor:.2f}, flattening: {share:.3f}}}}}",
    "{{RungTable: {{keep: {{{grace}: {kept}, 12: 11, 36: 4}}}}}}",
    "{{AsyncHalving: {{grace_period: {grace}, reduction_factor: {factor:.2f}}}}}",
)
SHAPES = (
    "{own}",
    "{peers}",
    "{{AnyOf: [{own}, {peers}]}}",
    "{{AllOf: [{own}, {peers}]}}",
    "{promotion}",
    "{{stop: {own}, promotion: {promotion}}}",
)


def mixed(count: int, seed: int) -> list[Candidate]:
    """Different policies of all kinds, the same number of each shape on average."""
    draw = np.random.default_rng(seed)
    texts: dict[str, None] = {}
    while len(texts) < count:
        numbers = {
            "count": draw.integers(2, 15),
            "grace": draw.integers(1, 10),
            "percent": draw.integers(10, 90),
            "kept": draw.integers(12, 60),
            "share": draw.uniform(0, 0.5),
            "gain": 10 ** draw.uniform(-4, -2),
            "factor": draw.uniform(1.5, 4),
            "c": draw.uniform(0.3, 2),
        }
        kinds = {"own": OWN, "peers": PEERS, "promotion": PROMOTIONS}
        parts = {name: str(draw.choice(forms)).format(**numbers) for name, forms in kinds.items()}
        texts[str(draw.choice(SHAPES)).format(**parts)] = None
    return [candidate(text) for text in texts]


def of_kind(name: str, pools: Sequence[tuple[Pool, list[Ints]]], cluster: Cluster) -> list[str]:
    """Steps of a sweep, and the milliseconds it takes the engine and compiled."""
    rule, exact, swept, steps = candidate(KINDS[name]).policy, list[float](), list[float](), 0
    if rule is None:
        raise ValueError(f"{name} is no policy of ours")
    for pool, draws in pools:
        task, runs = pool.curves.task, list[Run]()
        for draw in draws:
            curves = pool.curves.chosen(draw.tolist())
            began = time.perf_counter()
            runs.append(replay(PolicyScheduler(rule(task), trials=len(draw)), curves, cluster))
            exact.append(time.perf_counter() - began)
        sweep_of(rule(task), pool, cluster)(draws[0])  # compiles, and fills what policies share
        began = time.perf_counter()
        sweep = sweep_of(rule(task), pool, cluster)
        found = [sweep(draw) for draw in draws]
        swept.append((time.perf_counter() - began) / len(draws))
        for one, run in zip(found, runs, strict=True):
            if one.reached.tolist() != run.reached.tolist():
                raise RuntimeError(f"{name} runs otherwise on {task.name}")
            steps += int(run.steps.sum())
    before, after = (1000 * statistics.median(spent) for spent in (exact, swept))
    row = [f"{steps / len(exact):,.0f}", f"{before:.1f}", f"{after:.2f}", f"{before / after:.0f}"]
    return [name, *row]


def pools_of(tasks: Sequence[TaskCurves], seeds: int) -> list[tuple[Pool, list[Ints]]]:
    """Of every task the trials that are in a stream, and which of them are in each."""
    pools = []
    for curves in tasks:
        draws = [drawn(curves, TRIALS, seed) for seed in range(seeds)]
        mine = np.unique(np.concatenate(draws))
        pool = Pool(curves.chosen(mine.tolist()))
        pools.append((pool, [np.searchsorted(mine, draw) for draw in draws]))
    return pools


def kinds(tasks: Sequence[TaskCurves], seeds: int, cluster: Cluster) -> str:
    """The table of all kinds."""
    header = ["kind", "steps", "engine, ms", "compiled, ms", "ratio"]
    pools = pools_of(tasks, seeds)
    lines = [header, ["---"] * len(header), *(of_kind(name, pools, cluster) for name in KINDS)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def search(tasks: Sequence[TaskCurves], options: argparse.Namespace) -> str:
    """What many policies take together."""
    policies = mixed(options.mixed, options.seed)
    began = time.perf_counter()
    scores = judge(tasks, policies, trials=TRIALS, seeds=20, processes=options.processes)
    seconds = time.perf_counter() - began
    return (
        f"\n{len(policies)} policies of all kinds x {len(tasks)} tasks x {TRIALS} curves x 20 "
        f"seeds, scored: {seconds:.0f} s on {options.processes} processes, start-up included, "
        f"{1000 * seconds * options.processes / len(scores):.2f} ms of a process for each of "
        f"{len(scores):,} sweeps.\n"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Sweep, print what it took and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", type=Path, nargs="+", required=True)
    parser.add_argument("--tasks", type=int, default=12, help="the first so many")
    parser.add_argument("--seeds", type=int, default=5, help="streams of a task for each kind")
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--mixed", type=int, default=0, help="policies to be judged together")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the mixed policies")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = load_tasks(options.curves)[: options.tasks]
    text = (
        "# Sweeps by the engine and compiled\n\n"
        f"    {command('benchmarks.compared', given)}\n\n"
        f"{len(tasks)} tasks, {options.seeds} streams of {TRIALS} trials each, {options.workers} "
        "workers. `steps` are those of a sweep on average; times are medians.\n\n"
        f"{kinds(tasks, options.seeds, Cluster(options.workers))}"
        f"{search(tasks, options) if options.mixed else ''}\n"
        f"{versions(('numpy', 'numba'))}; {machine()}.\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
