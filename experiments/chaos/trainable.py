"""The trial of these sweeps; workers import this module, so it stays small."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray import tune

from experiments.chaos.curves import curve


class DiedError(RuntimeError):
    """What a trial dies of here, where its process does not."""


def train(config: Mapping[str, Any]) -> None:
    """Report the losses of a curve, each with a checkpoint, and go on from the last one.

    ``pause_s`` is how long a step takes. ``dies`` is how likely a trial dies before a step, once at
    most, as a mark in the folder ``marks`` says.
    """
    losses = curve(config["kind"], config["seed"], config["at"])
    for step in range(steps_done() + 1, len(losses) + 1):
        if "dies" in config:
            _maybe_die(config, step)
        time.sleep(config.get("pause_s", 0))
        report({"loss": losses[step - 1]}, step)


def report(metrics: dict[str, Any], step: int) -> None:
    """Report numbers with a checkpoint that holds the step."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "step").write_text(str(step))
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))


def steps_done() -> int:
    """Up to where the life before came."""
    checkpoint = tune.get_checkpoint()
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        return int(Path(folder, "step").read_text())


def _maybe_die(config: Mapping[str, Any], step: int) -> None:
    """By an error, by leaving, or by the signal that nothing can catch."""
    rng = random.Random(f"{config['seed']}/{config['at']}/{step}")
    mark = Path(config["marks"], f"{config['at']}-{step}")
    if rng.random() >= config["dies"] or mark.exists():
        return
    mark.touch()
    way = rng.choice(("raise", "exit", "kill"))
    if way == "raise":
        raise DiedError(f"trial {config['at']} dies before step {step}")
    if way == "exit":
        os._exit(1)
    os.kill(os.getpid(), signal.SIGKILL)
