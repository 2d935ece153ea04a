"""Two sweeps whose numbers Prometheus is to fetch, the first of which is killed and restored.

    python -m tests.ray.measured STORAGE stopped
    python -m tests.ray.measured STORAGE restored promoted

They run on the Ray that ``RAY_ADDRESS`` names, and each waits in one of its trials for a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import ray
from ray import tune

from tests.ray.sweeps import run, runs, tuner
from tests.ray.trainables import losses
from tune_es import Patience, Policy, RungTable, Target
from tune_es.ray import EarlyStoppingScheduler

NAN = float("nan")
POLICY = Policy(
    "loss",
    "min",
    stop=Patience(4) | Target(0.05),
    other_metrics={"time_this_iter_s": "min"},
    max_t=10,
    price_per_hour=3600.0,
)
CURVES = {
    "stalls": [0.9, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6],
    "reaches": [0.9, 0.5, 0.04, 0.04],
    "breaks": [0.9, 0.5, NAN, NAN, NAN, NAN],
    "uses up": [1 / step for step in range(2, 14)],
    "ends": [0.9, 0.8, 0.7],
    "dies": [0.9, 0.8, 0.7],
    "waits": [0.9, 0.7, 0.6, 0.5, 0.4, 0.45, 0.45, 0.45, 0.45, 0.45],
}
#: By hand: how far each comes, and why it is stopped.
STEPS = {
    "stalls": 6, "reaches": 3, "breaks": 5, "uses up": 10, "ends": 3, "dies": 2, "waits": 9,
}  # fmt: skip
STOPS = {
    ("STALLED", "Patience"): 2,
    ("REACHED", "Target"): 1,
    ("BROKEN", "NonFinite"): 1,
    ("EXHAUSTED", "Budget"): 1,
}
SAVED = ("stalls", "reaches", "breaks", "waits")
#: It saves no checkpoint: after the restore it runs these steps again.
HELD, HELD_AT = "waits", 5
#: It is tried again from its first step on after it has died, until it is given up.
OPTIONS: dict[str, dict[str, Any]] = {
    "dies": {"crash_before": 3, "crashes": 2},
    HELD: {"hold_before": HELD_AT + 1},
}

LENGTH = 4
#: While the last one waits before the rung, the best has gone on from it and two have paused.
RUNG, PROMOTED = 2, 2
FALLING = {
    name: [1 - share * step for step in range(1, LENGTH + 1)]
    for name, share in {"a": 0.2, "b": 0.15, "c": 0.1, "d": 0.05}.items()
}


def go(storage: Path, name: str) -> Path:
    """The file that a sweep waits for."""
    return storage / f"go-{name}"


def stopped(storage: Path) -> tune.Tuner:
    """Trials that end for every cause of the policy, by themselves, and by dying."""
    own = {"marks": str(storage / "marks"), "hold_for": str(go(storage, "stopped"))}
    each = [
        run(name, curve, pause_s=0.15, **own, **OPTIONS.get(name, {}))
        for name, curve in CURVES.items()
    ]
    return tuner(
        losses,
        runs(*each),
        storage,
        name="stopped",
        scheduler=EarlyStoppingScheduler(POLICY),
        max_failures=1,
        reuse_actors=True,
    )


def restored(storage: Path) -> tune.Tuner:
    """The same after its driver was killed."""
    return tune.Tuner.restore(str(storage / "stopped"), losses)


def promoted(storage: Path) -> tune.Tuner:
    """Trials that pause at a rung until the last of them is there."""
    held = {"hold_before": RUNG, "hold_for": str(go(storage, "promoted"))}
    each = [
        run(name, curve, saves=1, **(held if name == "d" else {}))
        for name, curve in FALLING.items()
    ]
    policy = Policy("loss", "min", stop="none", max_t=LENGTH, promotion=RungTable({RUNG: PROMOTED}))
    return tuner(
        losses,
        runs(*each),
        storage,
        name="promoted",
        scheduler=EarlyStoppingScheduler(policy),
        reuse_actors=True,
    )


SWEEPS = {"stopped": stopped, "restored": restored, "promoted": promoted}

if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    ray.init(log_to_driver=False)
    for each in names:
        SWEEPS[each](Path(folder)).fit()
