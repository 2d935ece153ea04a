"""What a sweep cost and what it lost: one definition of each number."""

from __future__ import annotations

import heapq
import math
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from tune_es.checks import check_count
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast.running import best_so_far
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


class _Losses(NamedTuple):
    """A metric, oriented and never better than finite, its best, and what regret is a share of."""

    oriented: Floats
    best: float
    scale: float

    @classmethod
    def of(cls, curves: TaskCurves, metric: str) -> _Losses:
        values = curves.task.sign * curves.metrics[metric]
        oriented = np.where(np.isfinite(values), values, -math.inf)
        return cls(oriented, float(oriented.max()), _scale(oriented, curves.starts))

    def regret(self, row: int | None) -> float:
        """What the value in a row lacks to the best, as such a share; infinite without one."""
        if row is None or self.oriented[row] == -math.inf:
            return math.inf
        lost = float(self.best - self.oriented[row])
        return lost / self.scale if lost > 0 else 0.0


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
    def _objective(self) -> _Losses:
        return _Losses.of(self.curves, self.curves.task.metric)

    @cached_property
    def _test(self) -> _Losses | None:
        name = self.curves.test_metric
        return None if name is None else _Losses.of(self.curves, name)

    @cached_property
    def _full_steps(self) -> int:
        return int(self.curves.lengths.sum())

    @cached_property
    def _full_seconds(self) -> Floats:
        """Worker seconds of every trial in full, start-up included."""
        spent = durations(self.curves, self.cluster.step_s)
        total = np.concatenate([[0.0], np.cumsum(spent)])[self.curves.starts]
        return np.diff(total) + self.cluster.startup_s

    @cached_property
    def _full_total(self) -> float:
        return float(self._full_seconds.sum())

    @cached_property
    def full_makespan(self) -> float:
        """Seconds until all trials have run in full, first come first served, none failing."""
        return makespan(self._full_seconds, self.cluster.workers)

    def score(self, run: Run, policy: str, price_per_hour: float | None = None) -> Score:
        """What this run of the stream cost and lost."""
        row = self._found(run.reached)
        seconds, steps = float(run.seconds.sum()), int(run.steps.sum())
        price = math.nan if price_per_hour is None else price_per_hour
        short = run.reached < self.curves.lengths
        short[list(run.failed)] = False
        return Score(
            source=self.curves.task.source,
            task=self.curves.task.name,
            seed=self.seed,
            policy=policy,
            cost=steps / self._full_steps,
            cost_seconds=_ratio(seconds, self._full_total),
            regret=self._objective.regret(row),
            test_regret=math.nan if self._test is None else self._test.regret(row),
            makespan=_ratio(run.makespan, self.full_makespan),
            worker_use=_ratio(seconds, self.cluster.workers * run.makespan),
            steps=steps,
            seconds=seconds,
            money=seconds / 3600 * price,
            stopped=int(short.sum()),
            failed=len(run.failed),
        )

    def _found(self, reached: Ints) -> int | None:
        """The row of the best value of the objective that was reported: the first such one."""
        starts = self.curves.starts[:-1]
        bests = np.where(reached > 0, self._bests[starts + reached - 1], -math.inf)
        trial = int(bests.argmax())
        if bests[trial] == -math.inf:
            return None
        return int(starts[trial] + self._bests[self.curves.rows(trial)].searchsorted(bests[trial]))

    @cached_property
    def _bests(self) -> Floats:
        """The best of a trial up to every row."""
        return best_so_far(self.curves)


def stream(curves: TaskCurves, trials: int, seed: int, cluster: Cluster | None = None) -> Stream:
    """``trials`` of a task, drawn without replacement; all of them, shuffled, where it has fewer.

    The draw depends on the seed and on the task's name alone: every policy meets the same stream.

    Raises:
        ValueError: ``trials`` is below 1, or the task has none.
    """
    return Stream(curves.chosen(drawn(curves, trials, seed)), seed, cluster or Cluster())


def drawn(curves: TaskCurves, trials: int, seed: int) -> Ints:
    """Which trials of a task are in a stream, in their order; as :func:`stream` draws them."""
    check_count("stream", "trials", trials)
    task = curves.task
    random = np.random.default_rng([seed, zlib.crc32(f"{task.source}/{task.name}".encode())])
    return random.permutation(len(curves))[:trials]


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


def _ratio(one: float, other: float) -> float:
    return one / other if other > 0 else math.nan
