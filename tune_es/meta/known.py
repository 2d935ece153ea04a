"""Policies that are known to be good somewhere: where a search begins, and what it has to beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tune_es.meta.recipe import FULL, Recipe
from tune_es.promotion import AdaptiveQuota

#: What a tuned policy is compared with: nobody needs a search for these.
PRESETS: Mapping[str, Recipe] = {
    "full": FULL,
    "safe": Recipe("safe"),
    "balanced": Recipe("balanced"),
    "aggressive": Recipe("aggressive"),
    "AdaptiveQuota": Recipe(promotion="AdaptiveQuota"),
}

_SAFE = {
    "curve": "adaptive",
    "not_before": 0.0,
    "judged": "one",
    "adaptive.patience": 5,
    "adaptive.budget_share": 0.4,
    "adaptive.history_share": 0.0,
    "adaptive.min_gain": 1e-3,
    "adaptive.trend_share": 0.33,
    "adaptive.z": 1.0,
    "adaptive.tolerance": 3e-3,
    "adaptive.scale": "best",
}
_BALANCED = {
    **_SAFE,
    "adaptive.budget_share": 0.2,
    "adaptive.history_share": 0.5,
    "adaptive.trend_share": 0.5,
    "adaptive.z": 2.0,
    "adaptive.tolerance": 0.01,
}
_AGGRESSIVE = {
    **_BALANCED,
    "adaptive.budget_share": 0.1,
    "adaptive.min_gain": 3e-3,
    "adaptive.tolerance": 3e-3,
}
_MEDIAN = {"compare": "median", "median.grace_period": 0.1, "median.min_trials": 5}


def _quota(c: float, growth: float, noise: float, flattening: float) -> dict[str, Any]:
    return {
        "promote": "quota",
        "ties": "none",
        "quota.c": c,
        "quota.growth": growth,
        "quota.noise": noise,
        "quota.flattening": flattening,
        "quota.pilot": True,
    }


def _table(first: float, keep: float, rungs: int, factor: float) -> dict[str, Any]:
    return {
        "promote": "table",
        "ties": "none",
        "table.first": first,
        "table.keep": keep,
        "table.rungs": rungs,
        "table.factor": factor,
    }


_DEFAULT = _quota(AdaptiveQuota().factor, 1.5, 2.0, 0.3)

#: The parameters of good policies, the first that a search tries; ``kind`` among them.
STARTS: tuple[Mapping[str, Any], ...] = tuple(
    {"explosion": True, **each}
    for each in (
        {"kind": "curve", **_SAFE},
        {"kind": "curve", **_BALANCED},
        {"kind": "curve", **_AGGRESSIVE},
        {"kind": "promote", **_DEFAULT},
        {"kind": "promote", **_quota(AdaptiveQuota(0.0025).factor, 1.5, 2.0, 0.3)},
        {"kind": "promote", **_quota(1.2, 1.35, 4.0, 0.6)},
        {"kind": "promote", **_table(0.2, 0.1, 1, 3.0)},
        {"kind": "promote", **_table(0.08, 0.33, 3, 3.0)},
        {"kind": "compare", **_MEDIAN},
        {
            "kind": "compare",
            "compare": "halving",
            "halving.grace_period": 0.06,
            "halving.reduction_factor": 3.0,
        },
        {"kind": "curve|compare", **_BALANCED, **_MEDIAN},
        {"kind": "curve+promote", **_SAFE, **_DEFAULT},
    )
)
