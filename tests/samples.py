"""At least one sample of every criterion and signal, and curves to try them on.

The contract, algebra, pickling and replay tests run over all of them. A new criterion or signal
needs a line in CRITERIA or SIGNALS; the tests say so where it is forgotten.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tests.builders import curve
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
    BestSoFar,
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
    Never,
    NoEvidence,
    NoiseLevel,
    NonFinite,
    Observation,
    OverfitGap,
    ParetoHalving,
    Patience,
    PerMetric,
    Plateau,
    Policy,
    Private,
    ProgressQuotient,
    ReduceFirst,
    RungTable,
    ShrinkingPatience,
    Slope,
    Smoothed,
    SuccessiveHalving,
    Target,
    TieBreak,
    UninterruptedProgress,
    WindowGain,
)
from tune_es.promotion import PromotionRule
from tune_es.signals import Signal
from tune_es.spec import KINDS

#: The metrics that samples may name, beside the score.
OTHERS = {"f1": "max", "loss": "min", "train": "min"}
MAX_T = 24

CRITERIA: dict[str, tuple[Criterion, ...]] = {
    "Adaptive": (
        Adaptive.safe(),
        Adaptive.balanced(),
        Adaptive.aggressive(),
        Adaptive(patience=2, scale="range", metric="loss"),
    ),
    "After": (After(6, Patience(2)), After(0, Target(0.9))),
    "AllOf": (Patience(2) & Patience(4, metric="loss"), AllOf(WindowGain(3), Plateau())),
    "AnyOf": (
        Patience(4) | Target(0.9),
        AnyOf(Patience(3, metric="f1"), OverfitGap("train"), Divergence()),
        (Patience(2) & Target(0.5)) | NonFinite(0),
    ),
    "AtLeast": (
        AtLeast(2, Patience(2), Patience(3, metric="loss"), Plateau(window=3)),
        AtLeast(1, Target(0.9)),
    ),
    "BelowMedian": (BelowMedian(grace_period=2, min_trials=1),),
    "BelowPercentile": (BelowPercentile(min_trials=1), BelowPercentile(80, 2.5, 1)),
    "Budget": (Budget(steps=7), Budget(seconds=60, cost=0.5)),
    "Composite": (
        Composite(Patience(3), weights={"f1": 1, "loss": 2}),
        Composite(
            Patience(2),
            weights={"joint": 0.3, "train": 0.7},
            groups={"joint": {"f1": 2, "loss": 1}},
            normalise="deviation",
            schedule={0: {"joint": 1}, 8: {"joint": 0.5, "train": 0.5}},
            weights_from={"train": "train_weight"},
        ),
        Composite(WindowGain(4), weights={"f1": 1, "loss": 1}, normalise="none"),
    ),
    "Cyclic": (Cyclic(Patience(2), period=3), Cyclic(Patience(3)), Cyclic(Plateau(), period=1)),
    "DecayingDelta": (DecayingDelta(), DecayingDelta(patience=2, min_delta=0.1, alpha=3.0)),
    "Divergence": (
        Divergence(drop=0.5, patience=1),
        Divergence(drop=None, threshold=0.0),
        Divergence(drop=1.0, threshold=3.0, patience=3, metric="loss"),
    ),
    "Every": (Every(3, Patience(1)), Every(2, Patience(2, metric="loss"))),
    "Explosion": (Explosion(factor=2.0, patience=2), Explosion(factor=1.5, metric="loss")),
    "GeneralizationLoss": (GeneralizationLoss(), GeneralizationLoss(alpha=0, metric="loss")),
    "Never": (Never(),),
    "NoEvidence": (
        NoEvidence(metric="loss"),
        NoEvidence(patience=1, smoothing=0.0, metric="f1"),
    ),
    "NonFinite": (NonFinite(), NonFinite(patience=0, metric="loss")),
    "OverfitGap": (OverfitGap("train", max_gap=0.05, patience=2), OverfitGap("f1", metric="loss")),
    "ParetoHalving": (
        ParetoHalving(("f1", "loss"), grace_period=2, reduction_factor=1.5),
        ParetoHalving(
            ("f1", "loss", "train"),
            reduction_factor=2,
            constraints={"train": 1.5, "f1": 0.2},
            weights={"loss": 2},
            tie_break="hypervolume",
            front_share=0.5,
            by="best",
        ),
    ),
    "Patience": (
        Patience(),
        Patience(3),
        Patience(0.2, at_least=2),
        Patience(2, min_delta=0.1, metric="loss"),
        Patience(3, min_delta=0.05, relative=True),
        Patience(2, noise_factor=1.0),
        Patience(2, baseline=0.5, start_from=4),
        Patience(4, stopping_threshold=0.9, divergence_threshold=-5.0, check_finite=True),
    ),
    "PerMetric": (
        PerMetric(Patience(2), metrics=("f1", "loss")),
        PerMetric(Patience(2), metrics=("f1", "loss"), join="any"),
        PerMetric(Patience(3), metrics=("loss", "f1"), join="primary"),
        PerMetric(WindowGain(2), metrics=("loss", "f1", "train"), join=2),
    ),
    "Plateau": (
        Plateau(),
        Plateau(std=0.0, window=2, grace_period=0),
        Plateau(std=0.1, relative=True, threshold=0.0, metric="f1"),
    ),
    "Private": (
        Private(epsilon=20, n_val=50, target=0.9, test_seed=1),
        Private(epsilon=40, n_val=50, min_gain=0.05, patience=3, test_seed=2),
        Private(
            epsilon=9,
            n_val=30,
            target=0.1,
            kind="clipped",
            bounds=(-1.0, 2.0),
            checks=4,
            test_seed=3,
            metric="loss",
        ),
    ),
    "ProgressQuotient": (
        ProgressQuotient("train", strip=2),
        ProgressQuotient("f1", alpha=0.01, strip=3, metric="loss"),
    ),
    "ReduceFirst": (
        ReduceFirst(Patience(2)),
        ReduceFirst(Patience(1, metric="loss"), times=1, factor=0.5, cooldown=3),
        ReduceFirst(Patience(2) | Target(0.9), times=3),
    ),
    "ShrinkingPatience": (ShrinkingPatience(), ShrinkingPatience(patience=15, min_delta=0.0)),
    "Smoothed": (
        Smoothed(Patience(3)),
        Smoothed(Plateau(), by=MovingMedian(3)),
        Smoothed(Patience(2, metric="loss"), by=Exponential(0.5), metric="loss"),
    ),
    "SuccessiveHalving": (SuccessiveHalving(1, 2), SuccessiveHalving(2.5, 1.5)),
    "Target": (Target(0.9), Target(0.0, patience=2, metric="loss")),
    "UninterruptedProgress": (
        UninterruptedProgress(strips=2, strip=2),
        UninterruptedProgress(strips=1, strip=1, metric="loss"),
    ),
    "WindowGain": (
        WindowGain(3),
        WindowGain(0.2, at_least=2, min_gain=0.0),
        WindowGain(2, min_gain=0.1, relative=False, metric="loss"),
    ),
}

SIGNALS: dict[str, tuple[Signal, ...]] = {
    "BestSoFar": (BestSoFar(), BestSoFar(min_delta=0.1)),
    "Exponential": (Exponential(), Exponential(1.0)),
    "MovingMean": (MovingMean(), MovingMean(1)),
    "MovingMedian": (MovingMedian(), MovingMedian(4)),
    "NoiseLevel": (NoiseLevel(), NoiseLevel(5)),
    "Slope": (Slope(), Slope(3)),
}

NAN, INF = math.nan, math.inf

#: Scores of one trial; None is a result without metrics.
SCORES: dict[str, Sequence[float | None]] = {
    "one": [0.5],
    "improving": [0.04 * i for i in range(MAX_T)],
    "saturating": [1 - 0.7**i for i in range(MAX_T)],
    "falling": [-0.1 * i for i in range(MAX_T)],
    "flat": [0.5] * MAX_T,
    "zero": [0.0] * MAX_T,
    "noisy": [0.5 + 0.01 * i + 0.1 * (-1) ** i for i in range(MAX_T)],
    "overfit": [0.9 - 0.02 * (i - 6) ** 2 / 6 for i in range(MAX_T)],
    "waves": [0.2 * (i % 4) + 0.01 * i for i in range(MAX_T)],
    "falling waves": [0.2 * (i % 3) - 0.05 * i for i in range(MAX_T)],
    "crossing zero": [-1 + 0.15 * i - 0.004 * i * i for i in range(MAX_T)],
    "late gain": [0.3] * 15 + [0.9] * 9,
    "spike": [0.1, 0.2, 9.0, *[0.3 + 0.01 * i for i in range(MAX_T - 3)]],
    "diverging": [0.5, 0.6, 0.6, *[-(3.0**i) for i in range(MAX_T - 3)]],
    "nan first": [NAN, NAN, *[0.1 * i for i in range(8)]],
    "nan last": [0.1, 0.2, 0.3, *[NAN] * 9],
    "nan between": [0.1, NAN, 0.2, NAN, NAN, 0.2, 0.2, 0.2, NAN, 0.2, 0.2, 0.2, 0.2],
    "all nan": [NAN] * 12,
    "inf": [0.1, INF, 0.2, 0.2, -INF, 0.2, 0.1, INF, INF, 0.1, 0.1, 0.1],
    "gaps": [None if i % 3 else 0.1 * min(i, 9) for i in range(MAX_T)],
    "no metric": [None] * 6,
    "huge": [1e308] * 14,
    "huge waves": [1e308 * (-1) ** i for i in range(20)],
    "denormal": [5e-324 * (i % 3) for i in range(16)],
}

#: The curves on which a verdict has no excuse for a number that is not finite.
TAME = [
    name
    for name, scores in SCORES.items()
    if all(score is not None and abs(score) < 1e15 for score in scores)
]


def observations(scores: Sequence[float | None], max_t: float | None = MAX_T) -> list[Observation]:
    """A trial with these scores: the other metrics are made from them."""
    losses = [None if score is None else 1 - score for score in scores]
    train = [None if score is None else 2.0 - 0.05 * at for at, score in enumerate(scores)]
    metrics = {"f1": scores[::-1], "loss": losses, "train": train}
    return curve(*scores, max_t=max_t, metrics=metrics, modes=OTHERS)


CURVES = {name: observations(scores) for name, scores in SCORES.items()}


def policy_with(criterion: Criterion) -> Policy:
    """A policy that knows everything that the samples read."""
    return Policy(
        "score", "max", stop=criterion, other_metrics=OTHERS, max_t=MAX_T, price_per_hour=3.6
    )


def criterion_samples() -> dict[str, Criterion]:
    """Every sample criterion by a name for the test's id."""
    return {
        f"{name}-{at}": each
        for name, samples in CRITERIA.items()
        for at, each in enumerate(samples)
    }


