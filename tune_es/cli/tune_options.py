"""What ``tune-es tune`` can be told, by subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from tune_es.cli.output import Flag

Many = Annotated[tuple[str, ...], Parameter(consume_multiple=True, negative=())]


@dataclass(frozen=True)
class Search:
    """How policies are searched.

    Args:
        max_regret: What may be lost, as a share of what the best trial gains over the median one.
        confidence: The share of tasks that have to stay within it, and how sure the certificate is.
        margin: The part of 1 - confidence that the tuning tasks may use up, from 0 to 1.
        n_trials: Policies to try.
        trials: Trials of a sweep; all of a task's where it has fewer.
        seeds: Sweeps of a task.
        kind: Kinds of policies: curve, compare, "curve|compare", promote, "curve+promote"; all by
            default. A sweep that saves no checkpoints cannot use the last two.
        other_metric: A further metric that all tasks have, as name=min or name=max.
        seed: Of the draw of held-out tasks and of the search.
    """

    max_regret: float = 0.01
    confidence: float = 0.9
    margin: float = 0.5
    n_trials: int = 500
    trials: int = 100
    seeds: int = 20
    kind: Many = ()
    other_metric: Many = ()
    seed: int = 0

    @property
    def modes(self) -> dict[str, str]:
        """The further metrics and their modes.

        Raises:
            ValueError: One without a mode.
        """
        modes = {}
        for each in self.other_metric:
            name, equals, mode = each.rpartition("=")
            if not equals:
                raise ValueError(f"--other-metric must be name=min or name=max, got {each!r}")
            modes[name] = mode
        return modes


@dataclass(frozen=True)
class HeldOut:
    """What the policy is judged on.

    Args:
        held_out: Tasks, or curve sets, to judge the policy on; drawn by the seed by default.
        held_out_share: Share of the tasks that is drawn.
        by_set: Draw whole curve sets: tasks of one set are often much alike.
        shortlist: Policies that the held-out tasks choose among; more than 1 weakens the bound.
    """

    held_out: Many = ()
    held_out_share: float = 0.3
    by_set: Flag = False
    shortlist: int = 1


@dataclass(frozen=True)
class Target:
    """What the policy is written for.

    Args:
        metric: The metric of the policy that is written; the most frequent one by default.
        mode: The mode of that metric.
        max_t: The budget that the policy is written for; the median task's by default.
    """

    metric: str | None = None
    mode: str | None = None
    max_t: int | None = None


@dataclass(frozen=True)
class Work:
    """Who does the work, and where it is kept.

    Args:
        storage: Where to keep what was tried: sqlite:///tune.db, a journal file, a database. The
            same command goes on from it.
        processes: Cores to use; all of them by default.
        ray: Use Ray: the cluster that this machine is in, or a local one.
        address: The address of a Ray cluster.
    """

    storage: str | None = None
    processes: int | None = None
    ray: Flag = False
    address: str | None = None
