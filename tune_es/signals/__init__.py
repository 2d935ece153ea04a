"""Incremental numbers over one curve: pure, NaN-safe, None before there is anything to say."""

from tune_es.signals.base import Signal
from tune_es.signals.best import BestSoFar
from tune_es.signals.clock import Clock
from tune_es.signals.gap import generalisation_gap
from tune_es.signals.moving import Exponential, MovingMean, MovingMedian
from tune_es.signals.noise import NoiseLevel
from tune_es.signals.period import find_period
from tune_es.signals.series import Series
from tune_es.signals.slope import Line, Regression, Slope
from tune_es.signals.spread import Spread

__all__ = [
    "BestSoFar",
    "Clock",
    "Exponential",
    "Line",
    "MovingMean",
    "MovingMedian",
    "NoiseLevel",
    "Regression",
    "Series",
    "Signal",
    "Slope",
    "Spread",
    "find_period",
    "generalisation_gap",
]
