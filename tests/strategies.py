"""Hypothesis strategies: curves as trials report them, and rules to judge them with."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import strategies as st

from tests.samples import CRITERIA
from tune_es import (
    AtLeast,
    Composite,
    Criterion,
    Divergence,
    GeneralizationLoss,
    MovingMedian,
    NonFinite,
    OverfitGap,
    Patience,
    Plateau,
    Smoothed,
    Target,
    UninterruptedProgress,
    WindowGain,
)

#: Few different values: ties, small gains and flat stretches are the rule and not the exception.
levels = st.integers(-4, 4).map(lambda level: level / 4)
moderate = st.floats(-1e6, 1e6)
bad = st.sampled_from([math.nan, math.inf, -math.inf])
#: Whatever a float can be.
wild = st.floats() | st.sampled_from([5e-324, -5e-324, 1e308, -1e308, 0.0, -0.0])

scores = levels | moderate | bad
curves = st.lists(levels | st.floats(-2, 2), max_size=30) | st.lists(scores, max_size=30)
finite_curves = st.lists(levels, min_size=1, max_size=30) | st.lists(moderate, min_size=1)
wild_curves = st.lists(wild, max_size=40) | st.lists(st.sampled_from([1e308, -1e308]), max_size=40)
#: None is a result without the metric.
gappy_curves = st.lists(levels | bad | st.none(), max_size=30)

#: One sample of everything, chosen by itself and not by its number of samples.
sample_criteria: st.SearchStrategy[Criterion] = st.sampled_from(sorted(CRITERIA)).flatmap(
    lambda name: st.sampled_from(CRITERIA[name])
)

leaves: st.SearchStrategy[Criterion] = st.one_of(
    st.builds(Patience, st.integers(1, 4), min_delta=st.sampled_from([0.0, 0.25])),
    st.builds(Target, levels, patience=st.integers(1, 2)),
    st.builds(WindowGain, st.integers(1, 4)),
    st.builds(Plateau, st.sampled_from([0.0, 0.2]), st.integers(2, 4)),
    st.builds(Divergence, st.sampled_from([0.5, 2.0]), patience=st.integers(1, 3)),
    st.builds(GeneralizationLoss, st.sampled_from([0.0, 20.0])),
    st.builds(UninterruptedProgress, st.integers(1, 3), st.integers(1, 3)),
    st.builds(NonFinite, st.integers(0, 2)),
)


def _joined(inner: st.SearchStrategy[Criterion]) -> st.SearchStrategy[Criterion]:
    both: Callable[[Criterion, Criterion], Criterion] = Criterion.__and__
    either: Callable[[Criterion, Criterion], Criterion] = Criterion.__or__
    return st.builds(both, inner, inner) | st.builds(either, inner, inner)


#: Rules on the score alone: leaves joined by `|` and `&`.
rules = st.recursive(leaves, _joined, max_leaves=4)

#: Rules that read several metrics, or that hold other rules.
rich_rules: st.SearchStrategy[Criterion] = st.one_of(
    rules,
    st.builds(Smoothed, rules, st.builds(MovingMedian, st.integers(1, 4))),
    st.builds(AtLeast, st.just(1), rules, rules),
    st.builds(
        Composite,
        rules,
        weights=st.just({"f1": 1.0, "loss": 2.0}),
        normalise=st.sampled_from(["range", "deviation", "none"]),
    ),
    st.just(OverfitGap("train", max_gap=0.0, patience=2)),
)
