"""What a private stop can see, and the one metric besides accuracy that it may look at."""

from __future__ import annotations

import math
from collections.abc import Iterable

from tune_es.checks import check_count, check_number


def told_apart(epsilon: float, checks: int, sensitivity: float, confidence: float = 0.95) -> float:
    """How far from its threshold a metric has to be for every answer to be right.

    With this confidence a private stop says no to all of up to ``checks`` questions while the
    metric is this far below the threshold, and yes at the first at which it is this far above
    (C. Dwork and A. Roth, "The Algorithmic Foundations of Differential Privacy", theorem 3.24).
    In between it may say either.

    Args:
        epsilon: What the stop may cost.
        checks: How many questions are asked at most.
        sensitivity: What one example can change the metric by: ``Private(...).sensitivity``.
        confidence: How sure that is.

    >>> round(told_apart(1, 50, 1 / 500), 3), round(told_apart(1, 50, 1 / 10_000), 4)
    (0.122, 0.0061)
    """
    check_number("told_apart", "epsilon", epsilon, above=0)
    check_count("told_apart", "checks", checks)
    check_number("told_apart", "sensitivity", sensitivity, above=0)
    check_number("told_apart", "confidence", confidence, least=0, most=1 - 1e-12)
    return 8 * sensitivity * (math.log(checks) + math.log(2 / (1 - confidence))) / epsilon


def clipped_mean(numbers: Iterable[float], bounds: tuple[float, float]) -> float:
    """The mean of one number per example, each clipped: a metric that ``Private`` may judge.

    It is summed without rounding, in double precision; NaN counts as the upper bound.

    >>> clipped_mean([0.2, 0.4, 97.0, float("nan")], bounds=(0, 5))
    2.65
    """
    low, high = bounds
    clipped = [high if math.isnan(each) else min(max(each, low), high) for each in numbers]
    return math.fsum(clipped) / len(clipped) if clipped else math.nan
