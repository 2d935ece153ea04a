"""Stopping parameters as Ray Tune spaces, for the key `es` of a trial's config.

`EarlyStoppingScheduler` takes each trial's own rule from there, so a searcher tunes it beside the
training hyperparameters:

    param_space = {**finetune_space(), "es": patience_space()}

Every space is plain domains in nested dictionaries, which `OptunaSearch` flattens to names such as
`es/stop/Patience/patience`. Tuned against the plain metric the best answer is to never stop: the
objective has to price compute.
"""

from __future__ import annotations

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
    if max_t < 2:
        raise ValueError(f"patience_space: max_t must be at least 2, got {max_t}")
    return {
        "stop": {
            "Patience": {
                "patience": tune.randint(max(1, max_t // 10), max_t // 2 + 1),
                "min_delta": tune.loguniform(1e-4, 1e-2),
                "relative": True,
            }
        }
    }


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
