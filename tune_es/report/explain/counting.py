"""Stops on recorded full curves, and which of them were right."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tune_es.checks import nearest
from tune_es.policy import Policy
from tune_es.records import Cause, Decision
from tune_es.replay import Cluster, PolicyScheduler, TaskCurves, replay, stops, stream
from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.running import best_so_far
from tune_es.replay.policies import Rule
from tune_es.report.explain.calibration import (
    EPSILON,
    PARTS,
    Calibration,
    Cell,
    Counts,
    counted,
    likeness,
)

Bools = NDArray[np.bool_]

#: Streams of a task, where a policy compares trials.
SEEDS = 5


@dataclass(frozen=True, eq=False)
class Judged:
    """The stops of one task: an array element a stop.

    Args:
        task: Its set and name.
        mode: ``"min"`` or ``"max"``.
        names: What stopped each: a cause, or a criterion where trials are compared.
        trials: Which trial of the task.
        at: After which evaluation.
        used: The share of the budget at the stop.
        right: Whether it was right.
    """

    task: str
    mode: str
    names: NDArray[np.str_]
    trials: Ints
    at: Ints
    used: Floats
    right: Bools

    @property
    def parts(self) -> Ints:
        """The part of the budget of each."""
        return np.searchsorted(np.array(PARTS), self.used - 1e-9)

    def only(self, mine: Bools) -> Judged:
        """Some of the stops."""
        return Judged(
            self.task,
            self.mode,
            self.names[mine],
            self.trials[mine],
            self.at[mine],
            self.used[mine],
            self.right[mine],
        )


def judged(policy: Policy, curves: TaskCurves, trials: int = 50, seeds: int = SEEDS) -> Judged:
    """The stops of a policy on a task, by cause where it sees one curve, by criterion otherwise.

    A policy that compares trials is replayed on ``seeds`` streams of ``trials`` trials. Stops at
    the last evaluation of a curve are left out, because nothing is known of what came after.

    Raises:
        ValueError: The curves lack a metric of the policy.
    """
    for name in policy.metrics:
        if name not in curves.metrics:
            known = nearest(name, curves.metrics)
            raise ValueError(f"task {curves.task.name!r} has no metric {name!r}; {known}")
    if policy.uses_peers:
        return _joined([_among(policy, curves, trials, seed) for seed in range(seeds)])
    return alone(policy, curves)


def alone(policy: Policy, curves: TaskCurves) -> Judged:
    """The stops of a policy that sees one curve, by cause."""
    found = stops(policy, curves, threads=1)
    facts = [cause.value for cause in (Cause.REACHED, Cause.EXHAUSTED)]
    counts = (found.at > 0) & (found.at < found.lengths) & ~np.isin(found.causes, facts)
    trials = np.flatnonzero(counts)
    names = np.array([Cause(int(code)).name for code in found.causes[trials]], dtype=np.str_)
    right = right_alone(curves, found.evaluations)
    return judged_at(curves, trials, found.at[trials], names, right)


def right_alone(curves: TaskCurves, reached: Ints) -> Bools:
    """For every trial: would the rest of its curve have brought no better value worth having?"""
    full, then = _bests(curves, reached)
    lost = np.where(np.isfinite(full), full - np.where(np.isfinite(full), then, 0), 0.0)
    return np.asarray(lost <= EPSILON * np.abs(full))


def right_among(curves: TaskCurves, reached: Ints) -> Bools:
    """For every trial of a sweep: would it, run to its end, not have beaten the best found?"""
    full, then = _bests(curves, reached)
    found = then[reached > 0].max(initial=-np.inf)
    lasts = curves.task.sign * curves.metrics[curves.task.metric][curves.starts[1:] - 1]
    lasts = np.where(np.isfinite(lasts), lasts, -np.inf)
    middle = float(np.median(lasts))
    gain = float(full.max()) - middle if np.isfinite(middle) else 0.0
    return np.asarray(full <= found + EPSILON * max(gain, 0.0))


def _bests(curves: TaskCurves, reached: Ints) -> tuple[Floats, Floats]:
    """The best of every full curve, and of what was run of it."""
    bests, starts = best_so_far(curves), curves.starts[:-1]
    full = bests[starts + curves.lengths - 1]
    return full, np.where(reached > 0, bests[starts + np.maximum(reached, 1) - 1], -np.inf)


def _among(policy: Policy, curves: TaskCurves, trials: int, seed: int) -> Judged:
    """The stops of a sweep of trials drawn from a task, by criterion."""
    drawn = stream(curves, trials, seed).curves
    scheduler = PolicyScheduler(policy, trials=len(drawn))
    reached = replay(scheduler, drawn, Cluster()).reached
    ended = [scheduler.referee.ended.get(name) for name in drawn.trial_ids]
    ends = zip(ended, drawn.lengths.tolist(), strict=True)
    picked = np.flatnonzero([_counts(each, length) for each, length in ends])
    names = np.array([_criterion(ended[at]) for at in picked], dtype=np.str_)
    by_peers = np.zeros(len(drawn), dtype=np.bool_)
    by_peers[picked] = np.isin(names, sorted(comparing(policy)))
    right = np.where(by_peers, right_among(drawn, reached), right_alone(drawn, reached))
    return judged_at(drawn, picked, reached[picked], names, right)


def _counts(decision: Decision | None, length: int) -> bool:
    """True for a judgement that came before the end of the curve."""
    if decision is None or not decision.stop or decision.step >= length:
        return False
    return decision.verdict.cause not in (Cause.REACHED, Cause.EXHAUSTED)


def _criterion(decision: Decision | None) -> str:
    return "" if decision is None else decision.verdict.criterion


def comparing(policy: Policy) -> set[str]:
    """The names under which a policy stops trials by comparison."""
    names = {part.label for part in policy.criterion.walk() if part.uses_peers}
    rule = policy.promotion_rule
    return names if rule is None else names | {type(rule).__name__}


def judged_at(
    curves: TaskCurves, trials: Ints, at: Ints, names: NDArray[np.str_], right: Bools
) -> Judged:
    """The stops of these trials; ``right`` has an element for every trial of the task."""
    task = curves.task
    used = at / task.max_t
    return Judged(f"{task.source}/{task.name}", task.mode, names, trials, at, used, right[trials])


def _joined(several: Sequence[Judged]) -> Judged:
    columns = ("names", "trials", "at", "used", "right")
    whole = [np.concatenate([getattr(each, name) for each in several]) for name in columns]
    return Judged(several[0].task, several[0].mode, *whole)


def cells_of(rule: str, several: Iterable[Judged], by_mode: bool) -> dict[Cell, Counts]:
    """The counts of one rule: in every part of the budget, and as a whole."""
    stops_of = list(several)
    pairs = partial(_pairs, stops_of)
    alike = likeness(pairs("", None))
    cells = {Cell(rule): counted(pairs("", None), alike)}
    for mode in ("min", "max") if by_mode else ("",):
        for part in range(len(PARTS)):
            counts = counted(pairs(mode, part), alike)
            if counts.stops:
                cells[Cell(rule, mode, part)] = counts
    return cells


def _pairs(several: Sequence[Judged], mode: str, part: int | None) -> list[tuple[int, int]]:
    """Right stops and stops of every task, of a mode and in a part of the budget."""
    by_task: dict[str, tuple[int, int]] = {}
    for each in several:
        if mode in ("", each.mode):
            mine = np.ones(len(each.right), np.bool_) if part is None else each.parts == part
            right, seen = by_task.get(each.task, (0, 0))
            now = (right + int(each.right[mine].sum()), seen + int(mine.sum()))
            by_task[each.task] = now
    return list(by_task.values())


def measured(policy: Policy, tasks: Sequence[TaskCurves], trials: int, source: str) -> Calibration:
    """How often the stops of this policy are right on these tasks; a row a cause or criterion.

    The policy keeps its rules, and takes metric, mode and budget from every task.

    Raises:
        ValueError: A task lacks a metric of the policy.
    """
    seen = [judged(Rule(policy).policy(each.task), each, max(2, trials)) for each in tasks]
    cells: dict[Cell, Counts] = {}
    for name in sorted({name for each in seen for name in each.names.tolist()}):
        mine = [each.only(each.names == name) for each in seen]
        cells.update(cells_of(name, mine, by_mode=not policy.uses_peers))
    return Calibration(cells, source, fewest_tasks=1)
