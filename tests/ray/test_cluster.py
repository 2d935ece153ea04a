"""A node that is lost takes its trial along for a while, and no decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.ray.lost_node import CURVES, POLICY
from tests.ray.sweeps import expected

ROOT = Path(__file__).resolve().parents[2]


def test_trials_of_a_lost_node_are_decided_as_if_it_had_stayed(tmp_path: Path) -> None:
    """In a process of its own: the Ray of the other tests has one node."""
    done = subprocess.run(
        [sys.executable, "-c", "from tests.ray.lost_node import main; main()", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads((tmp_path / "told.json").read_text())
    assert sorted(Counter(told["starts"]).values()) == [1, 2]
    assert {name: tuple(numbers) for name, numbers in told["numbers"].items()} == {
        name: expected(POLICY, curve) for name, curve in CURVES.items()
    }
