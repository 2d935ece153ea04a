"""The fast way gives the runs of the engine."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples import CRITERIA
from tune_es import Criterion, Policy
from tune_es.replay import Cluster, PolicyScheduler, TaskCurves, replay, task_curves
from tune_es.replay.alone import can_run_alone, run_alone

MAX_T = 14
ALONE = [
    rule
    for kind in ("Adaptive", "Patience", "WindowGain", "AnyOf", "Smoothed", "Target", "Budget")
    for rule in CRITERIA[kind]
    if not rule.uses_peers
]
#: Few different values make ties, stalls and the edges of every rule likely.
values = st.one_of(
    st.integers(-4, 4).map(float), st.floats(-2, 2), st.sampled_from([math.nan, math.inf])
)
OTHERS = {"f1": "max", "loss": "min", "train": "min"}


@st.composite
def streams(draw: st.DrawFn) -> TaskCurves:
    lengths = draw(st.lists(st.integers(1, MAX_T), min_size=1, max_size=6))
    columns: dict[str, Any] = {
        name: [[draw(values) for _ in range(length)] for length in lengths]
        for name in ("score", *OTHERS)
    }
    mode = draw(st.sampled_from(["min", "max"]))
    scores = columns.pop("score")
    return task_curves(scores, "score", mode, max_t=MAX_T, **columns)


@given(streams(), st.sampled_from(ALONE), st.integers(1, 4), st.sampled_from([0.0, 2.5]))
@settings(max_examples=150)
def test_stops_steps_and_times_are_the_engines(
    curves: TaskCurves, rule: Criterion, workers: int, startup_s: float
) -> None:
    task = curves.task
    policy = Policy(
        task.metric, task.mode, stop=rule, max_t=task.max_t, other_metrics=OTHERS, price_per_hour=9
    )
    cluster = Cluster(workers, startup_s=startup_s)
    exact = replay(PolicyScheduler(policy), curves, cluster)
    fast = run_alone(policy, curves, cluster)
    assert fast.reached.tolist() == exact.reached.tolist() == exact.steps.tolist()
    assert fast.seconds == pytest.approx(exact.seconds)
    assert fast.makespan == pytest.approx(exact.makespan)


def test_recorded_seconds_are_laid_on_the_workers() -> None:
    plain = task_curves([[3, 2, 2, 2, 2], [3, 2, 1, 0, -1], [3, 3, 3, 3, 3]], "loss", "min")
    seconds = np.arange(1.0, 16.0)
    curves = TaskCurves(plain.task, plain.trial_ids, plain.starts, plain.metrics, seconds)
    policy = Policy("loss", "min", stop="patience", max_t=5).with_params({"patience": 2})
    run = run_alone(policy, curves, Cluster(2, startup_s=10))
    assert run.reached.tolist() == [4, 5, 3]
    assert run.seconds.tolist() == [20.0, 50.0, 46.0]
    assert run.makespan == 66.0


@pytest.mark.parametrize(
    ("stop", "failure_rate", "can"), [("safe", 0, True), ("safe", 0.1, False), ("median", 0, False)]
)
def test_what_needs_the_engine(stop: str, failure_rate: float, can: bool) -> None:
    policy = Policy("loss", "min", stop=stop, max_t=9)
    assert can_run_alone(policy, Cluster(failure_rate=failure_rate)) is can
