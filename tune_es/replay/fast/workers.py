"""The workers of a simulated cluster, and whose step ends next."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.compiled import part


class Workers(NamedTuple):
    """By worker: whose step runs (-1: none), when it ends and began, and as the how manieth."""

    holder: Ints
    ends: Floats
    begun: Floats
    order: Ints
    #: How many steps have begun, and how many workers are busy.
    counts: Ints


@part
def workers_of(count: int) -> Workers:
    """Idle workers."""
    idle, never = np.full(count, -1, np.int64), np.full(count, np.inf)
    return Workers(idle, never, np.zeros(count), np.zeros(count, np.int64), np.zeros(2, np.int64))


@part
def start(workers: Workers, trial: int, time: float, lasts: float) -> None:
    """A worker that is idle begins a step of a trial."""
    worker = 0
    while workers.holder[worker] >= 0:
        worker += 1
    workers.holder[worker] = trial
    workers.counts[1] += 1
    go_on(workers, worker, time, lasts)


@part
def go_on(workers: Workers, worker: int, time: float, lasts: float) -> None:
    """A worker begins the next step of its trial."""
    workers.begun[worker], workers.ends[worker] = time, time + lasts
    workers.order[worker] = workers.counts[0]
    workers.counts[0] += 1


@part
def leave(workers: Workers, worker: int) -> None:
    """A worker is idle again."""
    workers.holder[worker], workers.ends[worker] = -1, np.inf
    workers.counts[1] -= 1


@part
def earliest(workers: Workers) -> int:
    """The worker whose step ends first; of equal ones the one whose step began first."""
    first, ends, begun, order = 0, workers.ends, workers.begun, workers.order
    for each in range(1, len(ends)):
        if ends[each] != ends[first]:
            sooner = ends[each] < ends[first]
        elif begun[each] != begun[first]:
            sooner = begun[each] < begun[first]
        else:
            sooner = order[each] < order[first]
        if sooner:
            first = each
    return first
