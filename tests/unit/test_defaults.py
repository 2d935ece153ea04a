"""Defaults are part of every policy file, which leaves them out: changing one changes old files."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from tune_es import Policy
from tune_es.spec import KINDS

#: What a field is where nothing is said; `None` and an empty mapping mean "none" everywhere.
DEFAULTS: dict[str, dict[str, Any]] = {
    "Adaptive": {
        "patience": 5, "budget_share": 0.2, "history_share": 0.5, "min_gain": 0.001,
        "trend_share": 0.5, "z": 2.0, "tolerance": 0.01, "scale": "best",
    },
    "AdaptiveQuota": {
        "max_regret": 0.01, "pilot": True, "growth": 1.5, "noise": 2.0, "flattening": 0.3,
        "asynchronous": True,
    },
    "AsyncHalving": {"grace_period": 1, "reduction_factor": 3},
    "BelowMedian": {"grace_period": 1, "min_trials": 3},
    "BelowPercentile": {"percentile": 25, "grace_period": 1, "min_trials": 3},
    "BestSoFar": {"min_delta": 0.0},
    "Composite": {"normalise": "range"},
    "DecayingDelta": {"patience": 5, "min_delta": 0.001, "alpha": 1.0},
    "Divergence": {"drop": 2.0, "patience": 2},
    "Explosion": {"factor": 300.0, "patience": 5, "least_start": 1.0},
    "Exponential": {"alpha": 0.3},
    "GeneralizationLoss": {"alpha": 5.0},
    "MovingMean": {"window": 5},
    "MovingMedian": {"window": 5},
    "NoEvidence": {"patience": 3, "smoothing": 0.9, "metric": "evidence/whole"},
    "NoiseLevel": {"window": 20},
    "NonFinite": {"patience": 2},
    "OverfitGap": {"max_gap": 0.1, "patience": 3},
    "ParetoHalving": {
        "grace_period": 1, "reduction_factor": 3, "tie_break": "crowding", "front_share": 1,
        "by": "last",
    },
    "Patience": {
        "patience": 0.25, "at_least": 8, "min_delta": 0.0, "relative": False, "noise_factor": 0.0,
        "start_from": 0.0, "check_finite": False,
    },
    "PerMetric": {"join": "all"},
    "Plateau": {"std": 0.01, "window": 4, "grace_period": 4, "relative": False},
    "ProgressQuotient": {"alpha": 0.5, "strip": 5},
    "ReduceFirst": {"times": 2, "factor": 0.1, "cooldown": 0},
    "ShrinkingPatience": {"patience": 5, "min_delta": 0.001},
    "Slope": {"window": 10},
    "Smoothed": {"by": KINDS["MovingMean"]()},
    "SuccessiveHalving": {"grace_period": 1, "reduction_factor": 3},
    "Target": {"patience": 1},
    "TieBreak": {"standard_errors": 1.0, "join": "lexicographic"},
    "UninterruptedProgress": {"strips": 3, "strip": 5},
    "WindowGain": {"window": 0.25, "at_least": 8, "min_gain": 0.001, "relative": True},
}  # fmt: skip


def defaults_of(kind: Any) -> dict[str, Any]:
    found = {}
    for each in fields(kind):
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if default is not MISSING and default is not None and default != {}:
            found[each.name] = default
    return found


@pytest.mark.parametrize("name", KINDS)
def test_of_criteria_and_signals(name: str) -> None:
    assert defaults_of(KINDS[name]) == DEFAULTS.get(name, {})


def test_of_a_policy() -> None:
    assert defaults_of(Policy) == {
        "stop": "balanced",
        "time_attr": "training_iteration",
        "nonfinite_patience": 2,
        "explosion_factor": 300.0,
    }
