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

#: Many settings of rules that are cheap to replay, for the lower envelope: not in the tables.
LADDER: Mapping[str, PeerFactory] = baselines.ladder()
OUR_LADDER: Mapping[str, str] = {
    **{
        f"halving-{grace}-{factor}": (
            f"{{SuccessiveHalving: {{grace_period: {grace}, reduction_factor: {factor}}}}}"
        )
        for grace in (1, 2, 3, 5, 8, 12)
        for factor in (2, 3, 4)
    },
    **{f"median-{grace}": f"{{BelowMedian: {{grace_period: {grace}}}}}" for grace in (1, 3, 5, 10)},
}

PACKAGE_OF: Mapping[str, str] = {
    **{name: package for package, module in MODULES.items() for name in module.PEERS},
    **dict.fromkeys((*LADDER, *baselines.RANDOM), "simple baselines"),
}

#: Seeds at most: Optuna's Wilcoxon test judges some 200 results a second, 20 seeds take hours.
SEEDS_AT_MOST: Mapping[str, int] = {"optuna-wilcoxon": 1}

OURS: Mapping[str, str] = {
    "safe": "safe",
    "balanced": "balanced",
    "aggressive": "aggressive",
    "patience": "patience",
    "patience-5": "{Patience: {patience: 5}}",
    **{name: OUR_LADDER[name] for name in ("median-1", "median-3")},
    **{name: OUR_LADDER[name] for name in ("halving-1-3", "halving-3-3", "halving-5-3")},
}


@dataclass(frozen=True)
class Peer:
    """A peer by its name: what can be sent to another process."""

    name: str

    def __call__(self, task: Task, trials: int) -> Scheduler:
        """A fresh scheduler."""
        return {**PEERS, **LADDER, **baselines.RANDOM}[self.name](task, trials)


def compared(name: str) -> Candidate:
    """The candidate of that name."""
    if name in PACKAGE_OF:
        return Candidate(name, Peer(name))
    each = candidate({**OURS, **OUR_LADDER}.get(name, name))
    return Candidate(name, each.make, each.policy)
