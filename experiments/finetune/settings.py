"""What one fine-tuning run is told, checked before anything is loaded."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

SCHEDULES = ("constant", "linear", "cosine")
PRECISIONS = ("no", "bf16", "fp16")
TEST_POLICIES = ("always", "best", "never")
CHECKPOINTS = (False, True, "best")
STOPPING = "es"
"""The key of a trial's config that holds its stopping parameters, which are not ours."""


@dataclass(frozen=True)
class Settings:
    """One run's task, model and hyperparameters.

    - `model` is a hub id, a folder, or `minilm-l6`, the encoder of the demo extra; `num_layers`
      keeps its first layers only.
    - `warmup` is a share of all optimiser updates; `schedule` what follows it.
    - `batch_size` sequences pass through the model at a time, and `accumulation` such batches make
      one update, as one batch of their product would.
    - `layer_decay` multiplies the learning rate once per layer below the top; `frozen` layers from
      the bottom are not trained, the embeddings being the first.
    - `precision` is that of the forward pass (`bf16` and `fp16` through autocast).
    - `evals` evaluations are spread evenly over `epochs`, the last at the very end.
    - `test` says when the test split is scored: at every evaluation; when the validation loss is
      the best so far (otherwise the last such score is repeated); or never.
    - `checkpoint` says when state is saved: at every evaluation, when the validation loss is the
      best so far, or never.
    """

    task: str = "docstrings"
    model: str = "minilm-l6"
    num_layers: int | None = None
    max_length: int = 128
    lr: float = 5e-5
    weight_decay: float = 0.01
    warmup: float = 0.1
    schedule: str = "linear"
    dropout: float = 0.1
    label_smoothing: float = 0.0
    batch_size: int = 16
    accumulation: int = 1
    max_grad_norm: float = 1.0
    layer_decay: float = 1.0
    frozen: int = 0
    precision: str = "no"
    epochs: float = 3.0
    evals: int = 20
    test: str = "always"
    checkpoint: bool | str = False
    seed: int = 0

    def __post_init__(self) -> None:
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("precision", self.precision, PRECISIONS)
        _one_of("test", self.test, TEST_POLICIES)
        _one_of("checkpoint", self.checkpoint, CHECKPOINTS)
        for name in ("max_length", "batch_size", "accumulation", "evals"):
            _between(name, getattr(self, name), 1, math.inf)
        for name in ("lr", "epochs", "max_grad_norm"):
            _positive(name, getattr(self, name))
        for name in ("warmup", "dropout", "label_smoothing"):
            _between(name, getattr(self, name), 0.0, 1.0)
        for name in ("weight_decay", "frozen"):
            _between(name, getattr(self, name), 0, math.inf)
        _positive("layer_decay", self.layer_decay)
        if self.num_layers is not None:
            _between("num_layers", self.num_layers, 1, math.inf)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """The settings in a trial's config; an unknown key is an error naming the nearest."""
        known = [field.name for field in fields(cls)]
        given = {name: value for name, value in config.items() if name != STOPPING}
        for name in given:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(known)}"
                raise ValueError(f"finetune: unknown setting {name!r}{hint}")
        return cls(**given)


def _one_of(name: str, value: object, allowed: tuple[object, ...]) -> None:
    if value not in allowed:
        names = ", ".join(repr(item) for item in allowed)
        raise ValueError(f"Settings.{name} must be one of {names}; got {value!r}")


def _between(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        limit = f"{low} to {high}" if math.isfinite(high) else f"at least {low}"
        raise ValueError(f"Settings.{name} must be {limit}, got {value}")


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"Settings.{name} must be above 0 and finite, got {value}")
