"""Adaptive quotas in a replay against the page in NumPy: the same steps for every trial."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.promotion.oracle import Curve, Sweep
from tests.promotion.streams import BROKEN, SHORT, TIED, made_stream, reached
from tune_es import AdaptiveQuota
from tune_es.replay import TaskCurves, load_tasks

STREAMS = 25
WORKERS = (1, 3, 8, 100)


def check(curves: list[list[float]], budget: int, c: float) -> Sweep:
    """A rule that waits decides the same, however many workers there are."""
    known = Sweep(curves, budget, c)
    for workers in WORKERS:
        rule = AdaptiveQuota(c=c, asynchronous=False)
        assert reached(rule, curves, budget, workers) == known.reached, workers
    return known


@pytest.mark.parametrize(
    "traits", [(), (TIED,), (BROKEN,), (SHORT,), (TIED, BROKEN, SHORT)], ids="-".join
)
def test_random_streams(traits: tuple[str, ...]) -> None:
    rungs = pilots = 0
    for seed in range(STREAMS):
        curves, budget = made_stream(seed, *traits)
        known = check(curves, budget, c=(0.3, 0.8, 1.5)[seed % 3])
        rungs += len(known.log)
        pilots += 1 in known.paused_at.values()
    assert rungs > 60
    assert pilots > 1


def test_without_a_pilot() -> None:
    for seed in range(STREAMS):
        curves, budget = made_stream(seed)
        known = Sweep(curves, budget, 0.8, pilot=False)
        rule = AdaptiveQuota(c=0.8, pilot=False, asynchronous=False)
        assert reached(rule, curves, budget) == known.reached


def stream_of(task: TaskCurves, count: int) -> list[Curve]:
    """Lower is better, as on the page."""
    chosen = np.random.default_rng(0).permutation(len(task))[:count]
    return [(-task.task.sign * task.values(trial)).tolist() for trial in chosen]


@pytest.mark.parametrize("source", ["taskset_text", "deepobs", "algoperf"])
def test_recorded_streams(shared: Path, source: str) -> None:
    tasks = load_tasks(shared / "curves" / source)
    for task in tasks[:2]:
        curves = [list(curve) for curve in stream_of(task, 60)]
        known = check(curves, task.task.max_t, c=0.8)
        assert sum(known.reached) < sum(len(curve) for curve in curves)
