"""Early stopping that decides per trial, says why in numbers, and survives a crash.

The core is pure: importing it imports neither Ray nor torch nor Optuna. A Ray user starts with
:mod:`tune_es.ray`.
"""

from tune_es.cohort import Cohort, Peers
from tune_es.criteria import (
    Adaptive,
    After,
    AllOf,
    AnyOf,
    AtLeast,
    BelowMedian,
    Budget,
    Composite,
    Criterion,
    Cyclic,
    DecayingDelta,
    Divergence,
    Every,
    Explosion,
    GeneralizationLoss,
    NonFinite,
    OverfitGap,
    Patience,
    PerMetric,
    Plateau,
    ProgressQuotient,
    ShrinkingPatience,
    Smoothed,
    Target,
    UninterruptedProgress,
    WindowGain,
)
from tune_es.curve import fired_at
from tune_es.policy import Policy
from tune_es.records import Action, Cause, Decision, Metric, Observation, Verdict
from tune_es.referee import Referee
from tune_es.signals import BestSoFar, Exponential, MovingMean, MovingMedian, NoiseLevel, Slope

__version__ = "0.1.0"

__all__ = [
    "Action",
    "Adaptive",
    "After",
    "AllOf",
    "AnyOf",
    "AtLeast",
    "BelowMedian",
    "BestSoFar",
    "Budget",
    "Cause",
    "Cohort",
    "Composite",
    "Criterion",
    "Cyclic",
    "DecayingDelta",
    "Decision",
    "Divergence",
    "Every",
    "Explosion",
    "Exponential",
    "GeneralizationLoss",
    "Metric",
    "MovingMean",
    "MovingMedian",
    "NoiseLevel",
    "NonFinite",
    "Observation",
    "OverfitGap",
    "Patience",
    "Peers",
    "PerMetric",
    "Plateau",
    "Policy",
    "ProgressQuotient",
    "Referee",
    "ShrinkingPatience",
    "Slope",
    "Smoothed",
    "Target",
    "UninterruptedProgress",
    "Verdict",
    "WindowGain",
    "fired_at",
]
