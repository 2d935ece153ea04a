"""Data-parallel trainings of two workers that leave a trace of every step they make."""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import ray
import ray.train
import torch
from ray.train import Checkpoint, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer, prepare_model

from tests.ray.sweeps import Row

#: Reports are looked for this often here.
POLL = {"RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.1"}
#: How long a step takes that is not to be finished: whoever stops the trial has to be faster.
NEVER_S = 120.0


def team(config: Row, run_config: RunConfig, checkpoint: Checkpoint | None) -> TorchTrainer:
    """Two workers for a run, a CPU each, placed as its options say."""
    run = config["run"]
    return TorchTrainer(
        member,
        train_loop_config={**run, "checkpoint": checkpoint},
        scaling_config=ScalingConfig(
            num_workers=2,
            placement_strategy=run.get("placement", "PACK"),
        ),
        run_config=run_config,
    )


def alone() -> dict[str, float]:
    """What a trial asks for that is to be the only one on a Ray that others have started."""
    return {"memory": 0.6 * ray.cluster_resources()["memory"]}


def member(run: Row) -> None:
    """Learn what is different for each worker, and report the losses that the run says.

    In its first life it does not come to the end of the step after `holds_after`.
    """
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rank = ray.train.get_context().get_world_rank()
    model, inputs = torch.nn.Linear(3, 1), torch.randn(8, 3) + rank
    started = 0
    if run["checkpoint"] is not None:
        with run["checkpoint"].as_directory() as folder:
            state = torch.load(Path(folder, "state.pt"), weights_only=True)
        model.load_state_dict(state["model"])
        started = state["step"]
    parallel = prepare_model(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for step in range(started + 1, len(run["losses"]) + 1):
        if not started and step == run.get("holds_after", 0) + 1 > 1:
            time.sleep(NEVER_S)
        optimizer.zero_grad()
        (parallel(inputs) - rank).pow(2).mean().backward()
        optimizer.step()
        _trace(run, rank, step, model)
        metrics = {"loss": run["losses"][step - 1], "rank": rank, "name": run["name"]}
        _report(metrics, {"model": model.state_dict(), "step": step}, rank)


def _trace(run: Row, rank: int, step: int, model: torch.nn.Module) -> None:
    line = {
        "name": run["name"],
        "rank": rank,
        "step": step,
        "pid": os.getpid(),
        "node": ray.get_runtime_context().get_node_id(),
        "weights": torch.cat([each.detach().flatten() for each in model.parameters()]).tolist(),
    }
    with Path(run["folder"], f"{run['name']}-{rank}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")


def _report(metrics: Row, state: Row, rank: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        torch.save(state, Path(folder, "state.pt"))
        saved = Checkpoint.from_directory(folder) if rank == 0 else None
        ray.train.report(metrics, checkpoint=saved)


def traces(folder: Path, name: str) -> list[list[Row]]:
    """What each worker of a run did, step by step."""
    files = [folder / f"{name}-{rank}.jsonl" for rank in range(2)]
    return [[json.loads(line) for line in each.read_text().splitlines()] for each in files]


def is_alive(pid: int) -> bool:
    """Whether a process is there, and more than a name that its parent has yet to hear of."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def seconds_until(gone: Any, at_most: float = 60) -> float:
    """How long it takes until this is true."""
    started = time.monotonic()
    while not gone():
        if time.monotonic() - started > at_most:
            raise TimeoutError(f"still not so after {at_most} s")
        time.sleep(0.05)
    return time.monotonic() - started
