"""A replay in which a searcher says, trial by trial, which curve comes next."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.schedulers import Logged, recorded
from tune_es import Policy, SuccessiveHalving
from tune_es.replay import Cluster, InOrder, PolicyScheduler, TaskCurves, replay

CURVES = recorded([[3.0, 2.0], [1.0], [2.0, 2.0, 1.0]], configs=[{"lr": 1}, {"lr": 2}, {"lr": 3}])


def test_a_searcher_is_asked_when_a_worker_is_free_and_not_before() -> None:
    logged = Logged(InOrder())
    asked = []

    def searcher() -> Iterator[int]:
        for curve in (2, 1, 1):
            asked.append(len(logged.named("report")))
            yield curve

    run = replay(logged, CURVES, Cluster(workers=1), chosen=searcher())
    assert asked == [0, 3, 4]
    assert run.curves == (2, 1, 1)
    assert run.reached.tolist() == [3, 1, 1]
    assert logged.named("add") == [("0", "{'lr': 3}"), ("1", "{'lr': 2}"), ("2", "{'lr': 2}")]


def test_a_curve_that_comes_twice_does_not_fail_alike() -> None:
    curves = recorded([[1.0] * 50])
    flaky = Cluster(workers=2, failure_rate=0.1)
    run = replay(InOrder(), curves, flaky, seed=3, chosen=[0] * 8)
    assert len(set(run.reached.tolist())) > 4


@given(
    st.lists(st.lists(st.integers(0, 3).map(float), min_size=1, max_size=6), min_size=1),
    st.integers(1, 4),
)
def test_chosen_in_their_order_they_run_as_recorded(values: list[list[float]], slots: int) -> None:
    curves = recorded(values)
    policy = Policy("loss", "min", stop=SuccessiveHalving(), max_t=6)
    cluster = Cluster(workers=slots, ahead=1)
    one = replay(PolicyScheduler(policy), curves, cluster)
    other = replay(PolicyScheduler(policy), curves, cluster, chosen=range(len(curves)))
    assert one.events == other.events
    assert one.spans == other.spans
    assert np.array_equal(one.steps, other.steps)
    assert (one.curves, other.curves) == (None, tuple(range(len(curves))))


def test_an_order_that_was_recorded_is_of_recorded_trials() -> None:
    order = TaskCurves(
        CURVES.task, CURVES.trial_ids, CURVES.starts, CURVES.metrics, order=np.arange(6.0)
    )
    with pytest.raises(ValueError, match="recorded_order is of the trials that were recorded"):
        replay(InOrder(), order, recorded_order=True, chosen=[0])
