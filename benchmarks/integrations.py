"""What the callbacks cost beside the bare trainer: time and peak memory.

    python -m benchmarks.integrations --repeats 7 --out experiments/results/integrations_cost.md

The same training, from the same seed, is run by the bare trainer, with the callback, and with the
callback that keeps the best weights as well: one after another in each repeat, each in a process of
its own that was forked after all imports, on one thread. Every evaluation reports a better score
than the one before, so that the best weights are copied every time, which is the dearest case. Time
is that of the CPU, because other programs may run beside; what is spent inside the callback is
measured by itself as well, because runs differ from one another by more than it. Peak memory is the
highest of what is resident.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import wraps
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchmarks.trainings import METRICS, TRAININGS
from experiments.provenance import command, machine, versions
from tune_es import Patience, Policy

PACKAGES = ("tune_es", "torch", "transformers", "lightning", "keras")
ARMS = ("bare", "callback", "callback, best kept")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def callback_of(framework: str, arm: str) -> Any:
    """The callback of an arm; None for the bare trainer."""
    if arm == "bare":
        return None
    policy = Policy(METRICS[framework], "max", stop=Patience(99), max_t=100)
    callback = import_module(f"tune_es.integrations.{framework}").PolicyCallback
    return callback(policy, restore_best=arm != "callback")


class Inside:
    """Counts the CPU seconds that are spent in a callback's own hooks."""

    def __init__(self, callback: Any) -> None:
        self.seconds, self._depth = 0.0, 0
        for name in vars(type(callback)):
            if name.startswith("on_"):
                setattr(callback, name, self._timed(getattr(callback, name)))

    def _timed(self, hook: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(hook)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._depth += 1
            start = time.process_time()
            try:
                return hook(*args, **kwargs)
            finally:
                self._depth -= 1
                if not self._depth:
                    self.seconds += time.process_time() - start

        return timed


class Measured(NamedTuple):
    """CPU seconds of a training, those inside the callback, and the peak of memory in MiB."""

    seconds: float
    inside: float
    memory: float


def measure(framework: str, arm: str, answer: Connection) -> None:
    """Train in this process, and say what it took."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        callback = callback_of(framework, arm)
        inside = None if callback is None else Inside(callback)
        train = TRAININGS[framework](callback, Path(folder))
        CLEAR.write_text("5")
        start = time.process_time()
        train()
        seconds = time.process_time() - start
        answer.send(Measured(seconds, inside.seconds if inside else 0.0, peak()))


def peak() -> float:
    """The highest resident memory since it was cleared, in MiB."""
    (line,) = (each for each in STATUS.read_text().splitlines() if each.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def run(framework: str, arm: str) -> Measured:
    """One training in a process of its own."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe(duplex=False)
    process = fork.Process(target=measure, args=(framework, arm, there))
    process.start()
    there.close()
    try:
        found: Measured = here.recv()
    finally:
        process.join()
    return found


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The 90 % interval of the median, by bootstrap."""
    draw = random.Random(seed)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(2000))
    return medians[100], medians[1899]


def percent(values: Sequence[float]) -> str:
    """A median of shares with its interval, in percent."""
    low, high = interval(values)
    return f"{100 * statistics.median(values):+.1f} % ({100 * low:+.1f} to {100 * high:+.1f})"


def rows(framework: str, repeats: int) -> list[str]:
    """The table's rows of one framework; the order of the arms changes from repeat to repeat."""
    found: dict[str, list[Measured]] = {arm: [] for arm in ARMS}
    for repeat in range(repeats):
        for at in range(len(ARMS)):
            arm = ARMS[(at + repeat) % len(ARMS)]
            found[arm].append(run(framework, arm))
    return [row(framework, arm, found[arm], found["bare"]) for arm in ARMS]


def row(framework: str, arm: str, runs: Sequence[Measured], bare: Sequence[Measured]) -> str:
    """One row of the table."""
    pairs = list(zip(runs, bare, strict=True))
    more = ["", "", ""]
    if arm != "bare":
        more = [
            percent([each.inside / (each.seconds - each.inside) for each in runs]),
            percent([one.seconds / other.seconds - 1 for one, other in pairs]),
            percent([one.memory / other.memory - 1 for one, other in pairs]),
        ]
    seconds = statistics.median(each.seconds for each in runs)
    memory = statistics.median(each.memory for each in runs)
    cells = (framework, arm, f"{seconds:.2f}", more[0], more[1], f"{memory:.0f}", more[2])
    return f"| {' | '.join(cells)} |"


HEAD = """\
| framework | arm | CPU s | inside the callback | more time | peak MiB | more memory |
|---|---|---|---|---|---|---|"""

INTRODUCTION = """\
Against the bare trainer: medians of {repeats} interleaved repeats, and 90 % intervals of the median
by bootstrap. Every evaluation is a new best, so that weights are copied every time. "Inside the
callback" is the share of the CPU time that its own hooks took; "more time" is the difference of
whole runs, paired, which other programs on the machine move by more than the callback does. Kept
weights take the memory of the model once more."""


def page(lines: Sequence[str], repeats: int, arguments: Sequence[str], load: str) -> str:
    """The table with what it is, and where it comes from."""
    trained = [f"- {name}: {each.__doc__}" for name, each in TRAININGS.items()]
    source = [
        f"Command: `{command('benchmarks.integrations', arguments)}`, seed 0 throughout.",
        f"{versions(PACKAGES)};",
        f"{machine()}; one thread; {load}.",
    ]
    parts = [
        ["# What the callbacks cost"],
        [INTRODUCTION.format(repeats=repeats)],
        [HEAD, *lines],
        trained,
        source,
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print or write the page."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--frameworks", nargs="+", default=list(TRAININGS), choices=TRAININGS)
    parser.add_argument("--out", type=Path, help="a Markdown file; printed where none is named")
    options = parser.parse_args(arguments)
    before = os.getloadavg()[0]
    lines = [line for each in options.frameworks for line in rows(each, options.repeats)]
    load = f"load average {before:.1f} before and {os.getloadavg()[0]:.1f} after"
    text = page(lines, options.repeats, arguments, load)
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
