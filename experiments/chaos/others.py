"""Two sweeps at once, lost nodes, and a trial that hangs."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.cluster_utils import Cluster
from ray.tune.experiment import Trial

from experiments.chaos.faults import KILLED
from experiments.chaos.journal import places
from experiments.chaos.lives import LOG, in_process
from experiments.chaos.mischief import impatient
from experiments.chaos.outcome import Bench, Outcome
from experiments.chaos.sweeps import Plan


def together(bench: Bench, names: Sequence[str]) -> Outcome:
    """Sweeps in threads of one process, each with the callback that Ray is told to add."""
    pairs = [
        bench.sweep(replace(KILLED[name], seed=bench.seed, name=f"{at}", is_named=False))
        for at, name in enumerate(names)
    ]
    ended = in_process(run_together, bench.address, [(each.plan, each.folder) for each in pairs])
    if ended != 0:
        raise RuntimeError(f"sweeps in one process ended with an error: {pairs[0].log[-2000:]}")
    outcomes = [bench.outcome("", 1, each) for each in pairs]
    return Outcome(
        "two sweeps in one process",
        len(pairs),
        sum(each.lost for each in outcomes),
        sum(each.divergent for each in outcomes),
        sum(each.running for each in outcomes),
        what=f"in threads: {', '.join(names)}",
    )


def run_together(address: str, sweeps: Sequence[tuple[Plan, Path]]) -> None:
    """Run sweeps in threads of this process."""
    with (sweeps[0][1] / LOG).open("a") as log, redirect_stdout(log), redirect_stderr(log):
        os.dup2(log.fileno(), 2)
        ray.init(address=address, log_to_driver=False)
        places.update({plan.name: folder for plan, folder in sweeps})
        tuners = [plan.tuner(folder) for plan, folder in sweeps]
        threads = [threading.Thread(target=each.fit) for each in tuners]
        for each in threads:
            each.start()
            time.sleep(1)  # Ray's registry of trainables bears no two threads at once
        for each in threads:
            each.join()


#: The nodes of this process; not in the callback, which Ray pickles.
_nodes: list[Cluster] = []
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 * 1024 * 1024}


class Loses(tune.Callback):
    """Takes the second node away after some results, and brings another one; again and again."""

    def __init__(self, seed: int, losses: int) -> None:
        self.rng = random.Random(f"nodes/{seed}")
        self.left = losses
        self.wait = self.rng.randint(2, 12)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Any, **info: Any
    ) -> None:
        self.wait -= 1
        if self.left and self.wait <= 0 and _nodes[0].worker_nodes:
            self.left -= 1
            self.wait = self.rng.randint(6, 16)
            (worker,) = _nodes[0].worker_nodes
            _nodes[0].remove_node(worker, allow_graceful=False)
            _nodes[0].add_node(**NODE)
            print(LOST, flush=True)


LOST = "a node was lost"


def nodes(bench: Bench, name: str, losses: int) -> Outcome:
    """A node of two is lost with its trial, and another one comes, again and again."""
    plan = replace(KILLED[name], seed=bench.seed, max_failures=-1)
    sweep = bench.sweep(plan)
    ended = in_process(run_on_nodes, plan, sweep.folder, losses)
    if ended != 0:
        raise RuntimeError(f"a sweep on nodes ended with an error: {sweep.log[-2000:]}")
    lost = sweep.log.count(LOST)
    return bench.outcome(f"node lost: {name}", lost, sweep, "one of two, another one comes")


def run_on_nodes(plan: Plan, folder: Path, losses: int) -> None:
    """Run a sweep on a cluster of this process's own."""
    with (folder / LOG).open("a") as log, redirect_stdout(log), redirect_stderr(log):
        os.dup2(log.fileno(), 2)
        places[plan.name] = folder
        cluster = Cluster()
        _nodes.append(cluster)
        try:
            cluster.add_node(**NODE, include_dashboard=False)
            cluster.add_node(**NODE)
            cluster.wait_for_nodes()
            ray.init(address=cluster.address, log_to_driver=False)
            plan.tuner(folder, [Loses(plan.seed, losses)]).fit()
        finally:
            ray.shutdown()
            cluster.shutdown()


#: The trial that hangs before its second step.
HANGS = 5


def hanging(bench: Bench, name: str, budget_s: float) -> Outcome:
    """One trial never reports again, until time runs out: what else was not decided by then."""
    options = (("hangs", HANGS),)
    plan = replace(KILLED[name], seed=bench.seed, budget_s=budget_s, options=options)
    sweep = bench.sweep(plan)
    if sweep.run(fault=impatient) != 0:
        raise RuntimeError(f"a sweep with a trial that hangs failed: {sweep.log[-2000:]}")
    others = sweep.told.divergent(bench.peace(plan)) - {HANGS}
    is_said = "paused trials wait for" in sweep.log
    outcome = bench.outcome(f"trial hangs: {name}", 1, sweep, in_order=False)
    what = f"ended by time_budget_s; {len(others)} others waited for it"
    if others:
        what += ", as a warning said" * is_said
    return replace(
        outcome, divergent=0 if is_said else len(others), refused=int(is_said), what=what
    )
