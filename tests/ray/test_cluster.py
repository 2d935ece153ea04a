"""A node that is lost takes its trial along for a while, and no decision."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.ray import lost_while_paused as paused
from tests.ray.killed_promotion import REACHED
from tests.ray.lost_node import CURVES, POLICY
from tests.ray.sweeps import expected

ROOT = Path(__file__).resolve().parents[2]


def told(module: str, storage: Path) -> dict[str, Any]:
    """What a module tells of its cluster.

    In a process of its own: the Ray of the other tests has one node.
    """
    done = subprocess.run(
        [sys.executable, "-c", f"from tests.ray.{module} import main; main()", str(storage)],
        cwd=ROOT,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        check=False,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads((storage / "told.json").read_text())
    return found


@pytest.mark.chaos
def test_trials_of_a_lost_node_are_decided_as_if_it_had_stayed(tmp_path: Path) -> None:
    of_both = told("lost_node", tmp_path)
    assert sorted(Counter(of_both["starts"]).values()) == [1, 2]
    assert {name: tuple(numbers) for name, numbers in of_both["numbers"].items()} == {
        name: expected(POLICY, curve) for name, curve in CURVES.items()
    }


@pytest.fixture(scope="module")
def lost_while_paused(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return told("lost_while_paused", tmp_path_factory.mktemp("lost"))


@pytest.mark.chaos
@pytest.mark.parametrize("name", paused.SWEEPS)
def test_paused_trials_outlive_a_lost_node(lost_while_paused: dict[str, Any], name: str) -> None:
    """They go on from their checkpoints, and the rung waits for no trial that is lost for good."""
    _, max_failures = paused.SWEEPS[name]
    sweep = lost_while_paused[name]
    (hit,) = sweep["hit"]
    assert hit in paused.HELD
    reached = REACHED if max_failures else {**REACHED, hit: 2}
    assert sweep["steps"] == {name: list(range(1, last + 1)) for name, last in reached.items()}
    assert sweep["saved"] == reached


def test_ray_takes_the_configuration_of_a_cluster() -> None:
    given = yaml.safe_load((ROOT / "experiments" / "cluster.yaml").read_text())
    config = prepare_config(given)
    validate_config(config)
    head, gpu = (config["available_node_types"][name] for name in ("head", "gpu"))
    assert config["head_node_type"] == "head"
    assert head["resources"]["trial"] * 2 <= gpu["max_workers"] * gpu["resources"]["GPU"]
    with pytest.raises(pytest.importorskip("jsonschema").ValidationError):
        validate_config({**config, "upscaling_spede": 2.0})
