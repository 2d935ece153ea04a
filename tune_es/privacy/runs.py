"""How often to train, where only the best of many runs is shown."""

from __future__ import annotations

import math
import secrets

from tune_es.checks import check_number


def draw_runs(mean: float) -> int:
    """A number of runs from the logarithmic distribution with this mean, by secure chance.

    A sweep of so many runs of which only the best is shown costs little more than one run
    (N. Papernot and T. Steinke, "Hyperparameter Tuning with Renyi Differential Privacy", 2021):
    :attr:`Account.best_alone`. The number itself is secret, and is drawn once: to draw again
    because it is small would undo it. It is 1 more often than anything else.

    >>> draw_runs(30) >= 1
    True
    """
    check_number("draw_runs", "mean", mean, above=1, most=1e6)
    stays = 1 - _gamma(mean)
    drawn = secrets.SystemRandom().random() * -math.log1p(-stays)
    runs, term = 1, stays
    while drawn > term / runs:
        drawn -= term / runs
        runs += 1
        term *= stays
    return runs


def _gamma(mean: float) -> float:
    """The parameter of the distribution: where ``(1 / gamma - 1) / log(1 / gamma)`` is the mean."""
    low, high = -40.0, -1e-9  # of its logarithm
    for _ in range(100):
        middle = (low + high) / 2
        is_less = math.expm1(-middle) / -middle < mean
        low, high = (low, middle) if is_less else (middle, high)
    return math.exp(high)
