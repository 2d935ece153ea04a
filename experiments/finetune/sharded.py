"""The fine-tuning loop in several workers at once: each trains on its share of every batch."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import ray.train
import torch
from ray.train import Checkpoint
from ray.train.torch import prepare_model

from experiments.finetune.encoding import EncodedTask
from experiments.finetune.loop import Save, run
from experiments.finetune.settings import Settings
from experiments.finetune.trainable import encoded
from experiments.finetune.training import Training


class ShardedTraining(Training):
    """A training whose batches are shared out; torch averages the gradients of its workers.

    An update is the one that a single worker would make of the whole batch, apart from dropout,
    which all workers draw alike. Every worker scores all rows: they are few.
    """

    def __init__(self, settings: Settings, data: EncodedTask) -> None:
        super().__init__(settings, data)
        context = ray.train.get_context()
        self.rank, self.workers = context.get_world_rank(), context.get_world_size()
        self.forward = prepare_model(self.model)

    def _loss(self, rows: list[int]) -> torch.Tensor:
        """The loss of this worker's rows: its mean over the workers is that of all rows."""
        share = rows[self.rank :: self.workers]
        loss = super()._loss(share or rows[:1])  # a worker without rows still takes part
        return loss * (self.workers if share else 0)


def work(config: dict[str, Any]) -> None:
    """What a worker of Ray Train runs; `checkpoint` is where the trial goes on, or None."""
    settings = Settings.from_config({**config, "checkpoint": True})
    torch.set_num_threads(1)
    data = encoded(settings.task, settings.model, settings.max_length)
    saved = ray.train.get_checkpoint() or config["checkpoint"]
    if saved is None:
        run(settings, data, _report, training_of=ShardedTraining)
        return
    with saved.as_directory() as folder:
        run(settings, data, _report, Path(folder), ShardedTraining)


def _report(metrics: dict[str, float], save: Save | None) -> bool:
    if save is None or ray.train.get_context().get_world_rank() > 0:
        ray.train.report(metrics)
        return False
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder))
        ray.train.report(metrics, checkpoint=Checkpoint.from_directory(folder))
    return False
