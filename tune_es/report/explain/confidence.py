"""How often stops like this one are right, with the source of that number, or why it is unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tune_es.monitoring import TrialRecord, Why
from tune_es.policy import Policy
from tune_es.report.explain.calibration import (
    EPSILON,
    PARTS,
    Calibration,
    Cell,
    part_of,
    shipped,
)
from tune_es.report.explain.counting import comparing
from tune_es.report.explain.rules import COMPARING, JUDGED, spoken

PERCENT = f"{100 * EPSILON:g} %"

#: What right means.
ALONE = f"the rest of the curve would have improved the best value by {PERCENT} of it at most"
AMONG = (
    f"run to its end, the trial would have beaten the best of the sweep by at most {PERCENT} "
    "of what that gains over the median trial"
)
WAYS = {"min": " where the metric is minimised", "max": " where the metric is maximised"}


@dataclass(frozen=True)
class Confidence:
    """The share of such stops that were right.

    Args:
        share: The share; NaN where it is not known.
        low: Four of five new tasks have a share between this ...
        high: ... and this.
        right: Stops of this kind that were right, of those that were counted.
        stops: How many were counted.
        tasks: On how many tasks.
        kind: Which stops these are, in words.
        meaning: What right means for them, in words.
        source: Where they were counted.
        note: Why it is not known, or what to bear in mind; may be empty.
    """

    share: float
    low: float
    high: float
    right: int
    stops: int
    tasks: int
    kind: str
    meaning: str
    source: str
    note: str

    @property
    def is_known(self) -> bool:
        """False where there is no number."""
        return not math.isnan(self.share)


def unknown(note: str) -> Confidence:
    """No number, and why."""
    return Confidence(math.nan, math.nan, math.nan, 0, 0, 0, "", "", "", note)


def confidence_of(
    trial: TrialRecord,
    policy: Policy | None,
    max_t: float | None,
    measured: Calibration | None,
) -> Confidence | None:
    """How often such stops are right; None where nothing was judged.

    A target or a budget that was reached is a fact.

    Args:
        trial: The trial that was stopped.
        policy: What stopped it.
        max_t: Its budget.
        measured: Counts of this very policy; the shipped ones are asked where it has too few.
    """
    why = trial.why
    if why is None or why.cause not in JUDGED:
        return None
    if policy is None or max_t is None or not len(trial.steps):
        return unknown("the policy or the budget of this trial is not known")
    part = part_of(why.step / max_t)
    if measured is None:
        return _shipped(trial, why, policy, part, max_t)
    for name in (why.criterion, why.cause):
        cell = measured.find(name, policy.mode, part)
        if cell is not None:
            kind = f"stops as {name} under this policy"
            return _found(measured, cell, kind, why.criterion in comparing(policy), "")
    few = f"{measured.source} have too few such stops"
    return _noted(_shipped(trial, why, policy, part, max_t), few)


def _shipped(trial: TrialRecord, why: Why, policy: Policy, part: int, max_t: float) -> Confidence:
    table = shipped()
    spacing = trial.steps[-1] / len(trial.steps)
    budget = max_t / spacing if spacing > 0 else math.nan
    low, high = table.budgets
    if not low <= budget <= high:
        there = f"budgets of {low:g} to {high:g} evaluations were measured"
        return unknown(f"{there}, and this one has {budget:.3g}")
    rule = spoken(policy, why, budget)
    if rule.name is None:
        return unknown(rule.why_not)
    cell = table.find(rule.name, policy.mode, part)
    if cell is None:
        return unknown(f"{rule.name} hardly ever stopped a trial {_where(part)} when measured")
    alone = "it was counted for this rule alone, and here it is one of several, or waits"
    note, kind = alone if rule.is_joined else "", f"stops by {rule.name}"
    return _found(table, cell, kind, rule.name in COMPARING, note)


def _found(table: Calibration, cell: Cell, name: str, is_compared: bool, note: str) -> Confidence:
    share, counts = table.share(cell), table.cells[cell]
    kind = f"{name} {_where(cell.part)}{WAYS.get(cell.mode, '')}"
    numbers = (counts.right, counts.stops, counts.tasks)
    meaning = AMONG if is_compared else ALONE
    return Confidence(*share, *numbers, kind, meaning, table.source, note)


def _noted(one: Confidence, note: str) -> Confidence:
    return replace(one, note=f"{note}; {one.note}" if one.note else note)


def _where(part: int | None) -> str:
    if part is None:
        return "anywhere in the budget"
    low = PARTS[part - 1] if part else 0.0
    return f"at {100 * low:.0f} to {100 * PARTS[part]:.0f} % of the budget"