def signal_samples() -> dict[str, Signal]:
    """Every sample signal by a name for the test's id."""
    return {
        f"{name}-{at}": each for name, samples in SIGNALS.items() for at, each in enumerate(samples)
    }


TIES: dict[str, tuple[TieBreak, ...]] = {
    "TieBreak": (TieBreak("loss"), TieBreak(("loss", "f1"), n_val=400, join="combined")),
}

PROMOTIONS: dict[str, tuple[PromotionRule, ...]] = {
    "AdaptiveQuota": (AdaptiveQuota(), AdaptiveQuota(c=0.5, pilot=False)),
    "AsyncHalving": (AsyncHalving(1, 2), AsyncHalving(2, 3)),
    "RungTable": (RungTable({2: 3, 5: 1}),),
}


def missing_samples() -> list[str]:
    """What to add to this file, a sentence for each kind without a sample of itself."""
    missing = []
    for name, kind in KINDS.items():
        tables: dict[str, tuple[type, Mapping[str, Sequence[object]]]] = {
            "CRITERIA": (Criterion, CRITERIA),
            "SIGNALS": (Signal, SIGNALS),
            "PROMOTIONS": (PromotionRule, PROMOTIONS),
            "TIES": (TieBreak, TIES),
        }
        ((where, table),) = (
            (where, table) for where, (base, table) in tables.items() if issubclass(kind, base)
        )
        if not any(type(each) is kind for each in table.get(name, ())):
            missing.append(f"{name} has no sample: add one to {where} in tests/samples.py")
    return missing
