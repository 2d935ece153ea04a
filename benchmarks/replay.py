"""How fast recorded curves are judged: (policy x curve) evaluations a second.

    python -m benchmarks.replay --curves ../shared/curves/taskset_text

An evaluation is one curve judged by one policy to its stop, the guards and the budget of the
policy included; what is timed is a whole call of `tune_es.replay.fast.stops`. The same policies
judge a sample of the same curves as live objects, and their stops have to be the same. Made-up
curves are power laws of 51 steps with noise, from a seed; those of `--curves` are joined where
tasks have the same metric, mode and budget. The exact engine runs beside Syne Tune's simulator on
the first task. A section of the report is a function in `SECTIONS`.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.syne_tune_simulator import measure, table
from experiments import provenance
from tune_es import (
    Adaptive,
    Criterion,
    Cyclic,
    DecayingDelta,
    Patience,
    Plateau,
    Policy,
    Smoothed,
    WindowGain,
)
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.fast import Stops, has_kernel, stops
from tune_es.replay.storage import load_tasks

STEPS = 51

RULES: dict[str, Criterion] = {
    "Patience(5)": Patience(5),
    "Patience()": Patience(),
    "Patience(5, min_delta=0.01, relative)": Patience(5, min_delta=0.01, relative=True),
    "Patience(5, noise_factor=1)": Patience(5, noise_factor=1.0),
    "safe": Adaptive.safe(),
    "balanced": Adaptive.balanced(),
    "aggressive": Adaptive.aggressive(),
    "WindowGain()": WindowGain(),
    "Plateau()": Plateau(),
    "DecayingDelta()": DecayingDelta(),
    "Patience(5) & WindowGain(8)": Patience(5) & WindowGain(8),
    "Smoothed(Patience(5))": Smoothed(Patience(5)),
    "Cyclic(Patience(5), 3), no kernel": Cyclic(Patience(5), 3),
}

#: In a fresh process: seconds until the first stops of each preset of rules.
FIRST_CALL = """
import sys, time
begun = time.perf_counter()
from benchmarks.replay import made_curves, policy_for
from tune_es import Adaptive, Patience
from tune_es.replay.fast import stops
curves, spent = made_curves(2, 0), [time.perf_counter() - begun]
for rule in (Patience(), Adaptive.balanced()):
    begun = time.perf_counter()
    stops(policy_for(rule, curves), curves)
    spent.append(time.perf_counter() - begun)
sys.stdout.write(" ".join(map(str, spent)))
"""


@dataclass(frozen=True)
class Options:
    """What is measured."""

    curves: Path | None
    made: int
    sample: int
    repeats: int
    threads: int
    seed: int


def made_curves(count: int, seed: int) -> TaskCurves:
    """Losses that fall by a power law to a floor of their own, with noise; one in 20 diverges."""
    draw = np.random.default_rng(seed)
    steps, shape = np.arange(1, STEPS + 1), (count, 1)
    fall = draw.uniform(0.1, 3, shape) * steps ** -draw.uniform(0.2, 2, shape)
    noise = draw.normal(size=(count, STEPS)) * 10 ** draw.uniform(-4, -1.5, shape)
    losses = draw.uniform(0.5, 2, shape) + fall + noise
    broken = draw.random(count) < 0.05
    begins = draw.integers(5, STEPS, shape)
    losses[broken[:, None] & (steps > begins)] = np.nan
    task = Task("made", "power laws", "loss", "min", STEPS)
    starts = np.arange(count + 1) * STEPS
    return TaskCurves(task, tuple(map(str, range(count))), starts, {"loss": losses.ravel()})


def joined(tasks: list[TaskCurves]) -> list[TaskCurves]:
    """One task for all that have the same metric, mode and budget."""
    groups: dict[tuple[str, str, int], list[TaskCurves]] = {}
    for curves in tasks:
        task = curves.task
        groups.setdefault((task.metric, task.mode, task.max_t), []).append(curves)
    return [_join(group) for group in groups.values()]


def _join(group: list[TaskCurves]) -> TaskCurves:
    task = group[0].task
    lengths = np.concatenate([np.diff(curves.starts) for curves in group])
    names = tuple(f"{one.task.name}/{trial}" for one in group for trial in one.trial_ids)
    values = np.concatenate([curves.metrics[task.metric] for curves in group])
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return TaskCurves(task, names, starts, {task.metric: values})


def policy_for(rule: Criterion, curves: TaskCurves) -> Policy:
    """The rule with the guards and the budget that a policy has by default."""
    task = curves.task
    return Policy(task.metric, task.mode, stop=rule, max_t=task.max_t)


def fastest(
    call: Callable[[], object], repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds of the fastest of some calls, after one that is not counted."""
    call()
    spent = []
    for _ in range(repeats):
        start = clock()
        call()
        spent.append(clock() - start)
    return min(spent)


def live(policy: Policy, curves: TaskCurves, trials: list[int]) -> tuple[float, list[int]]:
    """Seconds of the processor for some trials as live objects, and the evaluations they run."""
    recorded = [curves.values(trial).tolist() for trial in trials]
    start = time.process_time()
    decisions = [policy.first_stop(values) for values in recorded]
    spent = time.process_time() - start
    pairs = zip(decisions, recorded, strict=True)
    return spent, [len(values) if one is None else int(one.step) for one, values in pairs]


