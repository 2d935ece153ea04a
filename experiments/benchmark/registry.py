"""Every scheduler that is compared, by name: peers of other packages, baselines and our own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.benchmark import (
    PeerFactory,
    baselines,
    deephyper_peers,
    optuna_peers,
    ray_peers,
    syne_tune_peers,
)
from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task
from tune_es.replay.policies import Candidate, candidate

MODULES = {
    "Ray Tune": ray_peers,
    "Optuna": optuna_peers,
    "Syne Tune": syne_tune_peers,
    "DeepHyper": deephyper_peers,
    "simple baselines": baselines,
}

PEERS: Mapping[str, PeerFactory] = {
    name: peer for module in MODULES.values() for name, peer in module.PEERS.items()
}

PACKAGE_OF: Mapping[str, str] = {
    name: package for package, module in MODULES.items() for name in module.PEERS
}

#: Seeds at most: Optuna's Wilcoxon test judges some 200 results a second, 20 seeds take hours.
SEEDS_AT_MOST: Mapping[str, int] = {"optuna-wilcoxon": 1}

OURS: Mapping[str, str] = {
    "safe": "safe",
    "balanced": "balanced",
    "aggressive": "aggressive",
    "patience": "patience",
    "patience-5": "{Patience: {patience: 5}}",
    "median": "median",
    "median-3": "{BelowMedian: {grace_period: 3}}",
    "halving-1-3": "halving",
    "halving-3-3": "{SuccessiveHalving: {grace_period: 3}}",
    "halving-5-3": "{SuccessiveHalving: {grace_period: 5}}",
}


@dataclass(frozen=True)
class Peer:
    """A peer by its name: what can be sent to another process."""

    name: str

    def __call__(self, task: Task, trials: int) -> Scheduler:
        """A fresh scheduler."""
        return PEERS[self.name](task, trials)


def compared(name: str) -> Candidate:
    """The candidate of that name."""
    if name in PEERS:
        return Candidate(name, Peer(name))
    each = candidate(OURS.get(name, name))
    return Candidate(name, each.make, each.policy)
