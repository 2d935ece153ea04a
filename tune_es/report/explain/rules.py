"""Which of the rules that were measured spoke: a policy has many shapes, a table has few rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tune_es.criteria import (
    Adaptive,
    After,
    AnyOf,
    BelowMedian,
    Criterion,
    Explosion,
    GeneralizationLoss,
    Never,
    NonFinite,
    OverfitGap,
    Patience,
    Plateau,
    SuccessiveHalving,
    UninterruptedProgress,
    WindowGain,
)
from tune_es.monitoring import Why
from tune_es.policy import Policy
from tune_es.promotion import AdaptiveQuota, AsyncHalving, PromotionRule
from tune_es.records import Cause

#: Patience is told apart by its share of the budget: up to and with each of these.
PATIENCES = (0.1, 0.2, 0.4, 1.0)

#: The causes that are judgements, and can be wrong; the others are facts.
JUDGED = {Cause.STALLED.name, Cause.OVERFIT.name, Cause.HOPELESS.name, Cause.BROKEN.name}


@dataclass(frozen=True)
class Spoken:
    """The rule that stopped a trial, as far as it was measured.

    Args:
        name: Its row of the table; None where it was not measured.
        is_joined: It is one of several rules of the policy, or was muted at first: the table was
            made with the rule alone.
        why_not: What keeps it from being known; empty where it is.
    """

    name: str | None
    is_joined: bool = False
    why_not: str = ""


def spoken(policy: Policy, why: Why, evaluations: float) -> Spoken:
    """Which measured rule gave this reason, under a policy with a budget of so many evaluations."""
    promotion = policy.promotion_rule
    if promotion is not None and type(promotion).__name__ == why.criterion:
        name = promotion_name(promotion)
        return Spoken(name, not _is_never(policy)) if name else _unknown(why.criterion)
    rules = {repr(part): part for part in _parts(policy.rule) if part.label == why.criterion}
    if len(rules) != 1:
        what = "several rules of this policy" if rules else "no rule of this policy by itself"
        return Spoken(None, why_not=f"{why.criterion} is {what}")
    (rule,) = rules.values()
    name = rule_name(_on_score(rule, policy), why, evaluations)
    is_whole = rule == policy.criterion and not policy.milestones and promotion is None
    return Spoken(name, not is_whole and name not in GUARDS) if name else _unknown(why.criterion)


def _unknown(criterion: str) -> Spoken:
    return Spoken(None, why_not=f"{criterion} was not measured with these settings")


def rule_name(rule: Criterion, why: Why, evaluations: float) -> str | None:
    """The row of the table for a rule that judges the objective."""
    if isinstance(rule, Patience):
        limit = why.evidence.get("limit", float("nan")) / evaluations if evaluations else 2.0
        return patience_name(limit) if _is_plain(rule) and why.cause == "STALLED" else None
    if isinstance(rule, BelowMedian):
        return "BelowMedian"
    if isinstance(rule, SuccessiveHalving):
        return "SuccessiveHalving" if 2 <= rule.reduction_factor <= 4 else None
    if isinstance(rule, OverfitGap):
        return "OverfitGap" if replace(rule, train_metric="") == OverfitGap("") else None
    return next((name for name, make in EXACT.items() if rule == make()), None)


#: Rules that every policy has beside its own.
GUARDS = ("NonFinite", "Explosion")

#: Those that compare trials.
COMPARING = ("BelowMedian", "SuccessiveHalving", "AsyncHalving", "AdaptiveQuota")

#: The rules that were measured with these settings and no others.
EXACT: dict[str, Callable[[], Criterion]] = {
    "Adaptive.safe": Adaptive.safe,
    "Adaptive.balanced": Adaptive.balanced,
    "Adaptive.aggressive": Adaptive.aggressive,
    "WindowGain": WindowGain,
    "Plateau": Plateau,
    "GeneralizationLoss": GeneralizationLoss,
    "UninterruptedProgress": UninterruptedProgress,
    "NonFinite": NonFinite,
    "Explosion": Explosion,
}


def patience_name(share: float) -> str | None:
    """The row for a patience that is this share of the budget.

    >>> patience_name(0.05), patience_name(0.25), patience_name(1.5)
    ('Patience to 0.1', 'Patience to 0.4', None)
    """
    return next((f"Patience to {top}" for top in PATIENCES if share <= top + 1e-9), None)


def promotion_name(rule: PromotionRule) -> str | None:
    """The row for a rule that pauses and promotes."""
    if isinstance(rule, AsyncHalving):
        return "AsyncHalving" if rule == AsyncHalving(rule.grace_period) else None
    return "AdaptiveQuota" if rule == AdaptiveQuota() else None


def _is_plain(rule: Patience) -> bool:
    """True for patience without options: only its length was varied."""
    bare = Patience(rule.patience, rule.at_least, start_from=rule.start_from)
    return rule == bare


def _parts(rule: Criterion) -> Iterator[Criterion]:
    """The rules that may stop a trial by themselves."""
    if isinstance(rule, (AnyOf, After)):
        for part in rule.parts:
            yield from _parts(part)
    else:
        yield rule


def _on_score(rule: Criterion, policy: Policy) -> Criterion:
    """The rule without the name of its metric where that is the objective."""
    own: dict[str, Any] = {"metric": None}
    return replace(rule, **own) if getattr(rule, "metric", None) == policy.metric else rule


def _is_never(policy: Policy) -> bool:
    return policy.criterion == Never()