def fast_path(options: Options) -> str:
    """The vectorised path beside the live objects."""
    sets = {"made": [made_curves(options.made, options.seed)]}
    if options.curves is not None:
        sets[options.curves.name] = joined(load_tasks(options.curves))
    lines = [
        ["curves", "policy", "number", f"{options.threads} threads", "one", "live", "ratio", "run"],
        ["---"] * 8,
    ]
    lines += [
        [source, name, *_row(rule, tasks, options)]
        for source, tasks in sets.items()
        for name, rule in RULES.items()
    ]
    return (
        f"## The vectorised path\n\nEvaluations a second: by the clock on the wall with "
        f"{options.threads} threads; by that of the processor with one, and for the live objects, "
        f"whose stops on a sample of {options.sample} curves have to be the same. The fastest of "
        f"{options.repeats} calls. `ratio` is of the last two; `run` the share of the steps that "
        "the policy runs.\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
    )


def _row(rule: Criterion, tasks: list[TaskCurves], options: Options) -> list[str]:
    """The numbers of a policy on a set; without a kernel it gets the sample only, once."""
    draw = np.random.default_rng(options.seed)
    if not has_kernel(rule):
        few = -(-options.sample // len(tasks))
        tasks = [one.chosen(draw.permutation(len(one))[:few].tolist()) for one in tasks]
    repeats = options.repeats if has_kernel(rule) else 1
    policies = [policy_for(rule, curves) for curves in tasks]
    count = sum(map(len, tasks))

    def judge(threads: int) -> list[Stops]:
        pairs = zip(policies, tasks, strict=True)
        return [stops(policy, curves, threads=threads) for policy, curves in pairs]

    found, spent, compared = judge(1), 0.0, 0
    for policy, curves, mine in zip(policies, tasks, found, strict=True):
        few = -(-options.sample // len(tasks))
        trials = draw.permutation(len(curves))[:few].tolist()
        seconds, evaluations = live(policy, curves, trials)
        if evaluations != mine.evaluations[trials].tolist():
            raise RuntimeError(f"{rule!r} stops {curves.task.name} elsewhere than it does live")
        spent, compared = spent + seconds, compared + len(trials)
    many = count / fastest(partial(judge, options.threads), repeats)
    one = count / fastest(partial(judge, 1), repeats, time.process_time)
    slow = compared / spent
    run = statistics.fmean(np.concatenate([mine.evaluations / mine.lengths for mine in found]))
    return [str(count), *(f"{r:,.0f}" for r in (many, one, slow, one / slow)), f"{run:.2f}"]


def first_calls(options: Options) -> str:
    """What the first call in a process costs."""
    lines = [["cache of numba", "imports", "patience and guards", "then adaptive"], ["---"] * 4]
    with tempfile.TemporaryDirectory() as cache:
        for state in ("empty", "filled"):
            done = subprocess.run(
                [sys.executable, "-c", FIRST_CALL],
                env={**os.environ, "NUMBA_CACHE_DIR": cache},
                capture_output=True,
                check=True,
                text=True,
            )
            lines.append([state, *(f"{float(spent):.2f}" for spent in done.stdout.split())])
    return "## The first call\n\nSeconds in a fresh process.\n\n" + "".join(
        f"| {' | '.join(line)} |\n" for line in lines
    )


def simulators(options: Options) -> str:
    """The exact engine beside Syne Tune's simulator, where curves are given."""
    if options.curves is None:
        return ""
    curves = load_tasks(options.curves)[0]
    speeds = measure(curves, seed=options.seed)
    return (
        "## The exact engine beside Syne Tune's simulator\n\n"
        f"Task {curves.task.name}, one stream of all its trials on 8 workers; time of the "
        "processor. Patience has no counterpart in Syne Tune 0.16: its median rule and its ASHA "
        f"run in both simulators, and our median rule in ours.\n\n{table(speeds)}"
    )


#: Each gives a part of the report.
SECTIONS: list[Callable[[Options], str]] = [fast_path, simulators, first_calls]


def main() -> None:
    """Print the report, and write it where asked."""
    parser = argparse.ArgumentParser(description="Time the judging of recorded curves.")
    parser.add_argument("--curves", type=Path, help="the folder of a curve set")
    parser.add_argument("--made", type=int, default=100_000, help="made-up curves")
    parser.add_argument("--sample", type=int, default=300, help="curves for the live objects")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the report to this Markdown file")
    given = vars(parser.parse_args())
    out = given.pop("out")
    options = Options(**given)
    parts = [section(options) for section in SECTIONS]
    versions = provenance.versions(["tune-es", "numba", "numpy"])
    text = (
        f"# How fast recorded curves are judged\n\n{provenance.machine()}; {versions}; seed "
        f"{options.seed}.\n\n" + "\n".join(parts) + "\nCommand: "
        f"`{provenance.command('benchmarks.replay', sys.argv[1:])}`\n"
    )
    print(text)
    if out is not None:
        out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
