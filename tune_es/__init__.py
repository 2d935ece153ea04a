"""Early stopping that decides per trial, says why in numbers, and survives a crash.

The core is pure: importing it imports neither Ray nor torch nor Optuna. A Ray user starts with
:mod:`tune_es.ray`.
"""

from tune_es import criteria
from tune_es.cohort import Cohort, Peers
from tune_es.criteria import *
from tune_es.curve import fired_at
from tune_es.policy import Policy
from tune_es.promotion import AdaptiveQuota, AsyncHalving, RungTable, TieBreak
from tune_es.records import Action, Cause, Decision, Metric, Observation, Verdict
from tune_es.referee import Referee
from tune_es.signals import BestSoFar, Exponential, MovingMean, MovingMedian, NoiseLevel, Slope

__version__ = "0.1.0"

__all__ = [
    "Action",
    "AdaptiveQuota",
    "AsyncHalving",
    "BestSoFar",
    "Cause",
    "Cohort",
    "Decision",
    "Exponential",
    "Metric",
    "MovingMean",
    "MovingMedian",
    "NoiseLevel",
    "Observation",
    "Peers",
    "Policy",
    "Referee",
    "RungTable",
    "Slope",
    "TieBreak",
    "Verdict",
    "fired_at",
]
__all__ += criteria.__all__
