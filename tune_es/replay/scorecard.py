"""What a sweep cost and what it lost: one definition of each number."""

from __future__ import annotations

import heapq
import math
import zlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tune_es.checks import check_count
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.life import durations
from tune_es.replay.run import Run


@dataclass(frozen=True)
class Score:
    """One policy on one stream.

    Args:
        source: The curve set.
        task: The task in it.
        seed: Which stream of the task.
        policy: The policy's name.
        cost: Steps run, as a share of those of training every trial of the stream in full.
        cost_seconds: Worker seconds, as a share of those of training everything in full. Start-up
            and resume count on both sides. Steps are equally long where no times were recorded.
        regret: (best found - best possible) / (median last value - best possible), on the
            objective; 0 where nothing was lost, infinite where nothing finite was found.
        test_regret: The same on the test metric, found where the objective was best: training in
            full has some, too. NaN where there is no test metric.
        makespan: Time until the sweep was over, as a share of the full sweep's on these workers.
        worker_use: Worker seconds used, as a share of workers x makespan.
        steps: Evaluations run.
        seconds: Worker seconds, simulated.
        money: Worker hours x the price of one; NaN where none was given.
        stopped: Trials that did not run to their end, failed ones left out.
        failed: Trials that failed for good.
    """

    source: str
    task: str
    seed: int
    policy: str
    cost: float
    cost_seconds: float
    regret: float
    test_regret: float
    makespan: float
    worker_use: float
    steps: int
    seconds: float
    money: float
    stopped: int
    failed: int


@dataclass(frozen=True, eq=False)
class Stream:
    """Trials in the order in which they come, and what training them in full would give."""

    curves: TaskCurves
    seed: int
    cluster: Cluster

    def __post_init__(self) -> None:
        if len(self.curves) == 0 or self.curves.starts[-1] != self.curves.lengths.sum():
            raise ValueError(
                f"Stream.curves of task {self.curves.task.name!r} must be trials cut to the "
                "budget, at least one; stream() draws such"
            )

    @cached_property
    def _oriented(self) -> Floats:
        values = self.curves.task.sign * self.curves.metrics[self.curves.task.metric]
        return np.where(np.isfinite(values), values, -math.inf)

    @cached_property
    def _test(self) -> Floats | None:
        """The test metric, oriented and never better than finite, where there is one."""
        name = self.curves.test_metric
        if name is None:
            return None
        values = self.curves.task.sign * self.curves.metrics[name]
        return np.where(np.isfinite(values), values, -math.inf)

    @cached_property
    def _full_seconds(self) -> Floats:
        """Worker seconds of every trial in full, start-up included."""
        spent = durations(self.curves, self.cluster.step_s)
        total = np.concatenate([[0.0], np.cumsum(spent)])[self.curves.starts]
        return np.diff(total) + self.cluster.startup_s

    @cached_property
    def full_makespan(self) -> float:
        """Seconds until all trials have run in full, first come first served, none failing."""
        return makespan(self._full_seconds, self.cluster.workers)

    def score(self, run: Run, policy: str, price_per_hour: float | None = None) -> Score:
        """What this run of the stream cost and lost."""
        row = self._found(run.reached)
        lengths = self.curves.lengths
        seconds = float(run.seconds.sum())
        price = math.nan if price_per_hour is None else price_per_hour
        short = run.reached < lengths
        short[list(run.failed)] = False
        return Score(
            source=self.curves.task.source,
            task=self.curves.task.name,
            seed=self.seed,
            policy=policy,
            cost=float(run.steps.sum() / lengths.sum()),
            cost_seconds=_ratio(seconds, float(self._full_seconds.sum())),
            regret=_lost(self._oriented, row, self.curves.starts),
            test_regret=self._test_regret(row),
            makespan=_ratio(run.makespan, self.full_makespan),
            worker_use=_ratio(seconds, self.cluster.workers * run.makespan),
            steps=int(run.steps.sum()),
            seconds=seconds,
            money=seconds / 3600 * price,
            stopped=int(short.sum()),
            failed=len(run.failed),
        )

    def _found(self, reached: Ints) -> int | None:
        """The row of the best value of the objective that was reported: the first such one."""
        starts, lengths = self.curves.starts, self.curves.lengths
        step = np.arange(int(starts[-1])) - np.repeat(starts[:-1], lengths)
        seen = np.where(step < np.repeat(reached, lengths), self._oriented, -math.inf)
        row = int(seen.argmax())
        return row if seen[row] > -math.inf else None

    def _test_regret(self, row: int | None) -> float:
        return math.nan if self._test is None else _lost(self._test, row, self.curves.starts)


def stream(curves: TaskCurves, trials: int, seed: int, cluster: Cluster | None = None) -> Stream:
    """``trials`` of a task, drawn without replacement; all of them, shuffled, where it has fewer.

    The draw depends on the seed and on the task's name alone: every policy meets the same stream.

    Raises:
        ValueError: ``trials`` is below 1, or the task has none.
    """
    check_count("stream", "trials", trials)
    task = curves.task
    random = np.random.default_rng([seed, zlib.crc32(f"{task.source}/{task.name}".encode())])
    drawn = random.permutation(len(curves))[:trials]
    return Stream(curves.chosen(drawn.tolist()), seed, cluster or Cluster())


def makespan(seconds: Floats, workers: int) -> float:
    """When the last job ends, jobs taken in order by the worker that is free first.

    >>> makespan(np.array([3.0, 1.0, 1.0, 2.0]), workers=2)
    4.0
    """
    free = [0.0] * workers
    for each in seconds.tolist():
        heapq.heapreplace(free, free[0] + each)
    return max(free)


def _scale(oriented: Floats, starts: Ints) -> float:
    """What a regret is a share of: how far the median of the last values is from the best.

    Where half of the trials end at the best value that is nothing; then the worst last value
    stands in, and after it the worst value of all.
    """
    last = oriented[starts[1:] - 1]
    best = float(oriented.max())
    finite = oriented[np.isfinite(oriented)]
    for reference in (np.median(last), _worst(last), _worst(finite)):
        if math.isfinite(reference) and reference < best:
            return best - float(reference)
    return 0.0


def _worst(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.min()) if len(finite) else math.nan


def _lost(oriented: Floats, row: int | None, starts: Ints) -> float:
    """What the value in a row lacks to the best, as a share of the scale; infinite without one."""
    if row is None or oriented[row] == -math.inf:
        return math.inf
    lost = float(oriented.max() - oriented[row])
    return lost / _scale(oriented, starts) if lost > 0 else 0.0


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else math.nan
