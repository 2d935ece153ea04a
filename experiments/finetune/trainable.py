"""`finetune`, the function that Ray Tune runs once per trial."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from ray import tune

from experiments.finetune.encoding import EncodedTask, encode_task
from experiments.finetune.loop import Save, run
from experiments.finetune.model import load_tokenizer
from experiments.finetune.settings import Settings
from experiments.finetune.tasks import load_task


def finetune(config: dict[str, Any], data: EncodedTask | None = None) -> None:
    """Fine-tune a classifier as `config` says (see `Settings`); the key `es` is not ours.

    Without `data` the task is read and encoded here, once per process. A sweep encodes it once
    and hands it over: `finetune_on(data)`.
    """
    settings = Settings.from_config(config)
    torch.set_num_threads(_trial_cpus())
    if data is None:
        data = encoded(settings.task, settings.model, settings.max_length)
    checkpoint = tune.get_checkpoint()
    if checkpoint is None:
        run(settings, data, _report)
        return
    with checkpoint.as_directory() as folder:
        run(settings, data, _report, Path(folder))


def finetune_on(data: EncodedTask) -> Callable[[dict[str, Any]], None]:
    """`finetune` with its data in the object store, for `tune.Tuner`."""
    trainable: Callable[[dict[str, Any]], None] = tune.with_parameters(finetune, data=data)
    return trainable


@lru_cache(maxsize=2)
def encoded(task: str, model: str, max_length: int) -> EncodedTask:
    """The task of that name in that model's token ids."""
    return encode_task(load_task(task), load_tokenizer(model), max_length)


def _report(metrics: dict[str, float], save: Save | None) -> bool:
    if save is None:
        tune.report(metrics)
        return False
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder))
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))
    return False


def _trial_cpus() -> int:
    """CPUs that this trial was given, at least 1: torch would take all of the machine."""
    resources = tune.get_context().get_trial_resources()
    return max(1, int(resources.required_resources.get("CPU", 1)))
