"""The stops of a policy on every trial of a task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tune_es.checks import check_count, check_number, nearest
from tune_es.policy import Policy
from tune_es.records import JUDGEMENTS, Cause
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast.block import RANK, Block, Ranks
from tune_es.replay.fast.combine import muted
from tune_es.replay.fast.compiled import compiled
from tune_es.replay.fast.registry import KERNELS
from tune_es.replay.fast.running import elapsed
from tune_es.replay.fast.stepped import stepped
from tune_es.replay.life import TIME_ATTR

#: Rows of a block: few enough that its arrays stay in the cache of a core.
BLOCK_ROWS = 1 << 16

#: Steps and cause codes of the trials of a block.
Found = tuple[Ints, NDArray[np.int8]]

#: The code of a cause by its rank.
CODES = np.zeros(len(RANK), dtype=np.int8)
for _cause, _rank in RANK.items():
    CODES[_rank] = 0 if _cause is None else _cause.value


@dataclass(frozen=True, eq=False)
class Stops:
    """Where a policy ends every trial.

    Args:
        at: The evaluation, counted from 1, after which it ends the trial; 0 where it never does.
        causes: The code of the cause, as in ``es/code``; 0 where it never does.
        lengths: The evaluations recorded within the budget.
    """

    at: Ints
    causes: NDArray[np.int8]
    lengths: Ints

    def __len__(self) -> int:
        return len(self.at)

    @property
    def evaluations(self) -> Ints:
        """The evaluations run: up to the stop, or all."""
        return np.where(self.at > 0, self.at, self.lengths)

    def cause(self, trial: int) -> Cause | None:
        """Why a trial was ended; None where it was not."""
        return Cause(int(self.causes[trial])) if self.causes[trial] else None


def stops(
    policy: Policy, curves: TaskCurves, *, step_s: float = 1.0, threads: int | None = None
) -> Stops:
    """The stop of every trial: what ``policy`` decides when it is given result after result.

    Args:
        policy: A policy that compares no trials, on the metric and mode of the task.
        curves: The trials; they end at the budget of the task.
        step_s: Seconds of an evaluation where none were recorded, for limits in time and money.
        threads: Threads for a task of more than one block of rows; all cores by default. Give 1
            where several processes do this at once.

    A threshold that is a whole number above 2**53 is taken as the nearest float.

    Raises:
        ValueError: The policy compares trials, judges what the curves do not have, or counts its
            steps in something else than evaluations.

    >>> from tune_es import Patience
    >>> from tune_es.replay.curves import task_curves
    >>> curves = task_curves([[3, 2, 2, 2], [3, 2, 1]], "loss", "min", max_t=9)
    >>> found = stops(Policy("loss", "min", stop=Patience(2)), curves)
    >>> found.at.tolist(), found.evaluations.tolist(), found.cause(0)
    ([4, 0], [4, 3], <Cause.STALLED: 3>)
    """
    _check(policy, curves)
    check_number("stops", "step_s", step_s, above=0)
    bounds = _bounds(curves)
    one = partial(_block_stops, policy, curves, cache(partial(elapsed, curves, step_s)))
    spans = list(pairwise(bounds))
    workers = min(len(spans), _threads(threads))
    found = _parallel(one, spans, workers) if workers > 1 else [one(span) for span in spans]
    at = [steps for steps, _ in found]
    causes = [codes for _, codes in found]
    return Stops(
        np.concatenate([np.zeros(0, np.int64), *at]),
        np.concatenate([np.zeros(0, np.int8), *causes]),
        curves.lengths,
    )


def _check(policy: Policy, curves: TaskCurves) -> None:
    task = curves.task
    if policy.uses_peers:
        raise ValueError(
            f"stops judges every trial by its own curve, and {policy.criterion.label} compares "
            "trials: replay it with the exact engine"
        )
    if policy.metric not in curves.metrics:
        raise ValueError(
            f"Policy.metric {policy.metric!r} is not recorded in task {task.name!r}; "
            f"{nearest(policy.metric, curves.metrics)}"
        )
    if policy.metric == task.metric and policy.mode != task.mode:
        raise ValueError(
            f"Policy.mode is {policy.mode!r}, and the mode of {task.metric!r} in task "
            f"{task.name!r} is {task.mode!r}"
        )
    if policy.time_attr != TIME_ATTR:
        raise ValueError(
            f"Policy.time_attr must be {TIME_ATTR!r} where recorded curves are judged, "
            f"got {policy.time_attr!r}"
        )


def _threads(asked: int | None) -> int:
    if asked is None:
        return os.cpu_count() or 1
    check_count("stops", "threads", asked)
    return asked


def _bounds(curves: TaskCurves) -> list[int]:
    """The first trial of every block, and one after the last trial."""
    marks = np.arange(0, int(curves.starts[-1]), BLOCK_ROWS)
    first = np.searchsorted(curves.starts, marks)
    return sorted({*first.tolist(), 0, len(curves)})


def _parallel(one: partial[Found], spans: Iterable[tuple[int, int]], workers: int) -> list[Found]:
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, spans))


def _block_stops(
    policy: Policy, curves: TaskCurves, seconds: Callable[[], Floats], span: tuple[int, int]
) -> Found:
    block = Block(policy, curves, KERNELS, stepped, *span, seconds, is_final=not policy.milestones)
    ranks = block.say(policy.rule).ranks
    if policy.milestones:
        quietest = max(RANK[cause] for cause in JUDGEMENTS)
        ranks = muted(ranks, block, max(policy.milestones), quietest)
    at, first = np.zeros(len(block.starts), np.int64), np.zeros(len(block.starts), np.int8)
    _first(block.starts, block.stops, ranks, at, first)
    return at, CODES[first]


@compiled
def _first(starts: Ints, stops: Ints, ranks: Ranks, at: Ints, first: Ranks) -> None:
    for trial in range(len(starts)):
        for row in range(starts[trial], stops[trial]):
            if ranks[row] > 0:
                at[trial], first[trial] = row - starts[trial] + 1, ranks[row]
                break
