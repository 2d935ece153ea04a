"""Tuning by replay: split, search, choose, judge on held-out tasks, certify."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from statistics import median_low
from typing import Any

from tune_es.certificate import Certificate
from tune_es.checks import check_count, check_number
from tune_es.meta.bench import Bench, Workers, workers
from tune_es.meta.certify import certify, fewest
from tune_es.meta.fingerprint import fingerprint
from tune_es.meta.known import PRESETS
from tune_es.meta.measured import Measured, OnTask
from tune_es.meta.recipe import FULL, Recipe
from tune_es.meta.report import Report, Row, compare, front_of, row
from tune_es.meta.search import Goal, Tried, search
from tune_es.meta.space import Space
from tune_es.meta.split import Split, name_of
from tune_es.meta.storage import Archive
from tune_es.replay import Cluster, TaskCurves

Progress = Callable[[int], Any]


@dataclass(frozen=True)
class Tuning:
    """How a policy is tuned.

    Args:
        max_regret: The regret that is accepted.
        confidence: The share of tasks that have to stay within it, and how sure the certificate is.
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
        for name in ("n_trials", "trials", "seeds", "shortlist"):
            check_count("Tuning", name, getattr(self, name))
        check_count("Tuning", "seed", self.seed, least=0)

    @property
    def goal(self) -> Goal:
        return Goal(self.max_regret, self.confidence)

    def bench(self, tasks: Sequence[TaskCurves]) -> Bench:
        """Where policies are measured on these tasks."""
        return Bench(tuple(tasks), self.trials, self.seeds, self.cluster, self.max_regret)

    def settings(self, split: Split) -> dict[str, Any]:
        """What the results of a search depend on, for a storage to be true to."""
        same = ("n_trials", "shortlist")  # more policies may be tried later
        own = {name: value for name, value in dataclasses.asdict(self).items() if name not in same}
        names = [name_of(each) for each in split.tuning]
        return {**own, "curves": fingerprint(split.tuning), "tuning_tasks": names}


@dataclass(frozen=True, eq=False)
class Tuned:
    """What came out.

    Args:
        recipe: The policy, for a task of any length.
        certificate: What is known of it; None without held-out tasks.
        report: Everything there is to read.
        tried: Every policy that was measured on the tuning tasks.
    """

    recipe: Recipe
    certificate: Certificate | None
    report: Report
    tried: Sequence[Tried]


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


def tune(
    split: Split,
    tuning: Tuning,
    where: Where | None = None,
    on_done: Progress = lambda policies: None,
) -> Tuned:
    """Search policies on the tuning tasks, and judge the one chosen on those held out.

    The search minimises cost under the constraint that at most ``1 - confidence`` of the tuning
    tasks have a mean regret above ``max_regret``; of those that keep it, the cheapest is chosen,
    and training in full where none does.

    Raises:
        ValueError: A policy that a task refuses; a storage that holds another search.
    """
    where = where or Where()
    archive = Archive(where.storage, tuning.settings(split))
    presets = list(PRESETS.values())
    with closing(where.workers(tuning.bench(split.tuning))) as at_work:
        known = at_work.measure(presets)
        tried = search(
            at_work,
            tuning.space,
            tuning.goal,
            tuning.n_trials,
            archive=archive,
            seed=tuning.seed,
            on_done=on_done,
        )
    chosen = shortlist(tried, tuning.goal, tuning.shortlist)
    judged = list[Measured]()
    if split.held_out:
        with closing(where.workers(tuning.bench(split.held_out))) as at_work:
            judged = at_work.measure([*presets, *(each.recipe for each in chosen)])
    names = [*PRESETS, *(_name(each) for each in chosen)]
    rows = _rows(names, [*known, *(each.measured for each in chosen)], judged, tuning.goal)
    mine = rows[len(presets) :]
    best = fewest([0 if each.held_out is None else each.held_out.over for each in mine])
    report = _report(split, mine[best], rows[: len(presets)], tried, tuning.goal)
    certificate = _certificate(split, tuning, report, len(chosen))
    return Tuned(chosen[best].recipe, certificate, report, tried)


def _report(
    split: Split, chosen: Row, presets: Sequence[Row], tried: Sequence[Tried], goal: Goal
) -> Report:
    return Report(
        chosen=chosen,
        presets=tuple(presets),
        comparison=compare(chosen, presets, goal),
        front=front_of(tried),
        tried=len(tried),
        feasible=sum(_keeps(each, goal) for each in tried),
        tuning_tasks=tuple(map(name_of, split.tuning)),
        held_out_tasks=tuple(map(name_of, split.held_out)),
    )


def _certificate(
    split: Split, tuning: Tuning, report: Report, candidates: int
) -> Certificate | None:
    """What the held-out tasks say of the policy; nothing where there are none."""
    if report.chosen.held_out is None:
        return None
    return certify(
        tuning.bench([*split.tuning, *split.held_out]),
        report.chosen.held_out,
        confidence=tuning.confidence,
        candidates=candidates,
        tuned_on=len(split.tuning),
        tried=report.tried,
    )


def shortlist(tried: Sequence[Tried], goal: Goal, size: int = 1) -> list[Tried]:
    """The cheapest policies that keep the limit on the tuning tasks; training in full if none."""
    keeping = sorted(
        (each for each in tried if _keeps(each, goal)),
        key=lambda each: (each.measured.cost, each.measured.regret, each.number),
    )
    return keeping[:size] or [_in_full(tried)]


def _keeps(tried: Tried, goal: Goal) -> bool:
    return tried.measured.tail(goal.confidence) <= goal.max_regret


def _name(tried: Tried) -> str:
    return "in full" if tried.number < 0 else f"tuned #{tried.number}"


def _in_full(tried: Sequence[Tried]) -> Tried:
    return Tried(-1, FULL, Measured((OnTask(1.0, 0.0, 0.0),) * len(tried[0].measured.tasks)))


def _rows(
    names: Sequence[str], known: Sequence[Measured], judged: Sequence[Measured], goal: Goal
) -> list[Row]:
    out: Sequence[Measured | None] = judged or [None] * len(names)
    return [row(*each, goal) for each in zip(names, known, out, strict=True)]


def typical_max_t(tasks: Sequence[TaskCurves]) -> int:
    """The budget of the median task."""
    return median_low(each.task.max_t for each in tasks)
