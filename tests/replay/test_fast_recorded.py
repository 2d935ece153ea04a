"""On the recorded curves, too, kernels stop every trial where the live objects do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.replay.fast_cases import live_stops
from tune_es import Adaptive, Criterion, GeneralizationLoss, Patience, Plateau, Policy, WindowGain
from tune_es.replay.curves import TaskCurves
from tune_es.replay.fast import has_kernel, stops
from tune_es.replay.storage import load_tasks

#: Trials of each task; the live objects take most of the time.
TRIALS = 5

RULES: dict[str, Criterion] = {
    "patience": Patience(),
    "patience of all options": Patience(
        6, min_delta=1e-3, relative=True, noise_factor=0.5, start_from=4, check_finite=True
    ),
    "safe": Adaptive.safe(),
    "aggressive by range": Adaptive(5, 0.1, 0.5, 3e-3, 0.5, 2.0, 3e-3, scale="range"),
    "joined": (WindowGain(4) & Plateau(0.01, relative=True)) | GeneralizationLoss(50.0),
}


@pytest.fixture(scope="module")
def recorded(shared: Path) -> list[TaskCurves]:
    """A few trials of every recorded task, chosen by a seed."""
    draw = np.random.default_rng(0)
    tasks = [
        task
        for folder in sorted((shared / "curves").iterdir())
        if folder.is_dir()
        for task in load_tasks(folder)
    ]
    return [
        task.chosen(draw.choice(len(task), min(TRIALS, len(task)), replace=False)) for task in tasks
    ]


@pytest.mark.parametrize("name", RULES)
def test_recorded_curves_stop_alike(name: str, recorded: list[TaskCurves]) -> None:
    assert has_kernel(RULES[name])
    stopped = 0
    for curves in recorded:
        task = curves.task
        policy = Policy(task.metric, task.mode, stop=RULES[name], max_t=task.max_t)
        found = stops(policy, curves)
        pairs = list(zip(found.at.tolist(), found.causes.tolist(), strict=True))
        assert pairs == live_stops(policy, curves), f"{task.source}/{task.name}"
        stopped += int((found.evaluations < curves.lengths).sum())
    assert stopped > len(recorded) / 4
