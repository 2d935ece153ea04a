"""The evidence of a stop as a sentence that a person understands."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from string import Formatter

from tune_es.monitoring import Why

#: What each criterion found, with the names of its evidence in braces. Counts are whole numbers.
SENTENCES: Mapping[str, str] = {
    "Adaptive": "over the last {window} evaluations the best value improved by {gain}, and the "
    "trend promised {hope} in the {remaining} that were left; to go on it had to promise {needed}",
    "AdaptiveQuota": "at the rung of step {rung} it was number {rank} of {trials} trials, and "
    "{kept} went on; its best was {best}, that of the leader {leader}",
    "AsyncHalving": "at the rung of step {rung} it was number {rank} of {trials} trials, and "
    "{kept} went on; its best was {best}, that of the leader {leader}",
    "BelowMedian": "its best, {best}, was worse than the median best of {trials} other trials at "
    "that step, {median}",
    "BelowPercentile": "its best, {best}, was worse than {to_beat}, which it had to beat to be "
    "among the better ones of {trials} other trials at that step",
    "DecayingDelta": "{misses} evaluations in a row did not beat the best, {best}, by {min_delta}; "
    "the limit is {limit}",
    "Divergence": "the value, {value}, was worse than {floor} for {bad} evaluations in a row; "
    "the best had been {best}",
    "Explosion": "the loss, {value}, was above {too_bad} for {bad} evaluations in a row, far "
    "above where it began; the best had been {best}",
    "GeneralizationLoss": "the value, {value}, was {loss_percent} % worse than the best, {best}; "
    "the limit is {limit} %",
    "NonFinite": "{non_finite} evaluations in a row gave NaN or an infinite value",
    "OverfitGap": "validation, {value}, was worse than its best, {best}, while training ran ahead "
    "of it by {gap}; at the best it was ahead by {gap_at_best}; {bad} evaluations in a row",
    "ParetoHalving": "at the rung of step {rung} it was number {rank} of {trials} trials on its "
    "metrics together, and {kept} stay",
    "Patience": "{misses} evaluations in a row did not beat the best, {best}; the limit is {limit}",
    "Plateau": "the last values lay within a standard deviation of {std}; {limit} counts as flat",
    "ProgressQuotient": "validation was {loss_percent} % worse than its best while training "
    "progressed by {progress} thousandths; the limit is {limit} times that",
    "RungTable": "at the rung of step {rung} it was number {rank} of {trials} trials, and "
    "{kept} went on; its best was {best}, that of the leader {leader}",
    "ShrinkingPatience": "{misses} evaluations in a row did not beat the best, {best}, by "
    "{min_delta}; the limit is {limit}",
    "SuccessiveHalving": "at the rung of step {rung} it was number {rank} of the {trials} trials "
    "that had come there, and {kept} stay; its best was {best}",
    "Target": "the value, {value}, reached the target of {target}",
    "UninterruptedProgress": "the value fell in {worse_strips} strips of evaluations one after "
    "another; the limit is {limit}",
    "WindowGain": "over the last {window} evaluations the best value improved by {gain}; {needed} "
    "would have been enough to go on",
}

#: Where the first sentence lacks a number, or the rule has another cause than the usual one.
OTHERWISE: Mapping[tuple[str, str], str] = {
    ("DecayingDelta", "STALLED"): "{misses} evaluations in a row gave nothing finite; the limit is "
    "{limit}",
    ("Patience", "STALLED"): "{misses} evaluations in a row gave nothing finite, or nothing better "
    "than the baseline; the limit is {limit}",
    ("Patience", "BROKEN"): "the value was not finite",
    ("Patience", "HOPELESS"): "the value, {value}, was worse than the divergence threshold",
    ("Patience", "REACHED"): "the value, {value}, reached the stopping threshold",
    (
        "ShrinkingPatience",
        "STALLED",
    ): "{misses} evaluations in a row gave nothing finite; the limit is {limit}",
}

#: Budgets by the name in the evidence, and their units.
BUDGETS = {"steps": "steps", "seconds": "seconds", "cost": "of the money"}


def in_words(why: Why) -> str:
    """What the rule that stopped a trial saw; all its numbers where there is no sentence for it.

    >>> print(in_words(Why(4, "STALLED", "Patience", {"misses": 5, "limit": 5, "best": 0.5123456})))
    5 evaluations in a row did not beat the best, 0.5123; the limit is 5
    """
    joined = _joined(why)
    if joined:
        return "; and ".join(joined)
    base, on, _ = why.criterion.partition("[")
    said = _filled(base, why.cause, why.evidence)
    metric = why.criterion.removeprefix(base + on).removesuffix("]")
    return f"on {metric}: {said}" if on else said


def _joined(why: Why) -> list[str]:
    """A sentence for each rule, where several had to agree."""
    names = why.criterion.split(" & ")
    if len(names) < 2:
        return []
    found, taken = [], Counter[str]()
    for name in names:
        prefix = name + "'" * taken[name] + "."
        taken[name] += 1
        own = {
            key.removeprefix(prefix): value
            for key, value in why.evidence.items()
            if key.startswith(prefix)
        }
        found.append(in_words(Why(why.step, why.cause, name, own)))
    return found


def _filled(criterion: str, cause: str, evidence: Mapping[str, float]) -> str:
    if criterion == "Budget":
        spent = [name for name in BUDGETS if f"{name}_limit" in evidence]
        limits = [(evidence.get(name), evidence[f"{name}_limit"], BUDGETS[name]) for name in spent]
        said = [f"{number(used)} of {number(limit)} {unit}" for used, limit, unit in limits]
        return "it used " + " and ".join(said) if said else "its budget was used"
    shown = {name: number(value) for name, value in evidence.items()}
    if "hope" in shown:
        shown["hope"] = f"at most {shown['hope']}" if evidence["hope"] > 0 else "no gain at all"
    usual, other = SENTENCES.get(criterion), OTHERWISE.get((criterion, cause))
    for template in (usual, other) if other is None or "best" in shown else (other,):
        if template is not None and _names(template) <= set(shown):
            return template.format_map(shown)
    said = [f"{name} {value}" for name, value in shown.items()]
    return f"{criterion} stopped it at {', '.join(said)}" if said else f"{criterion} stopped it"


def _names(template: str) -> set[str]:
    """The numbers that a sentence needs."""
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def number(value: float | None) -> str:
    """A number in at most a few characters; a dash where there is none.

    >>> number(5.0), number(0.000123456), number(None), number(-0.0)
    ('5', '0.0001235', '-', '0')
    """
    if value is None or not isinstance(value, (int, float)) or math.isnan(value):
        return "-"
    return f"{value + 0.0:.4g}"
