"""A million curves through the compiled path, without holding them all in memory.

    python -m benchmarks.streaming

writes a set of made-up curves of 51 steps block by block, then judges it block by block in a fresh
process, and prints the time and the memory of each.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.replay import made_curves, policy_for
from experiments.provenance import command, machine, versions
from tune_es import Adaptive, Patience
from tune_es.replay import CurveSetWriter, stops, stream_tasks

BLOCK = 10_000

#: Run in a process of its own, so that its memory is its own.
JUDGE = "from benchmarks.streaming import judge; import sys; judge(sys.argv[1])"


def write(folder: Path, curves: int, seed: int) -> None:
    """A set of one task; every block has its own seed."""
    with CurveSetWriter(folder, ["loss"], float32=["loss"]) as writer:
        for first in range(0, curves, BLOCK):
            block = made_curves(min(BLOCK, curves - first), seed + first)
            names = tuple(f"{first + at:09d}" for at in range(len(block)))
            writer.write(replace(block, trial_ids=names))


def judge(folder: str) -> None:
    """Stream the set through two policies and print curves, early ends, seconds and MiB."""
    begun, count, stopped = time.perf_counter(), 0, 0
    for block in stream_tasks(folder):
        for rule in (Patience(), Adaptive.balanced()):
            found = stops(policy_for(rule, block), block)
            stopped += int((found.evaluations < found.lengths).sum())
        count += len(block)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(count, stopped, f"{time.perf_counter() - begun:.1f}", f"{peak:.0f}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the report, and write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write the report to this Markdown file")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        write(Path(folder, "made"), options.curves, options.seed)
        written = time.perf_counter() - begun
        size = sum(each.stat().st_size for each in Path(folder, "made").iterdir()) / 2**20
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        done = subprocess.run(
            [sys.executable, "-c", JUDGE, str(Path(folder, "made"))],
            capture_output=True, check=True, text=True,
        )  # fmt: skip
    count, stopped, seconds, memory = done.stdout.split()
    report = (
        "# Curves that do not fit into memory\n\n"
        f"    {command('benchmarks.streaming', given)}\n\n"
        f"{int(count):,} curves of 51 steps ({size:.0f} MiB on disk). Written in {written:.0f} s "
        f"with a peak of {peak:.0f} MiB; read and judged by `Patience()` and `balanced` in "
        f"{seconds} s with a peak of {memory} MiB, Python and its packages included. "
        f"{int(stopped):,} of {2 * int(count):,} runs ended early.\n\n"
        f"{versions(('numba', 'numpy', 'pyarrow'))}; {machine()}.\n"
    )
    print(report)
    if options.out is not None:
        options.out.write_text(report, encoding="utf-8")


if __name__ == "__main__":
    main()
