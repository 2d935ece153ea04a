"""Many policies on many streams: every task, every seed, on all cores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np

from tune_es.checks import check_count, check_number, nearest
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import Ints, TaskCurves
from tune_es.replay.engine import replay
from tune_es.replay.fast.pool import Pool
from tune_es.replay.policies import Candidate
from tune_es.replay.scorecard import Score, Stream, drawn
from tune_es.replay.sweeps import can_sweep, run_swept, sweep_of

#: Seeds of one task that a process takes at a time.
SEEDS_AT_ONCE = 5


def judge(
    tasks: Sequence[TaskCurves],
    candidates: Sequence[Candidate],
    *,
    trials: int = 100,
    seeds: int = 20,
    cluster: Cluster | None = None,
    price_per_hour: float | None = None,
    processes: int = 1,
    on_done: Callable[[int], Any] = lambda streams: None,
) -> list[Score]:
    """Every policy on ``seeds`` streams of ``trials`` trials of every task.

    Policies meet the same streams: the draw depends on task and seed alone. Where the cluster
    never fails a policy takes the compiled path if it can (:func:`tune_es.replay.sweeps.can_sweep`
    says so); its sweeps are the same.

    Args:
        tasks: What to draw from.
        candidates: The policies, each with a name of its own.
        trials: Trials of a stream; all of a task's where it has fewer.
        seeds: Streams of a task: seeds 0, 1, ...
        cluster: Workers and what they cost.
        price_per_hour: Money for an hour of a worker.
        processes: Cores to use. Above 1, a script needs ``if __name__ == "__main__"``.
        on_done: Called with the number of streams that were just finished.

    Raises:
        ValueError: Counts below 1, a price below 0, or a policy that a task refuses, before
            anything runs.
    """
    for name, value in (("trials", trials), ("seeds", seeds), ("processes", processes)):
        check_count("judge", name, value)
    if price_per_hour is not None:
        check_number("judge", "price_per_hour", price_per_hour, least=0)
    _check(tasks, candidates)
    jobs = [
        (curves, range(first, min(first + SEEDS_AT_ONCE, seeds)))
        for curves in tasks
        for first in range(0, seeds, SEEDS_AT_ONCE)
    ]
    common = (list(candidates), trials, cluster or Cluster(), price_per_hour)
    scores: list[Score] = []
    for found, streams in _done(jobs, common, processes):
        scores += found
        on_done(streams)
    return scores


def _check(tasks: Sequence[TaskCurves], candidates: Sequence[Candidate]) -> None:
    """Refuse what could not run, or not be told apart afterwards."""
    policies = Counter(each.name for each in candidates)
    names = Counter(f"{each.task.source}/{each.task.name}" for each in tasks)
    for what, counted in (("policy", policies), ("task", names)):
        if not counted or max(counted.values()) > 1:
            raise ValueError(f"judge needs each {what} once, and one at least, got {dict(counted)}")
    for curves in tasks:
        if not len(curves):
            raise ValueError(f"task {curves.task.name!r} has no trials")
        for each in candidates:
            _check_policy(each, curves)


def _check_policy(each: Candidate, curves: TaskCurves) -> None:
    if each.policy is None:
        return
    try:
        policy = each.policy(curves.task)
        for name in policy.metrics:
            if name not in curves.metrics:
                raise ValueError(f"its curves have no {name!r}; {nearest(name, curves.metrics)}")
    except ValueError as error:
        raise ValueError(f"policy {each.name!r} on task {curves.task.name!r}: {error}") from error


def _done(
    jobs: Sequence[tuple[TaskCurves, range]], common: Any, processes: int
) -> Iterator[tuple[list[Score], int]]:
    """The scores of every job, in the order of the jobs."""
    if processes == 1:
        for curves, seeds in jobs:
            yield _scores(curves, seeds, *common), len(seeds)
        return
    # Forked children inherit locks that other threads hold, such as those of a progress bar.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"))
    try:
        waiting = [pool.submit(_scores, curves, seeds, *common) for curves, seeds in jobs]
        for (_, seeds), future in zip(jobs, waiting, strict=True):
            yield future.result(), len(seeds)
    finally:  # after an error or Ctrl-C what has not begun is not waited for
        pool.shutdown(cancel_futures=True)


def _scores(
    curves: TaskCurves,
    seeds: Sequence[int],
    candidates: Sequence[Candidate],
    trials: int,
    cluster: Cluster,
    price_per_hour: float | None,
) -> list[Score]:
    draws = [drawn(curves, trials, seed) for seed in seeds]
    mine = np.unique(np.concatenate(draws))
    pool = Pool(curves.chosen(mine), cluster.step_s)
    streams = [
        (Stream(curves.chosen(draw), seed, cluster), np.searchsorted(mine, draw))
        for seed, draw in zip(seeds, draws, strict=True)
    ]
    by_policy = [_scores_of(each, streams, pool, price_per_hour) for each in candidates]
    return [score for of_stream in zip(*by_policy, strict=True) for score in of_stream]


def _scores_of(
    each: Candidate,
    streams: Sequence[tuple[Stream, Ints]],
    pool: Pool,
    price_per_hour: float | None,
) -> list[Score]:
    """One policy on the streams that are drawn from a pool."""
    policy, cluster = each.policy and each.policy(pool.curves.task), streams[0][0].cluster
    is_swept = policy is not None and can_sweep(policy, pool.curves, cluster)
    sweep = sweep_of(policy, pool, cluster) if policy and is_swept and pool.is_whole else None
    scores = []
    for stream, trials in streams:
        curves = stream.curves
        if sweep is not None:
            run = sweep(trials)
        elif policy is not None and is_swept:
            run = run_swept(policy, curves, cluster)
        else:
            run = replay(each.make(curves.task, len(curves)), curves, cluster, stream.seed)
        scores.append(stream.score(run, each.name, price_per_hour))
    return scores
