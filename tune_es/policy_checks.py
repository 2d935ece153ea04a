"""What a policy must be, found out when it is built."""

from __future__ import annotations

from typing import Any

from tune_es.checks import check_count, check_number, nearest


def check_policy(policy: Any) -> None:
    """Refuse a :class:`tune_es.Policy` that could not work in a sweep.

    Raises:
        ValueError: Who, rule, value and the nearest valid choice.
    """
    _check_metrics(policy)
    _check_numbers(policy)
    _check_price(policy)
    policy.criterion.init()  # a rule that no policy can begin says so


def _check_metrics(policy: Any) -> None:
    named = sorted(policy.criterion.metric_names, key=str)
    for name in (policy.metric, *policy.other_metrics, *named):
        if not isinstance(name, str) or not name:
            raise ValueError(f"Policy metrics are named by strings, got {name!r}")
    if policy.metric in policy.other_metrics:
        raise ValueError(f"Policy.other_metrics repeats the primary metric {policy.metric!r}")
    known = policy.metrics  # building them checks the modes
    if policy.ties is not None:
        _check_ties(policy)
    for name in named:
        if name not in known:
            raise ValueError(
                f"Policy.stop judges {name!r}, which is neither Policy.metric nor in "
                f"Policy.other_metrics; {nearest(name, known)}"
            )


def _check_ties(policy: Any) -> None:
    if policy.promotion is None:
        raise ValueError("Policy.ties is for Policy.promotion, which is not given")
    for name in policy.ties.by:
        if name not in policy.other_metrics:
            raise ValueError(
                f"Policy.ties is broken by {name!r}, which is not in Policy.other_metrics; "
                f"{nearest(name, policy.other_metrics)}"
            )


def _check_price(policy: Any) -> None:
    if policy.budget_price is None:
        return
    check_number("Policy", "budget_price", policy.budget_price, least=0)
    if policy.max_t is None:
        raise ValueError(f"Policy.max_t is needed by budget_price={policy.budget_price!r}")


def _check_numbers(policy: Any) -> None:
    for name, above in (("max_t", 0), ("price_per_hour", 0), ("explosion_factor", 1)):
        if getattr(policy, name) is not None:
            check_number("Policy", name, getattr(policy, name), above=above)
    if policy.nonfinite_patience is not None:
        check_count("Policy", "nonfinite_patience", policy.nonfinite_patience, least=0)
    for step in policy.milestones:
        check_number("Policy", "not_before", step, least=0)
    for name, key in (("time_attr", policy.time_attr), ("cost_attr", policy.cost_attr)):
        if not (isinstance(key, str) and key) and (name, key) != ("cost_attr", None):
            raise ValueError(f"Policy.{name} must be a result key, got {key!r}")
    priced = policy.cost_attr is not None or policy.price_per_hour is not None
    if not priced and any(getattr(each, "cost", None) for each in policy.criterion.walk()):
        raise ValueError("Policy.cost_attr or price_per_hour is needed by Budget.cost")
    if policy.criterion.needs_max_t and policy.max_t is None:
        raise ValueError(
            f"Policy.max_t is needed by {policy.criterion.label}: give the {policy.time_attr} of a "
            "full run, or a rule that counts evaluations such as Patience(10)"
        )
    if policy.promotion is not None and policy.max_t is None:
        raise ValueError(
            f"Policy.max_t is needed by {type(policy.promotion).__name__}: give the "
            f"{policy.time_attr} of a full run"
        )
