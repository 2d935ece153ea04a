"""Tuning by replay: split, search, choose, judge on held-out tasks, certify."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from statistics import median_low
from typing import Any

from tune_es.certificate import Certificate
from tune_es.meta.bench import Bench, Workers
from tune_es.meta.certify import certify, fewest
from tune_es.meta.known import PRESETS
from tune_es.meta.measured import Measured, OnTask
from tune_es.meta.recipe import FULL, Recipe
from tune_es.meta.report import Report, Row, compare, front_of, row
from tune_es.meta.search import Goal, Tried, search
from tune_es.meta.settings import Tuning, Where
from tune_es.meta.split import Split, name_of
from tune_es.meta.storage import Archive
from tune_es.replay import TaskCurves

Progress = Callable[[int], Any]


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


def tune(
    split: Split,
    tuning: Tuning,
    where: Where | None = None,
    on_done: Progress = lambda policies: None,
) -> Tuned:
    """Search policies on the tuning tasks, and judge the one chosen on those held out.

    The search minimises cost under the constraint that at most ``margin * (1 - confidence)`` of the
    tuning tasks have a mean regret above ``max_regret``; of those that keep it, the cheapest is
    chosen, and training in full where none does.

    Raises:
        ValueError: A policy that a task refuses; a storage that holds another search.
    """
    where = where or Where()
    archive = Archive(where.storage, tuning.settings(split))
    with closing(where.workers(tuning.bench([*split.tuning, *split.held_out]))) as at_work:
        return tune_on(at_work, split, tuning, archive, on_done)


def tune_on(
    at_work: Workers,
    split: Split,
    tuning: Tuning,
    archive: Archive | None = None,
    on_done: Progress = lambda policies: None,
) -> Tuned:
    """As :func:`tune`, by workers that several splits of the same tasks share.

    Args:
        at_work: Who measures, on ``tuning.bench`` of all tasks.
        split: Which of these tasks are tuned on and which held out.
        tuning: How.
        archive: What was measured before.
        on_done: Called with the number of policies that were just measured.

    Raises:
        ValueError: A task that is not on the bench, or other settings there.
    """
    ours, theirs = (_places(at_work.bench, tuning, part) for part in (split.tuning, split.held_out))
    presets = list(PRESETS.values())
    known = at_work.measure(presets, tasks=ours)
    tried = search(
        at_work,
        tuning.space,
        tuning.goal,
        tuning.n_trials,
        archive=archive or Archive(None, {}),
        seed=tuning.seed,
        tasks=ours,
        on_done=on_done,
    )
    chosen = shortlist(tried, tuning.goal, tuning.shortlist)
    judged = list[Measured]()
    if theirs:
        judged = at_work.measure([*presets, *(each.recipe for each in chosen)], tasks=theirs)
    names = [*PRESETS, *(_name(each) for each in chosen)]
    rows = _rows(names, [*known, *(each.measured for each in chosen)], judged, tuning.goal)
    mine = rows[len(presets) :]
    best = fewest([0 if each.held_out is None else each.held_out.over for each in mine])
    report = _report(split, mine[best], rows[: len(presets)], tried, tuning.goal)
    certificate = _certificate(split, tuning, report, len(chosen))
    return Tuned(chosen[best].recipe, certificate, report, tried)


def _places(bench: Bench, tuning: Tuning, tasks: Sequence[TaskCurves]) -> list[int]:
    """Where these tasks are on the bench, which has to measure as it is told."""
    asked = tuning.bench(())
    for name in ("trials", "seeds", "cluster", "max_regret"):
        if getattr(bench, name) != getattr(asked, name):
            there, wanted = getattr(bench, name), getattr(asked, name)
            raise ValueError(f"tune_on needs a bench with Tuning.{name} = {wanted}, got {there}")
    places = {name_of(each): at for at, each in enumerate(bench.tasks)}
    lost = [name_of(each) for each in tasks if name_of(each) not in places]
    if lost:
        raise ValueError(f"tune_on was given task {lost[0]!r}, which is not on the bench")
    return [places[name_of(each)] for each in tasks]


def _report(
    split: Split, chosen: Row, presets: Sequence[Row], tried: Sequence[Tried], goal: Goal
) -> Report:
    return Report(
        chosen=chosen,
        presets=tuple(presets),
        comparison=compare(chosen, presets, goal),
        front=front_of(tried),
        tried=len(tried),
        feasible=sum(goal.is_kept_by(each.measured) for each in tried),
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
        how=split.how,
        confidence=tuning.confidence,
        candidates=candidates,
        tuned_on=len(split.tuning),
        tried=report.tried,
    )


def shortlist(tried: Sequence[Tried], goal: Goal, size: int = 1) -> list[Tried]:
    """The cheapest policies that keep the limit on the tuning tasks; training in full if none."""
    keeping = sorted(
        (each for each in tried if goal.is_kept_by(each.measured)),
        key=lambda each: (each.measured.cost, each.measured.regret, each.number),
    )
    return keeping[:size] or [_in_full(tried)]


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
