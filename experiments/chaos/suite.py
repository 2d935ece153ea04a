"""Which faults are put into which sweeps, and how many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from experiments.chaos import damage, faults, others
from experiments.chaos.outcome import Bench, Outcome

#: Those whose trials can be stopped by what the others did, in any order.
DIE = ("patience", "median", "rung table", "adaptive quotas")
STUTTER = ("patience", "median", "adaptive quotas")
CLOCKS = ("median", "adaptive quotas")
#: How likely a trial dies before a step, and reports again after one.
DIES, STUTTERS = 0.1, 0.3
BUDGET_S = 25.0


def suite(bench: Bench, kills: int, is_short: bool = False) -> Iterator[Callable[[], Outcome]]:
    """All faults, with so many kills for each way of deciding; the short one has all but nodes."""
    for name in faults.KILLED:
        yield partial(faults.drivers, bench, name, kills)
    for name in DIE[::3] if is_short else DIE:
        yield partial(faults.trials, bench, name, DIES)
    for name in STUTTER:
        yield partial(faults.stutters, bench, name, STUTTERS)
    for name in CLOCKS[:1] if is_short else CLOCKS:
        yield partial(faults.clock, bench, name)
        yield partial(faults.disk, bench, name)
    for name in ("median",) if is_short else ("median", "adaptive quotas"):
        yield from damages(bench, name)
    yield partial(others.together, bench, ("patience", "median"))
    for name in ("adaptive quotas",) if is_short else ("adaptive quotas", "patience"):
        yield partial(others.hanging, bench, name, BUDGET_S)
    if not is_short:
        yield partial(others.nodes, bench, "patience", 3)
        yield partial(others.nodes, bench, "rung table", 3)


def damages(bench: Bench, name: str) -> Iterator[Callable[[], Outcome]]:
    """All damage to the files of one sweep that was killed."""
    base = damage.killed(bench, name)
    for fault in damage.DAMAGES:
        yield partial(damage.damaged, bench, fault, base)
