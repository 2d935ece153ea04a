"""Rules, trials and clusters for the compiled sweeps, and the engine beside them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from tests.strategies import levels
from tune_es import (
    Adaptive,
    AdaptiveQuota,
    After,
    AllOf,
    AnyOf,
    AsyncHalving,
    AtLeast,
    BelowMedian,
    BelowPercentile,
    Budget,
    Criterion,
    Every,
    Patience,
    Policy,
    RungTable,
    Smoothed,
    SuccessiveHalving,
    Target,
)
from tune_es.promotion import PromotionRule
from tune_es.replay import Cluster, PolicyScheduler, TaskCurves, replay, task_curves
from tune_es.replay.life import FAILED
from tune_es.replay.sweeps import run_swept

MAX_T = 14
#: "unknown" is a metric that the policy names and no trial reports.
OTHERS = {"f1": "max", "unknown": "max"}

values = levels | st.floats(-2, 2) | st.sampled_from([math.nan, math.inf, -math.inf])

own_rules: st.SearchStrategy[Criterion] = st.sampled_from(
    [
        Patience(2),
        Patience(3, metric="f1"),
        Patience(1, metric="unknown"),
        Adaptive(2),
        Target(0.75),
        Budget(seconds=9),
        Smoothed(Patience(2)),
    ]
)
peer_rules: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(SuccessiveHalving, st.sampled_from([1, 2.5, 3]), st.sampled_from([1.1, 1.5, 2, 3])),
    st.builds(BelowMedian, st.sampled_from([0, 1, 2.5]), st.integers(1, 3)),
    st.builds(
        BelowPercentile,
        st.sampled_from([0, 10, 100 / 3, 75, 100]),
        st.sampled_from([1, 4]),
        st.integers(1, 3),
    ),
)


def _around(inner: st.SearchStrategy[Criterion]) -> st.SearchStrategy[Criterion]:
    either = inner | own_rules
    return st.one_of(
        st.builds(AnyOf, inner, either, either),
        st.builds(AllOf, inner, either),
        st.builds(
            lambda *parts: AtLeast(1 + (parts[0] != parts[1]), *parts), inner, either, either
        ),
        st.builds(After, st.sampled_from([0, 4, 6.5]), inner),
        st.builds(Every, st.integers(1, 3), inner),
    )


comparing: st.SearchStrategy[Criterion] = st.recursive(peer_rules, _around, max_leaves=5)

promotions: st.SearchStrategy[PromotionRule] = st.one_of(
    st.builds(
        AdaptiveQuota,
        c=st.sampled_from([0.05, 0.3, 0.8, 2.0]),
        pilot=st.booleans(),
        growth=st.sampled_from([1.1, 1.5, 3]),
        noise=st.sampled_from([0, 2.0]),
        flattening=st.sampled_from([0, 0.3, 2]),
        asynchronous=st.booleans(),
    ),
    st.builds(AsyncHalving, st.integers(1, 3), st.sampled_from([1.3, 2, 3])),
    st.builds(
        RungTable, st.dictionaries(st.integers(1, 16), st.integers(1, 9), min_size=1, max_size=3)
    ),
)

clusters = st.builds(
    Cluster,
    workers=st.sampled_from([1, 2, 3, 8, 40]),
    startup_s=st.sampled_from([0.0, 2.5]),
    resume_s=st.sampled_from([0.0, 0.5]),
    step_s=st.sampled_from([1.0, 0.1]),
)


@st.composite
def streams(draw: st.DrawFn, most: int = 30) -> TaskCurves:
    """Trials with ties and broken values, of uneven length, some with durations and failures."""
    count, longest = draw(st.integers(1, most)), draw(st.sampled_from([1, 5, MAX_T]))
    lengths = draw(
        st.lists(st.integers(1, longest) | st.just(longest), min_size=count, max_size=count)
    )
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    pool = np.array(draw(st.lists(values, min_size=1, max_size=12)))
    finite = pool[np.isfinite(pool)]
    if len(finite) and draw(st.booleans()):
        pool = finite
    rows = [random.choice(pool, length).tolist() for length in lengths]
    if draw(st.booleans()):  # curves that improve
        rows = [np.minimum.accumulate(row).tolist() for row in rows]
    more: dict[str, Any] = {"f1": [random.choice(pool, length).tolist() for length in lengths]}
    if draw(st.booleans()):
        more[FAILED] = [[0.0] * (len(row) - 1) + [float(random.random() < 0.3)] for row in rows]
    mode = draw(st.sampled_from(["min", "max"]))
    curves = task_curves(rows, "score", mode, MAX_T, **more)
    seconds = draw(st.sampled_from([None, "equal", "uneven", "unknown"]))
    return curves if seconds is None else replace(curves, seconds=_seconds(seconds, curves, random))


def _seconds(kind: str, curves: TaskCurves, random: np.random.Generator) -> Any:
    count = int(curves.starts[-1])
    spent = np.full(count, 2.0) if kind == "equal" else random.choice([0.0, 0.5, 1.0, 1.7], count)
    return np.where(random.random(count) < 0.2, math.nan, spent) if kind == "unknown" else spent


def policy_for(curves: TaskCurves, rule: Criterion | str, **more: Any) -> Policy:
    """The rule on the objective of the task, with its budget."""
    task = curves.task
    return Policy(
        task.metric,
        task.mode,
        stop=rule,
        max_t=task.max_t,
        other_metrics=OTHERS,
        **more,
    )


def check_sweep(policy: Policy, curves: TaskCurves, cluster: Cluster) -> Sequence[int]:
    """That the compiled sweep is the engine's; how far every trial came."""
    exact = replay(PolicyScheduler(policy, trials=len(curves)), curves, cluster)
    swept = run_swept(policy, curves, cluster)
    assert swept.reached.tolist() == exact.reached.tolist()
    assert swept.steps.tolist() == exact.steps.tolist()
    assert sorted(swept.failed) == sorted(exact.failed)
    assert swept.cut == exact.cut
    assert swept.seconds == pytest.approx(exact.seconds, rel=1e-12)
    assert swept.makespan == pytest.approx(exact.makespan, rel=1e-12)
    return list(map(int, exact.reached))
