"""The fast way: a sweep under a policy that looks at no trial but the one it judges."""

from __future__ import annotations

import numpy as np

from tune_es.policy import Policy
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import TaskCurves
from tune_es.replay.fast import stops
from tune_es.replay.life import durations, recorded_failures
from tune_es.replay.run import Run
from tune_es.replay.scorecard import makespan


def can_run_alone(policy: Policy, cluster: Cluster) -> bool:
    """True where the stops need no simulation: nothing is compared, and no worker is lost."""
    return not policy.uses_peers and not cluster.failure_rate


def run_alone(policy: Policy, curves: TaskCurves, cluster: Cluster) -> Run:
    """What :func:`tune_es.replay.replay` gives with a ``PolicyScheduler``, without its events.

    Trials stop where they stop whatever the others do, so they are judged all at once, in compiled
    code, and then laid one after the other on the workers that are free first. Stops and steps are
    equal to the engine's, times to rounding.

    Raises:
        ValueError: A policy that compares trials.
    """
    stopped = stops(policy, curves, step_s=cluster.step_s, threads=1)
    reached = stopped.evaluations
    failed = np.flatnonzero((stopped.at == 0) & recorded_failures(curves))
    spent = np.concatenate([[0.0], np.cumsum(durations(curves, cluster.step_s))])
    seconds = spent[curves.starts[:-1] + reached] - spent[curves.starts[:-1]] + cluster.startup_s
    return Run(
        reached=reached,
        steps=reached,
        seconds=seconds,
        failed=tuple(failed.tolist()),
        makespan=makespan(seconds, cluster.workers),
        events=(),
        spans=(),
    )
