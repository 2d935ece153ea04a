"""Which criterion has a kernel: one line for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tune_es import criteria
from tune_es.criteria import Criterion
from tune_es.replay.fast import (
    adaptive,
    combine,
    composing,
    evidence,
    flatness,
    guards,
    limits,
    overfit,
    patience,
    smoothing,
)
from tune_es.replay.fast.block import Block, Say

#: By the class itself: a subclass may step in its own way.
KERNELS: Mapping[type[Criterion], Callable[[Any, Block], Say]] = {
    criteria.Adaptive: adaptive.adaptive,
    criteria.After: combine.after,
    criteria.AllOf: combine.all_of,
    criteria.AnyOf: combine.any_of,
    criteria.AtLeast: combine.at_least,
    criteria.Budget: limits.budget,
    criteria.Composite: composing.composite,
    criteria.DecayingDelta: patience.scheduled,
    criteria.Divergence: guards.divergence,
    criteria.Every: combine.every,
    criteria.Explosion: guards.explosion,
    criteria.GeneralizationLoss: overfit.generalization_loss,
    criteria.Never: limits.never,
    criteria.NoEvidence: evidence.no_evidence,
    criteria.NonFinite: guards.non_finite,
    criteria.OverfitGap: overfit.overfit_gap,
    criteria.Patience: patience.patience,
    criteria.PerMetric: combine.per_metric,
    criteria.Plateau: flatness.plateau,
    criteria.ProgressQuotient: overfit.progress_quotient,
    criteria.ShrinkingPatience: patience.scheduled,
    criteria.Smoothed: smoothing.smoothed,
    criteria.Target: limits.target,
    criteria.UninterruptedProgress: overfit.uninterrupted_progress,
    criteria.WindowGain: flatness.window_gain,
}


def has_kernel(criterion: Criterion) -> bool:
    """True where a criterion and all inside it are compiled; others give the same stops, slowly.

    >>> from tune_es import Cyclic, Patience
    >>> has_kernel(Patience(3) & Patience(5, metric="accuracy")), has_kernel(Cyclic(Patience(3)))
    (True, False)
    """
    return all(type(each) in KERNELS for each in criterion.walk())
