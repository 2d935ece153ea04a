"""Rules and trials for the vectorised path, and what the live objects make of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st

from tests.strategies import bad, levels, moderate, wild
from tune_es import (
    Adaptive,
    After,
    AllOf,
    AnyOf,
    AtLeast,
    Budget,
    Composite,
    Criterion,
    Cyclic,
    DecayingDelta,
    Divergence,
    Every,
    Explosion,
    Exponential,
    GeneralizationLoss,
    MovingMean,
    MovingMedian,
    NoEvidence,
    NonFinite,
    OverfitGap,
    Patience,
    PerMetric,
    Plateau,
    Policy,
    ProgressQuotient,
    ShrinkingPatience,
    Smoothed,
    Target,
    UninterruptedProgress,
    WindowGain,
)
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.life import durations
from tune_es.signals import Signal

LONGEST = 30
#: The objective is "score"; "unknown" is a metric that the policy names and no trial reports.
OTHERS = {"f1": "max", "train": "min", "unknown": "max"}


def trials_of(
    *trials: Sequence[float],
    mode: str = "min",
    max_t: int = LONGEST,
    metrics: Mapping[str, Sequence[Sequence[float]]] | None = None,
    seconds: Sequence[float] | None = None,
) -> TaskCurves:
    """Trials with these values of "score", in the user's sign."""
    columns = {"score": trials, **(metrics or {})}
    return TaskCurves(
        Task("set", "task", "score", mode, max_t),
        tuple(f"t{at}" for at in range(len(trials))),
        np.cumsum([0, *map(len, trials)]),
        {name: np.array([v for one in many for v in one], float) for name, many in columns.items()},
        None if seconds is None else np.array(seconds, float),
    )


def live_stops(policy: Policy, curves: TaskCurves, step_s: float = 1.0) -> list[tuple[int, int]]:
    """Evaluation and cause code of every stop as the policy decides it result by result."""
    found = []
    spans = durations(curves, step_s).tolist()
    for trial in range(len(curves)):
        rows, results, spent = curves.rows(trial), [], 0.0
        for row in range(rows.start, rows.stop):
            spent += spans[row]
            values = {name: float(column[row]) for name, column in curves.metrics.items()}
            step = row - rows.start + 1
            results.append({**values, "training_iteration": step, "time_total_s": spent})
        decision = policy.first_stop(results)
        cause = None if decision is None else decision.verdict.cause
        found.append(
            (0, 0) if decision is None or cause is None else (int(decision.step), cause.value)
        )
    return found


few, deltas = st.integers(1, 6), st.sampled_from([0.0, 1e-3, 0.25, 2.0])
metric = st.sampled_from([None, None, None, "f1", "train", "unknown"])
threshold = st.none() | levels | st.floats(-1e3, 1e3)
window = few | st.sampled_from([0.07, 0.25, 0.3])

kernels: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(
        Patience,
        window,
        at_least=few,
        min_delta=deltas,
        relative=st.booleans(),
        noise_factor=st.sampled_from([0.0, 0.5, 2]),
        baseline=threshold,
        start_from=st.sampled_from([0, 2.5, 7]),
        stopping_threshold=threshold,
        divergence_threshold=threshold,
        check_finite=st.booleans(),
        metric=metric,
    ),
    st.builds(Patience, few, metric=metric),
    st.builds(
        Adaptive,
        few,
        budget_share=st.sampled_from([0.0, 0.1, 0.4, 1]),
        history_share=st.sampled_from([0.0, 0.07, 0.5]),
        min_gain=deltas,
        trend_share=st.sampled_from([0.0, 0.33, 1]),
        z=st.sampled_from([0.0, 1, 2.0]),
        tolerance=st.sampled_from([0.0, 0.01, 1.0]),
        scale=st.sampled_from(["best", "range"]),
        metric=metric,
    ),
    st.builds(
        WindowGain,
        window,
        at_least=few,
        min_gain=deltas,
        relative=st.booleans(),
        metric=metric,
    ),
    st.builds(
        Plateau,
        std=st.sampled_from([0.0, 0.1, 1.0]),
        window=st.integers(2, 5),
        grace_period=st.integers(0, 6),
        relative=st.booleans(),
        threshold=threshold,
        metric=metric,
    ),
    st.builds(NonFinite, st.integers(0, 3), metric=metric),
    st.builds(
        NoEvidence,
        few,
        st.sampled_from([0, 0.5, 0.9]),
        metric=st.sampled_from(["f1", "train", "unknown"]),
    ),
    st.builds(
        Explosion,
        st.sampled_from([1.5, 300]),
        few,
        least_start=st.sampled_from([0, 0.5, 1.0]),
        metric=metric,
    ),
    st.builds(
        Divergence, st.sampled_from([0.1, 2]), threshold=threshold, patience=few, metric=metric
    ),
    st.builds(Divergence, st.none(), threshold=levels, patience=few, metric=metric),
    st.builds(Target, levels, patience=few, metric=metric),
    st.builds(
        Budget,
        steps=st.integers(1, 12) | st.sampled_from([0.5, 3.5]),
        seconds=st.none() | st.floats(0.5, 20),
        cost=st.none() | st.floats(1e-3, 10.0),
    ),
    st.builds(Budget, seconds=st.floats(0.5, 20)),
    st.builds(GeneralizationLoss, st.sampled_from([0, 5.0, 50.0]), metric=metric),
    st.builds(UninterruptedProgress, st.integers(1, 3), st.integers(1, 3), metric=metric),
    st.builds(OverfitGap, st.just("train"), st.sampled_from([0.0, 0.1]), few),
    st.builds(
        ProgressQuotient,
        st.just("train"),
        st.sampled_from([0, 0.01, 0.5]),
        st.integers(2, 4),
        metric=metric,
    ),
    st.builds(DecayingDelta, few, deltas, alpha=st.sampled_from([0.0, 1.0, 9])),
    st.builds(ShrinkingPatience, st.integers(1, 12), deltas, metric=metric),
)

