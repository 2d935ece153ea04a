"""Puts faults into real sweeps and says what was lost, or decided otherwise than in peace.

    python -m experiments.chaos --out experiments/results/chaos.md

Drivers die of SIGKILL and are restored, trials and nodes die, files are damaged, disks full, clocks
jump. It takes about twenty minutes on two cores.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import ray

from experiments.chaos.outcome import Bench, Outcome, timed
from experiments.chaos.suite import suite
from experiments.environment import prepare
from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table

TEXT = """\
# Faults in real sweeps

    {command}

{total} faults: {lost} trials lost, {divergent} decided otherwise, {running} entries of a study left
running, {refused} refused.

A sweep has 12 trials of up to 14 steps, two at a time; every trial reports a checkpoint with every
result, and the state is saved every half second. *Lost* are trials that were not brought to an end.
*Divergent* are trials that ended otherwise than in the same sweep in peace (its last step, cause,
best value and best step), steps that were decided twice, differently, and errors that came late or
did not say what to do. *Running* are entries of the Optuna study that still run, or are missing.
*Refused* are faults that were answered by an error before any step was run again, or by a warning;
where it says what mends it, that was done, and what came then counts. Under asynchronous halving
the order of results decides, so no two sweeps are alike: only lost trials and contradictions count.
Two things are stand-ins: `time.time` is replaced in the driver whose clock jumps, and a trial that
hangs is noticed after seconds, not a minute. A disk is full as the event log's file becomes
`/dev/full`. Seed {seed}. {versions}; {machine}; load {before:.1f} before and {after:.1f} after.

{table}"""


def row_of(outcome: Outcome) -> dict[str, object]:
    """A line of the table."""
    return {
        "fault": outcome.fault,
        "tries": outcome.tries,
        "lost": outcome.lost,
        "divergent": outcome.divergent,
        "running": outcome.running,
        "refused": outcome.refused,
        "what happened": outcome.what.replace("|", "/"),
        "seconds": round(outcome.seconds),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--kills", type=int, default=8, help="of a driver, for each rule")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", help="kinds, such as drivers, damaged or nodes")
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    prepare(offline=False)
    before, outcomes, text = os.getloadavg()[0], [], ""
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    address = ray.get_runtime_context().gcs_address
    with tempfile.TemporaryDirectory(prefix="chaos") as folder:
        for fault in suite(Bench(address, Path(folder), options.seed), options.kills):
            if options.only is not None and fault.func.__name__ not in options.only:
                continue
            outcomes.append(timed(fault))
            print(row_of(outcomes[-1]), file=sys.stderr, flush=True)
            text = page(outcomes, command("experiments.chaos", given), options.seed, before)
            if options.out is not None:  # a run that is ended leaves what it has
                options.out.write_text(text, encoding="utf-8")
    ray.shutdown()
    print(text)


def page(outcomes: Sequence[Outcome], line: str, seed: int, before: float) -> str:
    """The table, and what it says."""
    names = ("lost", "divergent", "running", "refused")
    return TEXT.format(
        command=line,
        total=sum(each.tries for each in outcomes),
        **{name: sum(getattr(each, name) for each in outcomes) for name in names},
        seed=seed,
        versions=versions(("ray", "optuna", "tune_es")),
        machine=machine(),
        before=before,
        after=os.getloadavg()[0],
        table=markdown_table([row_of(each) for each in outcomes]),
    )


if __name__ == "__main__":
    main()
