"""The fast way: sweeps under the rules that are compiled, equal to those of the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial

import numpy as np

from tune_es.policy import Policy
from tune_es.records import Metric
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast import Stops, comparing, promoting, stops
from tune_es.replay.fast.block import Flags
from tune_es.replay.fast.comparing import Program
from tune_es.replay.fast.pool import NOBODY, Pool
from tune_es.replay.fast.program import can_compare, program_of
from tune_es.replay.fast.promoting import Account, Costs
from tune_es.replay.fast.quotas import Setting, can_promote, trials_of
from tune_es.replay.life import TIME_ATTR, recorded_failures
from tune_es.replay.run import Run
from tune_es.replay.scorecard import makespan

#: From the trials of a pool that a stream has, in their order, to what the sweep did.
Sweep = Callable[[Ints], Run]


def can_sweep(policy: Policy, curves: TaskCurves, cluster: Cluster) -> bool:
    """True where a sweep needs no engine: everything is compiled, and no worker is lost.

    A rule that sees one curve always is, or is stepped curve by curve. Of those that compare trials
    ``SuccessiveHalving``, ``BelowMedian`` and ``BelowPercentile`` are, in whatever they are joined;
    and promotion by ``AdaptiveQuota``, ``RungTable`` and ``AsyncHalving`` beside a rule that sees
    one curve, without a tie break, where all trials are there at once.
    """
    if cluster.failure_rate:
        return False
    if not policy.uses_peers:
        return True
    is_read = policy.metric in curves.metrics and policy.time_attr == TIME_ATTR
    if policy.promotion_rule is not None:
        return is_read and cluster.ahead is None and can_promote(policy, curves)
    return is_read and can_compare(policy.criterion)


def sweep_of(policy: Policy, pool: Pool, cluster: Cluster) -> Sweep:
    """Sweeps under a policy on trials of a pool; what streams share is worked out now.

    Raises:
        ValueError: A rule that sees one curve, and that the curves do not fit.
    """
    ground, metric = _Ground(pool, cluster), policy.metrics[policy.metric]
    rule, own = policy.promotion_rule, replace(policy, promotion=None, ties=None)
    if own.uses_peers:
        return partial(ground.compared, metric, program_of(policy, pool))
    stopped = stops(own, pool.curves, step_s=pool.step_s, threads=1)
    if rule is None:
        return partial(ground.alone, stopped)
    settings = cache(partial(Setting, rule, pool.curves.task.max_t))
    return partial(ground.promoted, settings, metric, stopped.at)


def run_swept(policy: Policy, curves: TaskCurves, cluster: Cluster) -> Run:
    """What :func:`tune_es.replay.replay` gives with a ``PolicyScheduler``, without its events.

    Stops and steps are equal to the engine's, times to rounding.

    Raises:
        ValueError: A policy that needs the engine, see :func:`can_sweep`.
    """
    if not can_sweep(policy, curves, cluster):
        raise ValueError(f"a sweep under {policy.criterion.label} is not compiled: use the engine")
    return sweep_of(policy, Pool(curves, cluster.step_s), cluster)(np.arange(len(curves)))


@dataclass(frozen=True, eq=False)
class _Ground:
    """Where sweeps are run."""

    pool: Pool
    cluster: Cluster

    @cached_property
    def fails(self) -> Flags:
        """Which trials fail at the end of their curves."""
        return recorded_failures(self.pool.curves)

    def alone(self, stopped: Stops, trials: Ints) -> Run:
        """Trials stop where they stop, and are laid on the workers that are free first."""
        pool, cluster, reached = self.pool, self.cluster, stopped.evaluations[trials]
        seconds = pool.elapsed[pool.starts[trials] + reached - 1] + cluster.startup_s
        failed = self.fails[trials] & (stopped.at[trials] == 0)
        return _run(reached, seconds, np.flatnonzero(failed), makespan(seconds, cluster.workers))

    def compared(self, metric: Metric, program: Program, trials: Ints) -> Run:
        """Every result is judged among those that came before it."""
        reached, seconds = np.zeros(len(trials), np.int64), np.zeros(len(trials))
        column, startup_s = self.pool.column(metric, trials), float(self.cluster.startup_s)
        workers = self.cluster.workers
        stopped, end = comparing.sweep(column, program, workers, startup_s, reached, seconds)
        return _run(reached, seconds, np.flatnonzero(self.fails[trials] & ~stopped), end)

    def promoted(
        self, settings: Callable[[int], Setting], metric: Metric, stops: Ints, trials: Ints
    ) -> Run:
        """Trials pause at rungs, and the best go on."""
        pool, cluster, count = self.pool, self.cluster, len(trials)
        every = trials_of(
            pool.starts[trials], pool.lengths[trials], stops[trials], pool.names[trials]
        )
        race = settings(count).race(pool.points(metric), every)
        costs = Costs(cluster.workers, float(cluster.startup_s), float(cluster.resume_s))
        who, counts = np.zeros((2, count), np.int64), np.zeros(3, np.int64)
        account = Account(np.zeros(count), self.fails[trials], who, counts)
        end = promoting.sweep(race, costs, account)
        failed, cut = who[0, : counts[1]], who[1, : counts[2]]
        return _run(np.ascontiguousarray(every["reached"]), account.seconds, failed, end, cut)


def _run(reached: Ints, seconds: Floats, failed: Ints, end: float, cut: Ints = NOBODY) -> Run:
    return Run(
        reached=reached,
        steps=reached,
        seconds=seconds,
        failed=tuple(failed.tolist()),
        makespan=end,
        events=(),
        spans=(),
        cut=tuple(cut.tolist()),
    )
