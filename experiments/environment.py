"""Settings of Ray and of the hub's libraries, which they read when they are imported."""

from __future__ import annotations

import os

QUIET = {
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TOKENIZERS_PARALLELISM": "false",
}
"""Ray's own tables are replaced by `experiments.progress`."""

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
"""Keeps the hub's libraries from looking for a network that nothing here needs."""


def prepare(*, offline: bool) -> None:
    """Set what a sweep wants, here and in the workers; before ray and transformers are imported.

    What the user has set stays as it is.
    """
    for name, value in {**QUIET, **(OFFLINE if offline else {})}.items():
        os.environ.setdefault(name, value)
