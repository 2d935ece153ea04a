"""A sweep of the fine-tuning trainable, made ready and checked before anything runs."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

from experiments.finetune.data import Task
from experiments.finetune.encoding import encode_task
from experiments.finetune.model import load_tokenizer
from experiments.finetune.order import TrainingOrder
from experiments.finetune.settings import Settings
from experiments.finetune.trainable import finetune_on
from experiments.sweep import Sweep
from search_spaces.finetune import BATCH_SIZES, finetune_space

FIXED = (
    *("task", "model", "num_layers", "max_length", "frozen", "precision", "epochs", "evals"),
    *("test", "checkpoint", "seed"),
)
"""Settings that are the same in every trial; the others are searched or keep their default."""


def finetune_sweep(
    task: Task,
    settings: Settings,
    *,
    name: str,
    trials: int,
    workers: int,
    folder: Path,
    gpus_per_trial: float = 0.0,
    pauses: bool = False,
) -> Sweep:
    """The sweep over `finetune_space` with the fixed part of the settings.

    The task is encoded here, once, and goes to the object store when Ray starts. Raises
    `ValueError` where the largest batch leaves fewer updates than evaluations.
    """
    TrainingOrder(len(task.train), replace(settings, batch_size=max(BATCH_SIZES)))
    data = encode_task(task, load_tokenizer(settings.model), settings.max_length)
    fixed = {name: value for name, value in asdict(settings).items() if name in FIXED}
    return Sweep(
        name=name,
        trainable=finetune_on(data),
        space=finetune_space(**fixed),
        trials=trials,
        workers=workers,
        folder=folder,
        gpus_per_trial=gpus_per_trial,
        pauses=pauses,
    )
