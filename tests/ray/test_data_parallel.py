"""Trials of several workers: they learn together, and are gone when their trial is."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune
from ray._private.state import actors

from tests.ray import two_nodes
from tests.ray.drivers import run_until_killed
from tests.ray.sweeps import Sweep, expected, fit, run, runs
from tests.ray.teams import NEVER_S, POLL, alone, is_alive, seconds_until, team, traces
from tests.ray.test_cluster import told
from tune_es import RungTable
from tune_es.ray import PromotionScheduler
from tune_es.ray.data_parallel import data_parallel


@pytest.fixture(scope="module")
def on_two_nodes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return told("two_nodes", tmp_path_factory.mktemp("nodes"))


def test_a_stopped_trial_frees_both_nodes_within_a_report(on_two_nodes: dict[str, Any]) -> None:
    """No worker comes to another report, no actor is left, and all CPUs are free again."""
    assert {name: tuple(each) for name, each in on_two_nodes["numbers"].items()} == {
        name: expected(two_nodes.POLICY, curve) for name, curve in two_nodes.CURVES.items()
    }
    for workers in on_two_nodes["traces"].values():
        steps = [[line["step"] for line in lines] for lines in workers]
        assert steps == [[*range(1, two_nodes.STOPPED_AT + 1)]] * 2
        assert len({line["node"] for lines in workers for line in lines}) == 2
    assert max(on_two_nodes["seconds"].values()) < NEVER_S / 4
    assert [each for each in on_two_nodes["left"] if "Autoscaling" not in each] == []


def test_the_workers_learn_one_model_together(on_two_nodes: dict[str, Any]) -> None:
    """Each has other data, and both have the same weights after every step; metrics are means."""
    for first, second in on_two_nodes["traces"].values():
        weights = [line["weights"] for line in first]
        assert weights == [line["weights"] for line in second]
        assert len(set(map(tuple, weights))) == len(weights)
    assert on_two_nodes["ranks"] == dict.fromkeys(two_nodes.CURVES, 0.5)


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sweep]:
    folder = tmp_path_factory.mktemp("promoted")
    options = {"folder": str(folder), "holds_after": 2}
    curves = {"better": [0.7, 0.6, 0.5, 0.4], "worse": [0.9, 0.8, 0.7, 0.6]}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in POLL.items():
            patch.setenv(name, value)
        return folder, fit(
            tune.with_resources(data_parallel(team), alone()),
            runs(*(run(name, curve, **options) for name, curve in curves.items())),
            folder,
            scheduler=PromotionScheduler(
                metric="loss", mode="min", rule=RungTable({2: 1}), max_t=4
            ),
            checkpoint=tune.CheckpointConfig(num_to_keep=1),
            reuse_actors=False,
        )


def test_a_paused_trial_goes_on_from_its_checkpoint_with_other_workers(
    promoted: tuple[Path, Sweep],
) -> None:
    """Each trial needs all CPUs, so each has had those of the one before."""
    folder, done = promoted
    for lines in traces(folder, "better"):
        assert [line["step"] for line in lines] == [1, 2, 3, 4]
        pids = [line["pid"] for line in lines]
        assert pids[0] == pids[1] != pids[2] == pids[3]
    assert [line["step"] for line in traces(folder, "worse")[0]] == [1, 2]
    assert (done.steps("better"), done.steps("worse")) == (4, 2)


def test_checkpoints_of_the_workers_are_those_of_tune(promoted: tuple[Path, Sweep]) -> None:
    """They are not copied, as many are kept as Tune is told, and none that it does not know."""
    _, done = promoted
    for name in ("better", "worse"):
        checkpoint = done.result(name).checkpoint
        assert checkpoint is not None
        kept = [*Path(done.result(name).path).rglob("state.pt")]
        assert kept == [Path(checkpoint.path, "state.pt")]


@pytest.mark.chaos
def test_workers_do_not_outlive_a_killed_driver(ray_address: str, tmp_path: Path) -> None:
    run_until_killed("killed_teams", ray_address, str(tmp_path))
    pids = {line["pid"] for lines in traces(tmp_path, "killed") for line in lines}
    assert len(pids) == 2
    seconds_until(lambda: not any(map(is_alive, pids)))
    seconds_until(lambda: ray.available_resources().get("CPU") == 2)
    for each in actors().values():  # without a dashboard this one of Ray's would stay
        if each["ActorClassName"] == "PlacementGroupCleaner" and each["State"] == "ALIVE":
            os.kill(each["Pid"], signal.SIGKILL)
