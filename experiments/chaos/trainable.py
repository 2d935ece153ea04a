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

#: The step that a trial that hangs never reports.
HANGS_AT = 2


class DiedError(RuntimeError):
    """What a trial dies of here, where its process does not."""


def train(config: Mapping[str, Any]) -> None:
    """Report the losses of a curve, each with a checkpoint, and go on from the last one.

    ``pause_s`` is how long a step takes. ``dies`` is how likely a trial dies before a step, once at
    most, as a mark in the folder ``marks`` says. ``stutters`` is how likely it reports a step twice
    or goes back to an earlier one. The trial that ``hangs`` never reports its second step.
    """
    losses = curve(config["kind"], config["seed"], config["at"])
    for step in range(_steps_done() + 1, len(losses) + 1):
        _maybe_die(config, step)
        time.sleep(config["pause_s"])
        while config["at"] == config.get("hangs") and step == HANGS_AT:
            time.sleep(1)
        for each in (step, *_again(config, step)):
            _report({"loss": losses[each - 1], "epoch": each}, step)


def _again(config: Mapping[str, Any], step: int) -> list[int]:
    """The steps that are reported once more after this one."""
    rng = random.Random(f"again/{config['seed']}/{config['at']}/{step}")
    if rng.random() >= config.get("stutters", 0):
        return []
    return [rng.choice((step, max(1, step - rng.randint(1, 3)))) for _ in range(rng.randint(1, 2))]


def _report(metrics: dict[str, Any], step: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "step").write_text(str(step))
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))


def _steps_done() -> int:
    """Up to where the life before came."""
    checkpoint = tune.get_checkpoint()
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        return int(Path(folder, "step").read_text())


def _maybe_die(config: Mapping[str, Any], step: int) -> None:
    """By an error, by leaving, or by the signal that nothing can catch."""
    rng = random.Random(f"{config['seed']}/{config['at']}/{step}")
    mark = Path(config.get("marks", ""), f"{config['at']}-{step}")
    if rng.random() >= config.get("dies", 0) or mark.exists():
        return
    mark.touch()
    way = rng.choice(("raise", "exit", "kill"))
    if way == "raise":
        raise DiedError(f"trial {config['at']} dies before step {step}")
    if way == "exit":
        os._exit(1)
    os.kill(os.getpid(), signal.SIGKILL)