without_kernel: st.SearchStrategy[Criterion] = st.sampled_from(
    [
        Smoothed(Cyclic(Patience(2), period=2)),
        Cyclic(Patience(2), period=2),
        Composite(Patience(2), {"score": 1.0, "f1": 2.0}, weights_from={"f1": "train"}),
    ]
)


signals: st.SearchStrategy[Signal] = st.one_of(
    st.builds(MovingMean, few),
    st.builds(MovingMedian, few),
    st.builds(Exponential, st.sampled_from([0.3, 0.5, 1])),
)


def _around(inner: st.SearchStrategy[Criterion]) -> st.SearchStrategy[Criterion]:
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda parts: AnyOf(*parts)),
        two.map(lambda parts: AllOf(*parts)),
        st.builds(lambda a, b, c: AtLeast(1 + (a != b), a, b, c), inner, inner, inner),
        st.builds(After, st.sampled_from([0, 4, 6.5]), inner),
        st.builds(Every, st.integers(1, 4), inner),
        st.builds(Smoothed, inner, signals, metric=metric),
        st.builds(
            Composite,
            inner,
            st.sampled_from([{"score": 1.0, "f1": 2.0}, {"train": 1, "f1": 0}, {"f1": 1.0}]),
            normalise=st.sampled_from(["range", "deviation", "none"]),
            schedule=st.just({})
            | st.just({3: {"f1": 0.5}})
            | st.just({0: {"f1": 0.25}, 6.5: {"f1": 2.0}}),
        ),
        st.builds(
            PerMetric,
            st.builds(Patience, few) | st.builds(WindowGain, few) | st.builds(Divergence),
            st.just(("score", "f1")),
            join=st.sampled_from(["all", "any", "primary", 2]),
        ),
    )


rules = st.recursive(kernels | kernels | kernels | without_kernel, _around, max_leaves=5)

_smooth = st.builds(
    lambda scale, rate, length: [scale * (1 + rate**step) for step in range(length)],
    st.sampled_from([1.0, -1.0, 1e-3, 1e300, 0.0]),
    st.sampled_from([0.5, 0.9, 1.1]),
    st.integers(1, LONGEST),
)
_values = st.one_of(
    st.lists(levels, min_size=1, max_size=LONGEST),
    st.lists(moderate, min_size=1, max_size=LONGEST),
    st.lists(levels | bad, min_size=1, max_size=LONGEST),
    st.lists(wild, min_size=1, max_size=LONGEST),
    _smooth,
)


@st.composite
def task_curves(draw: st.DrawFn) -> TaskCurves:
    """Up to 3 trials of unequal length, with other metrics and perhaps with durations."""
    scores = draw(st.lists(_values, max_size=3))
    others = {}
    for name in ("f1", "train"):
        source = draw(_values)
        others[name] = [
            [(source or [0.5])[at % max(1, len(source))] for at in range(len(one))]
            for one in scores
        ]
    durations = st.lists(
        st.floats(0, 5) | st.just(math.nan),
        min_size=sum(map(len, scores)),
        max_size=sum(map(len, scores)),
    )
    return trials_of(
        *scores,
        mode=draw(st.sampled_from(["min", "max"])),
        max_t=draw(st.sampled_from([1, 7, 20, LONGEST, 99])),
        metrics=others,
        seconds=draw(st.none() | durations),
    )


@st.composite
def policies(draw: st.DrawFn, mode: str) -> Policy:
    """A policy on "score" with some rule and some guards."""
    return Policy(
        "score",
        mode,
        stop=draw(rules),
        other_metrics=OTHERS,
        max_t=draw(st.sampled_from([20, LONGEST, 12.5, 99])),
        not_before=draw(st.none() | st.sampled_from([4.0, 6.5]) | st.just((3.0, 9.0))),
        nonfinite_patience=draw(st.sampled_from([None, 0, 2])),
        explosion_factor=draw(st.sampled_from([None, 1.5, 300.0])),
        cost_attr=draw(st.sampled_from([None, "f1", "time_total_s", "training_iteration"])),
        price_per_hour=draw(st.sampled_from([3.6, 900])),
    )
