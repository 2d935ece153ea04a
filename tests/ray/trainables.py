"""What the sweeps of these tests run; workers import this module, so it stays small.

A trial's config holds its whole curve under ``run``: a name, the losses it reports, and options.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ray import tune


class CrashedError(RuntimeError):
    """What a trial dies of here."""


def losses(config: Mapping[str, Any]) -> None:
    """Reports the losses of its run, one a step.

    Options of a run: ``saves`` reports a checkpoint with each loss, or with every so many, and a
    new life goes on from the latest; without it a new life starts at step 1. ``crash_before``
    names a step before which it dies, ``crashes`` times, counted by marks in the folder ``marks``;
    with ``kill`` the whole process dies. ``hold_before`` names a step before which it waits for
    the file ``hold_for``. ``pause_s`` is how long a step takes.
    """
    run = config["run"]
    for step in range(_steps_done() + 1, len(run["losses"]) + 1):
        _crash_before(step, run)
        _hold_before(step, run)
        time.sleep(run.get("pause_s", 0))
        _report({"loss": run["losses"][step - 1]}, step if _is_saved(step, run) else None)


def nested_losses(config: Mapping[str, Any]) -> None:
    """Reports the losses one level down, as ``val: {loss: ...}``."""
    for loss in config["run"]["losses"]:
        tune.report({"val": {"loss": loss}})


def rows(config: Mapping[str, Any]) -> None:
    """Reports the dictionaries of its run, or of one among many that a searcher names."""
    run = config["run"]
    for row in run["rows"] if "rows" in run else run["rows_of"][run["name"]]:
        tune.report(dict(row))


class Raising:
    """A scalar that raises when it is read; Ray itself dies of one that cannot be shown."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def item(self) -> float:
        raise self.error


class TensorLosses(tune.Trainable):
    """Reports the losses of its run as tensors, which Ray allows to classes alone."""

    def setup(self, config: dict[str, Any]) -> None:
        self.losses = list(config["run"]["losses"])

    def step(self) -> dict[str, Any]:
        import torch

        return {"loss": torch.tensor(self.losses[self.iteration])}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        return None

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        return None


class SavedLosses(tune.Trainable):
    """Reports the losses of its run and saves how far it is, as classes do.

    Where it is to save step ``die_saving`` of its run, its process dies the first time. It waits
    before a step as the function does.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self.run = config["run"]
        self.done = 0

    def step(self) -> dict[str, Any]:
        _hold_before(self.done + 1, self.run)
        time.sleep(self.run.get("pause_s", 0))
        self.done += 1
        return {"loss": self.run["losses"][self.done - 1], "own_step": self.done}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        if self.done == self.run.get("die_saving") and not Path(self.run["mark"]).exists():
            Path(self.run["mark"]).touch()
            os._exit(1)
        Path(checkpoint_dir, "step").write_text(str(self.done))

    def load_checkpoint(self, checkpoint: Any) -> None:
        self.done = int(Path(checkpoint, "step").read_text())


class OnceLosses(tune.Trainable):
    """Reports the losses of its run; saves a dictionary, and serves one trial only."""

    def setup(self, config: dict[str, Any]) -> None:
        self.losses = config["run"]["losses"]
        self.done = 0

    def step(self) -> dict[str, Any]:
        self.done += 1
        return {"loss": self.losses[self.done - 1]}

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        return {"done": self.done}

    def load_checkpoint(self, checkpoint: Any) -> None:
        self.done = checkpoint["done"]


class UnsavedLosses(tune.Trainable):
    """Reports the losses of its run, and cannot save."""

    def setup(self, config: dict[str, Any]) -> None:
        self.losses = config["run"]["losses"]

    def step(self) -> dict[str, Any]:
        return {"loss": self.losses[self.iteration]}

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True


def _report(metrics: dict[str, Any], step: int | None) -> None:
    if step is None:
        tune.report(metrics)
        return
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "step").write_text(str(step))
        tune.report(metrics, checkpoint=tune.Checkpoint.from_directory(folder))


def _is_saved(step: int, run: Mapping[str, Any]) -> bool:
    every = int(run.get("saves", 0))
    return every > 0 and step % every == 0


def _steps_done() -> int:
    checkpoint = tune.get_checkpoint()
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        return int(Path(folder, "step").read_text())


def _hold_before(step: int, run: Mapping[str, Any]) -> None:
    while step == run.get("hold_before") and not Path(run["hold_for"]).exists():
        time.sleep(0.02)


def _crash_before(step: int, run: Mapping[str, Any]) -> None:
    if step != run.get("crash_before"):
        return
    marks = Path(run["marks"])
    marks.mkdir(parents=True, exist_ok=True)
    deaths = len(list(marks.glob(f"{run['name']}-*")))
    if deaths < run.get("crashes", 1):
        (marks / f"{run['name']}-{deaths}").touch()
        if run.get("kill"):
            os._exit(1)
        raise CrashedError(f"{run['name']} dies before step {step}")
