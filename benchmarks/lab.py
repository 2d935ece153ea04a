"""How long the lab takes for every recorded task under ten policies that compare trials.

    python -m benchmarks.lab --curves ../shared/curves

judges each policy on 20 streams of 100 trials of every task, on all cores, and prints the time and
the memory; with `--out` it writes them to a file, too. The policies are compiled;
`benchmarks.compared` has the engine beside them.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from experiments.provenance import command, machine, versions
from tune_es.replay import candidates, judge, load_tasks, points

POLICIES = (
    "{BelowMedian: {grace_period: 1}}",
    "{BelowMedian: {grace_period: 3}}",
    "{BelowMedian: {grace_period: 5}}",
    "{BelowMedian: {grace_period: 10, min_trials: 5}}",
    "{SuccessiveHalving: {grace_period: 1}}",
    "{SuccessiveHalving: {grace_period: 3}}",
    "{SuccessiveHalving: {grace_period: 5}}",
    "{SuccessiveHalving: {grace_period: 1, reduction_factor: 2}}",
    "{SuccessiveHalving: {grace_period: 2, reduction_factor: 4}}",
    "{AnyOf: [{BelowMedian: {grace_period: 5}}, balanced]}",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay, print what it took and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", type=Path, nargs="+", required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    began = time.perf_counter()
    tasks = load_tasks(options.curves)
    scores = judge(tasks, candidates(POLICIES), seeds=options.seeds, processes=options.processes)
    seconds = time.perf_counter() - began
    steps = sum(score.steps for score in scores)
    report = (
        "# The lab on every recorded task, ten policies that compare trials\n\n"
        f"    {command('benchmarks.lab', given)}\n\n"
        f"{len(tasks)} tasks x {options.seeds} seeds x {len(POLICIES)} policies: "
        f"{len(scores)} streams, {steps:,} steps judged.\n"
        f"{seconds:.0f} s on {options.processes} processes: {steps / seconds:,.0f} steps a second. "
        f"Memory at most {_memory(options.processes) / 2**30:.2f} GiB in all processes together.\n"
        f"{versions(('numpy', 'numba'))}; {machine()}.\n\n"
        + "".join(
            f"- `{p.policy}`: cost {p.cost:.3f}, regret {p.regret:.4f}\n" for p in points(scores)
        )
    )
    print(report)
    if options.out is not None:
        options.out.write_text(report, encoding="utf-8")


def _memory(processes: int) -> int:
    """An upper bound in bytes: the peak of this process, and the largest child's for each child."""
    mine, child = (
        resource.getrusage(who).ru_maxrss * 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return mine + (processes * child if processes > 1 else 0)


if __name__ == "__main__":
    main()
