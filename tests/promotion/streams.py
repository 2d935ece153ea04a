"""Streams of made curves, and what a promotion rule does with them in a replay."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tests.promotion.oracle import Curve
from tune_es import Policy
from tune_es.promotion import PromotionRule
from tune_es.replay import Cluster, PolicyScheduler, replay, task_curves

#: What a stream may have: values on a grid, trials that break, trials that end early.
TIED, BROKEN, SHORT = "tied", "broken", "short"


def made_stream(seed: int, *traits: str) -> tuple[list[list[float]], int]:
    """Random curves that fall towards a value of their own, and their budget; lower is better."""
    random = np.random.default_rng(seed)
    count, budget = int(random.integers(1, 60)), int(random.integers(1, 60))
    noise = random.choice([0.0, 0.01, 0.2])
    curves = []
    for _ in range(count):
        steps = np.arange(budget)
        start, speed = random.gamma(1), random.uniform(0.5, 15)
        curve = random.normal() * random.choice([0.1, 1]) + start * np.exp(-steps / speed)
        curve = curve + noise * random.normal(size=budget)
        if TIED in traits:
            curve = np.round(curve * 8) / 8
        if BROKEN in traits and random.random() < 0.2:
            curve[int(random.integers(budget)) :] = math.nan
        short = SHORT in traits and random.random() < 0.3
        curves.append(curve[: int(random.integers(1, budget + 1)) if short else budget].tolist())
    return curves, budget


def policy_of(rule: PromotionRule, budget: float, mode: str = "min") -> Policy:
    """A policy that does nothing but promote."""
    return Policy(
        "value",
        mode,
        stop="none",
        max_t=budget,
        promotion=rule,
        nonfinite_patience=None,
        explosion_factor=None,
    )


def reached(
    rule: PromotionRule,
    curves: Sequence[Curve],
    budget: int,
    workers: int | Cluster = 1,
    mode: str = "min",
    trials: int | None = -1,
) -> list[int]:
    """How far every trial comes; the number of trials is known unless it is said otherwise."""
    known = len(curves) if trials == -1 else trials
    scheduler = PolicyScheduler(policy_of(rule, budget, mode), trials=known)
    stream = task_curves(curves, "value", mode, budget)
    cluster = workers if isinstance(workers, Cluster) else Cluster(workers)
    return [int(steps) for steps in replay(scheduler, stream, cluster).reached]
