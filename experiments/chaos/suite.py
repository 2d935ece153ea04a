"""Which faults are put into which sweeps, and how many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from experiments.chaos import damage, faults, others
from experiments.chaos.outcome import Bench, Outcome

#: What decides where trials die; where results come again; and where clocks jump and disks fill.
DIE = ("patience", "median", "rung table", "adaptive quotas")
STUTTER = ("patience", "median", "adaptive quotas")
JUMP = ("median", "adaptive quotas")
#: How likely a trial dies before a step, and reports again after one.
DIES, STUTTERS = 0.1, 0.3
BUDGET_S = 25.0


def suite(bench: Bench, kills: int) -> Iterator[partial[Outcome]]:
    """All faults, with so many kills of the driver for each way of deciding."""
    for name in faults.KILLED:
        yield partial(faults.drivers, bench, name, kills)
    for name in DIE:
        yield partial(faults.trials, bench, name, DIES)
    for name in STUTTER:
        yield partial(faults.stutters, bench, name, STUTTERS)
    for name in JUMP:
        yield partial(faults.clock, bench, name)
        yield partial(faults.disk, bench, name)
        base = damage.killed(bench, name)
        for fault in damage.DAMAGES:
            yield partial(damage.damaged, bench, fault, base)
        for fault in damage.CHECKPOINTS if name == "median" else ():  # a rung judges the others
            yield partial(damage.checkpoint, bench, fault, base)
    yield partial(others.together, bench, ("patience", "median"))
    for name in ("adaptive quotas", "patience"):
        yield partial(others.hanging, bench, name, BUDGET_S)
    for name in ("patience", "rung table"):
        yield partial(others.nodes, bench, name, 3)
