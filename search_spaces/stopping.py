"""Stopping parameters as Ray Tune spaces.

`EarlyStoppingScheduler` takes each trial's own rule from the key `es` of its config, so a searcher
tunes it beside the training hyperparameters:

    param_space = {**finetune_space(), "es": patience_space(max_t=20)}

Tuned against the plain metric the best answer is to never stop. So give compute a price and let the
searcher maximise `es/utility`, the best value less the price of the share of `max_t` that was used:

    scheduler = EarlyStoppingScheduler(metric="eval_loss", mode="min", max_t=20, budget_price=0.02)
    search_alg = EarlyStoppingOptunaSearch(metric="es/utility", mode="max")

or make metric and cost two objectives:

    search_alg = EarlyStoppingOptunaSearch(
        metric=["eval_loss", "training_iteration"], mode=["min", "min"]
    )

Promotion is one rule for a whole sweep, so `promotion_space` is for a sweep whose trials are
sweeps, such as replays of recorded ones; `tune-es tune` does that without a cluster.

Every space is plain domains in nested dictionaries, which searchers flatten to names such as
`es/stop/Patience/patience`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ray import tune

PRESETS = ("safe", "balanced", "aggressive")


def preset_space() -> dict[str, Any]:
    """Which of the presets."""
    return {"stop": tune.choice(list(PRESETS))}


def patience_space(max_t: int = 20) -> dict[str, Any]:
    """Patience, from a tenth to a half of `max_t` evaluations, and the gain that renews it.

    The gain is a share of the best value's size, so the space fits any metric that stays away from
    zero.
    """
    return {"stop": {"Patience": _patience("patience_space", max_t)}}


def smoothed_space(max_t: int = 20) -> dict[str, Any]:
    """Patience on an exponential average of the curve; an `alpha` of 1 is no average."""
    patience = {"Patience": _patience("smoothed_space", max_t)}
    by = {"Exponential": {"alpha": tune.uniform(0.1, 1.0)}}
    return {"stop": {"Smoothed": {"rule": patience, "by": by}}}


def weights_space(metrics: Sequence[str], max_t: int = 20) -> dict[str, Any]:
    """Patience on a composite of several metrics, and the weight of each against the first.

    The scheduler has to know the metrics: all but its own are named in `other_metrics`. Ray lets no
    key of a space hold a slash, so nested metrics have to be reported under flat names.
    """
    if len(metrics) < 2 or len(set(metrics)) < len(metrics):
        raise ValueError(f"weights_space.metrics must be two names or more, got {list(metrics)}")
    for name in metrics:
        if "/" in name:
            raise ValueError(f"weights_space.metrics must have no slash, got {name!r}")
    first, *others = metrics
    weights = {first: 1.0, **{name: tune.loguniform(0.1, 10.0) for name in others}}
    patience = {"Patience": _patience("weights_space", max_t)}
    return {"stop": {"Composite": {"rule": patience, "weights": weights}}}


def adaptive_space() -> dict[str, Any]:
    """The constants of the adaptive rule, around those of its presets."""
    return {
        "stop": {
            "Adaptive": {
                "patience": tune.randint(3, 9),
                "budget_share": tune.uniform(0.05, 0.5),
                "history_share": tune.uniform(0.0, 0.6),
                "min_gain": tune.loguniform(3e-4, 1e-2),
                "trend_share": tune.uniform(0.2, 0.6),
                "z": tune.uniform(0.5, 3.0),
                "tolerance": tune.loguniform(1e-3, 3e-2),
            }
        }
    }


def promotion_space() -> dict[str, Any]:
    """The knobs of adaptive quotas, for `Policy(promotion=...)` of a whole sweep."""
    return {
        "AdaptiveQuota": {
            "c": tune.loguniform(0.3, 3.0),
            "pilot": tune.choice([True, False]),
            "growth": tune.uniform(1.25, 2.0),
            "noise": tune.uniform(0.0, 4.0),
            "flattening": tune.uniform(0.0, 0.8),
        }
    }


def _patience(owner: str, max_t: int) -> dict[str, Any]:
    if max_t < 2:
        raise ValueError(f"{owner}: max_t must be at least 2, got {max_t}")
    return {
        "patience": tune.randint(max(1, max_t // 10), max_t // 2 + 1),
        "min_delta": tune.loguniform(1e-4, 1e-2),
        "relative": True,
    }
