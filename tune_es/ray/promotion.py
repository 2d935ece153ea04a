"""The scheduler that pauses trials at rungs and goes on with those that can still win."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tune_es.policy import Policy
from tune_es.promotion import AdaptiveQuota, PromotionRule
from tune_es.ray.scheduler import EarlyStoppingScheduler


class PromotionScheduler(EarlyStoppingScheduler):
    """Pauses trials at rungs, with a checkpoint, and lets the best go on; the others are ended.

    By default how many go on is read off the sweep itself (:class:`tune_es.AdaptiveQuota`).
    A trial has to report a checkpoint with every result, as in ``tune.report(metrics,
    checkpoint=...)``; one that saved earlier goes on to its next checkpoint before it pauses, and
    where trials save none the rule stops instead of pausing, and a warning says so. Where a time
    budget ends the sweep, paused trials end with it and keep their last checkpoint. All trials run
    to a rung before it is judged, so a limit on trials at a time, which counts paused ones, costs
    quality: leave ``max_concurrent_trials`` out.

    Args:
        policy: A ready policy; its ``promotion`` counts where it has one.
        max_regret: What may be lost, as a share of what the best trial gains over the median one;
            0.01 where nothing is given.
        c: The factor of all quotas itself, instead of ``max_regret``.
        rule: Another rule: :class:`tune_es.RungTable`, :class:`tune_es.AsyncHalving` or a name or
            plain data as in a policy's YAML.
        trials: How many trials will come; read off the searcher where not given.
        stop: A stopping rule on top, for each trial by itself; none by default.
        policy_fields: Further fields of :class:`tune_es.Policy`. ``metric`` and ``mode`` may come
            from ``TuneConfig``, ``max_t`` from ``RunConfig(stop={time_attr: n})``.

    Raises:
        ValueError: As :class:`EarlyStoppingScheduler`; a rule together with what sets another one.

    >>> scheduler = PromotionScheduler(metric="eval_loss", mode="min", max_t=81)
    >>> from tune_es import RungTable
    >>> scheduler = PromotionScheduler(rule=RungTable({4: 33, 12: 11, 36: 4}), max_t=81)
    """

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        max_regret: float | None = None,
        c: float | None = None,
        rule: PromotionRule | str | Mapping[str, Any] | None = None,
        trials: int | None = None,
        **policy_fields: Any,
    ) -> None:
        given = {"max_regret": max_regret, "c": c}
        named = [name for name, value in given.items() if value is not None]
        if rule is None and "promotion" in policy_fields:
            rule = policy_fields.pop("promotion")
        if policy is not None and policy.promotion is not None:
            named += [] if rule is None else ["rule"]
            rule = policy.promotion_rule
        if named and rule is not None:
            raise ValueError(
                f"PromotionScheduler takes one rule; leave out {', '.join(named)}, got {rule!r}"
            )
        if rule is None:
            rule = AdaptiveQuota(0.01 if max_regret is None else max_regret, c)
        if policy is not None:
            super().__init__(replace(policy, promotion=rule), trials, **policy_fields)
        else:
            super().__init__(trials=trials, **{"stop": "none", **policy_fields, "promotion": rule})
