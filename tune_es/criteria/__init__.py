"""When more training is not worth its price: one idea a file."""

from tune_es.criteria.adaptive import Adaptive
from tune_es.criteria.base import Criterion
from tune_es.criteria.below_median import BelowMedian, BelowPercentile
from tune_es.criteria.combine import AllOf, AnyOf, AtLeast
from tune_es.criteria.composite import Composite
from tune_es.criteria.cyclic import Cyclic
from tune_es.criteria.divergence import Divergence, Explosion, NonFinite
from tune_es.criteria.limits import Budget, Never, Target
from tune_es.criteria.no_evidence import NoEvidence
from tune_es.criteria.overfit import OverfitGap
from tune_es.criteria.pareto_halving import ParetoHalving
from tune_es.criteria.patience import Patience
from tune_es.criteria.per_metric import PerMetric
from tune_es.criteria.plateau import Plateau
from tune_es.criteria.prechelt import GeneralizationLoss, ProgressQuotient, UninterruptedProgress
from tune_es.criteria.private import Private
from tune_es.criteria.reduce_first import ReduceFirst
from tune_es.criteria.seed_adaptive import DecayingDelta, ShrinkingPatience
from tune_es.criteria.smoothed import Smoothed
from tune_es.criteria.successive_halving import SuccessiveHalving
from tune_es.criteria.timing import After, Every
from tune_es.criteria.window_gain import WindowGain

__all__ = [
    "Adaptive",
    "After",
    "AllOf",
    "AnyOf",
    "AtLeast",
    "BelowMedian",
    "BelowPercentile",
    "Budget",
    "Composite",
    "Criterion",
    "Cyclic",
    "DecayingDelta",
    "Divergence",
    "Every",
    "Explosion",
    "GeneralizationLoss",
    "Never",
    "NoEvidence",
    "NonFinite",
    "OverfitGap",
    "ParetoHalving",
    "Patience",
    "PerMetric",
    "Plateau",
    "Private",
    "ProgressQuotient",
    "ReduceFirst",
    "ShrinkingPatience",
    "Smoothed",
    "SuccessiveHalving",
    "Target",
    "UninterruptedProgress",
    "WindowGain",
]
