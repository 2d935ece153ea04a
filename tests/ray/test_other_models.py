"""The examples on other models run as they are typed, in a process of their own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.tree import ROOT


@pytest.mark.parametrize(
    ("name", "metric", "budget"),
    [("graph", "val_loss", 75), ("reinforcement", "reward", 150), ("federated", "mean_loss", 75)],
)
def test_an_example_stops_trials_of_its_own_kind(
    ray_address: str, name: str, metric: str, budget: int
) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            f"experiments.other_models.{name}",
            "--smoke",
            "--address",
            ray_address,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=dict(os.environ),
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    lines = [line.strip("|").split(" | ") for line in done.stdout.splitlines() if "|" in line]
    row = dict(zip(map(str.strip, lines[0]), map(str.strip, lines[2]), strict=True))
    assert (row["example"], row["trials"]) == (name, "5")
    assert f"best {metric}" in row
    steps, _, full = row["steps"].partition(" of ")
    assert int(full) == budget
    assert 5 <= int(steps) < budget
    assert {"hopeless", "stalled", "reached"} & set(row["how they ended"].replace(",", "").split())
