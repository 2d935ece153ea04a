"""A sweep whose driver is killed half-way, and the same sweep left in peace.

    python -m tests.ray.killed ADDRESS STORAGE KIND

runs it in a process that ends with SIGKILL; restored in another process, the same callbacks do
nothing of the sort, because :data:`ARMED` is not set there.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from tests.ray.sweeps import Row, run, run_of, runs, tuner
from tests.ray.trainables import losses
from tune_es import BelowMedian, Patience, Policy, Target
from tune_es.ray import EarlyStopper, EarlyStoppingCallback, EarlyStoppingScheduler

#: Set in the process that is to die.
ARMED = "TUNE_ES_TEST_KILL"
#: Ray copies a saved state to its place in the background.
COPIED_NS = 120_000_000

NAN = float("nan")
#: Every best is 0.3 from step 6 on, so that only the last trial is ever below a median.
CURVES = {
    "recovers": [0.9, 0.5, NAN, NAN, 0.3, NAN, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    "breaks": [0.9, 0.3, NAN, NAN, NAN, NAN],
    "uses up": [0.9, 0.3, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    "stalls": [0.9, 0.7, 0.5, 0.3, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    "waits": [0.9, 0.7, 0.3, 0.4, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4],
    "reaches": [0.9, 0.5, 0.4, 0.3, 0.04, 0.03],
    "lags": [5.0, 4.9, 4.8, 4.7, 4.6, 4.5, 4.4, 4.3, 4.2, 4.1],
}
#: What each comes to: the step, the cause, the best value and its step.
DECISIONS = {
    "recovers": (10, "STALLED", 0.3, 5),
    "breaks": (5, "BROKEN", 0.3, 2),
    "uses up": (12, "EXHAUSTED", 0.3, 2),
    "stalls": (9, "STALLED", 0.3, 4),
    "waits": (11, "STALLED", 0.3, 3),
    "reaches": (5, "REACHED", 0.04, 5),
    "lags": (6, "HOPELESS", 4.5, 6),
}
#: These report checkpoints; the others forget what they did when they are started again.
SAVES = {"recovers", "stalls", "reaches"}
#: These are killed after a step that no saved state knows.
HELD = ("recovers", "uses up")
HELD_AT = 6
#: Trials that bring a parameter of their own.
OWN = {"waits": {"Patience.patience": 8}, "uses up": {"Patience.patience": 30}}

POLICY = Policy(
    "loss",
    "min",
    stop=Patience(5) | Target(0.05) | BelowMedian(grace_period=6, min_trials=2),
    max_t=12,
)


class Journal(tune.Callback):
    """A callback of the user with a state of its own: writes down every result it sees."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.seen = 0

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        self.seen += 1
        self._write(run=run_of(trial), step=result["training_iteration"], es="es" in result)

    def get_state(self) -> dict[str, Any]:
        return {"journal": self.path.name, "seen": self.seen}

    def set_state(self, state: dict[str, Any]) -> None:
        self.seen = state["seen"]
        self._write(restored=state["journal"], seen=self.seen)

    def _write(self, **line: object) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"pid": os.getpid(), **line}) + "\n")

    def read(self) -> list[Row]:
        return [json.loads(line) for line in self.path.read_text().splitlines()]


class Killer(tune.Callback):
    """Kills its own process in the middle of things, when the newest saved state is stale.

    Two trials wait at step :data:`HELD_AT` until a state has been saved in which a third has
    ended. They are let go and the process dies when both have reported two steps more.
    """

    def __init__(self, folder: Path, go: Path) -> None:
        self.folder = folder
        self.go = go
        self.held_since: int | None = None

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if ARMED not in os.environ:
            return
        steps = {run_of(each): each.last_result.get("training_iteration", 0) for each in trials}
        if self.go.exists():
            if all(steps[name] >= HELD_AT + 2 for name in HELD):
                os.kill(os.getpid(), signal.SIGKILL)
        elif all(steps.get(name) == HELD_AT for name in HELD):
            ended = any(each.status == Trial.TERMINATED for each in trials)
            if self.held_since is None and ended:
                self.held_since = time.time_ns()
            elif self.held_since is not None and self._is_saved(self.held_since):
                self.go.touch()

    def _is_saved(self, since: int) -> bool:
        states = self.folder.glob("experiment_state-*.json")
        newest = max((path.stat().st_mtime_ns for path in states), default=0)
        return since < newest < time.time_ns() - COPIED_NS


def space(storage: Path) -> Row:
    """The trials; Ray wants to be told again what it cannot save, such as functions."""
    each = [
        run(
            name,
            curve,
            es=OWN.get(name, {}),
            saves=name in SAVES,
            pause_s=0.03,
            hold_before=HELD_AT + 1 if name in HELD else None,
            hold_for=str(storage / "go"),
        )
        for name, curve in CURVES.items()
    ]
    own: Any = tune.sample_from(lambda config: config["run"]["es"])
    return {**runs(*each), "es": own}


def sweep(storage: Path, kind: str) -> tune.Tuner:
    """The sweep of these tests by the scheduler or by the stopper, with others' callbacks."""
    before, after = Journal(storage / "before.jsonl"), Journal(storage / "after.jsonl")
    killer = Killer(storage / kind, storage / "go")
    return tuner(
        losses,
        space(storage),
        storage,
        name=kind,
        scheduler=EarlyStoppingScheduler(POLICY) if kind == "scheduler" else None,
        stop=EarlyStopper(POLICY) if kind == "stopper" else None,
        callbacks=[before, EarlyStoppingCallback(), after, killer],
        reuse_actors=True,
        max_concurrent_trials=2,  # else Ray starts them in any order
    )


if __name__ == "__main__":
    address, folder, kind = sys.argv[1:]
    ray.init(address=address, log_to_driver=False)
    sweep(Path(folder), kind).fit()
