"""The hyperparameters of the fine-tuning trainable, as a Ray Tune space."""

from __future__ import annotations

from typing import Any

import numpy as np
from ray import tune
from ray.tune.search.sample import Domain

BATCH_SIZES = (8, 16, 32)


def finetune_space(**fixed: Any) -> dict[str, Any]:
    """The space of `experiments.finetune.settings.Settings`; what is given is fixed.

    The learning rate reaches higher than for a deep encoder: one truncated to two layers learns
    best around 5e-4. The length of training is not searched, so that every trial has the same
    number of evaluations and stopping rules compare like with like.

    The space is flat and made of plain domains, so every searcher of Ray Tune takes it.
    """
    space: dict[str, Any] = {
        "lr": tune.loguniform(2e-5, 2e-3),
        "batch_size": tune.choice(list(BATCH_SIZES)),
        "warmup": tune.uniform(0.0, 0.2),
        "weight_decay": tune.loguniform(1e-3, 0.3),
        "schedule": tune.choice(["constant", "linear", "cosine"]),
        "dropout": tune.uniform(0.0, 0.3),
        "label_smoothing": tune.uniform(0.0, 0.1),
    }
    return {**space, **fixed}


def sample_configs(space: dict[str, Any], count: int, seed: int) -> list[dict[str, Any]]:
    """The same configurations for the same seed, to run one sweep under several schedulers.

    Nested spaces are sampled as well. A space that grows by a key gives other configurations.
    """
    random_state = np.random.RandomState(seed)
    return [_sample(space, random_state) for _ in range(count)]


def _sample(space: dict[str, Any], random_state: np.random.RandomState) -> dict[str, Any]:
    return {name: _value(part, random_state) for name, part in space.items()}


def _value(part: Any, random_state: np.random.RandomState) -> Any:
    if isinstance(part, Domain):
        return part.sample(random_state=random_state)
    return _sample(part, random_state) if isinstance(part, dict) else part
