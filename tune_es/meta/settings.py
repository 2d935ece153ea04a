"""What a tuning is told: what is searched for, and who does the work."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_es.checks import check_count, check_number
from tune_es.meta.bench import Bench, Workers, workers
from tune_es.meta.fingerprint import fingerprint
from tune_es.meta.search import Goal
from tune_es.meta.space import Space
from tune_es.meta.split import Split, name_of
from tune_es.replay import Cluster, TaskCurves


@dataclass(frozen=True)
class Tuning:
    """How a policy is tuned.

    Args:
        max_regret: The regret that is accepted.
        confidence: The share of tasks that have to stay within it, and how sure the certificate is.
        margin: The part of ``1 - confidence`` that the tuning tasks may use up. On recorded tasks,
            asked for a tenth, 1 left .11 of the held-out tasks over the limit, and 0.5 left .05 at
            4 % more cost.
        n_trials: Policies to try.
        trials: Trials of a sweep.
        seeds: Sweeps of a task.
        shortlist: Policies that the held-out tasks choose among: the cheapest on the tuning tasks.
            1 leaves nothing to them but the verdict; more are paid for in the bound.
        seed: Of the search.
        space: What may be proposed.
        cluster: What is simulated.

    Raises:
        ValueError: A number outside its range.
    """

    max_regret: float = 0.01
    confidence: float = 0.9
    margin: float = 0.5
    n_trials: int = 500
    trials: int = 100
    seeds: int = 20
    shortlist: int = 1
    seed: int = 0
    space: Space = field(default_factory=Space)
    cluster: Cluster = Cluster()

    def __post_init__(self) -> None:
        check_number("Tuning", "max_regret", self.max_regret, least=0)
        check_number("Tuning", "confidence", self.confidence, least=0.5, most=0.999)
        check_number("Tuning", "margin", self.margin, least=0, most=1)
        for name in ("n_trials", "trials", "seeds", "shortlist"):
            check_count("Tuning", name, getattr(self, name))
        check_count("Tuning", "seed", self.seed, least=0)

    @property
    def goal(self) -> Goal:
        return Goal(self.max_regret, self.confidence, self.margin)

    def bench(self, tasks: Sequence[TaskCurves]) -> Bench:
        """Where policies are measured on these tasks."""
        return Bench(tuple(tasks), self.trials, self.seeds, self.cluster, self.max_regret)

    def settings(self, split: Split) -> dict[str, Any]:
        """What the results of a search depend on, for a storage to be true to."""
        same = ("n_trials", "shortlist")  # more policies may be tried later
        own = {name: value for name, value in dataclasses.asdict(self).items() if name not in same}
        names = [name_of(each) for each in split.tuning]
        return {**own, "curves": fingerprint(split.tuning), "tuning_tasks": names}


@dataclass(frozen=True)
class Where:
    """Who does the work, and where it is kept.

    Args:
        processes: Cores to use. Above 1, a script needs ``if __name__ == "__main__"``.
        ray: Measure on the Ray cluster that this process is in, or a local one.
        address: The address of a Ray cluster to join.
        storage: A URL of Optuna or a journal file, to go on from after an interruption.
    """

    processes: int = 1
    ray: bool = False
    address: str | None = None
    storage: str | None = None

    def workers(self, bench: Bench) -> Workers:
        """Who measures."""
        return workers(bench, self.processes, self.ray, self.address)
