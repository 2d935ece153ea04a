"""Pause and promote: compute goes to the trials that can still win."""

from tune_es.promotion.promoter import Promoter
from tune_es.promotion.quota import AdaptiveQuota
from tune_es.promotion.rule import PromotionRule, Rung
from tune_es.promotion.standing import Saved, Standing, Track
from tune_es.promotion.tables import AsyncHalving, RungTable
from tune_es.promotion.ties import TieBreak

__all__ = [
    "AdaptiveQuota",
    "AsyncHalving",
    "Promoter",
    "PromotionRule",
    "Rung",
    "RungTable",
    "Saved",
    "Standing",
    "TieBreak",
    "Track",
]
