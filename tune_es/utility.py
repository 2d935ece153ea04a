"""Quality minus priced compute: what a searcher of stopping parameters has to be told."""

from __future__ import annotations


def utility(best: float, step: float, *, sign: int, max_t: float, price: float) -> float:
    """What a trial is worth: its best value, less the price of the share of the budget it used.

    Higher is better whatever the metric's mode is. Without a price no stopping parameter can be
    tuned: the longest training has the best value, so the best patience is the largest.

    Args:
        best: The best value so far, in the metric's own sign; NaN gives NaN.
        step: How far the trial is, in the units of ``max_t``.
        sign: 1 where the metric is maximised, -1 where it is minimised.
        max_t: The budget of a trial.
        price: What the whole budget of a trial is worth, in units of the metric.

    >>> utility(0.9, 10, sign=1, max_t=20, price=0.02)
    0.89
    >>> utility(0.5, 20, sign=-1, max_t=20, price=0.02)
    -0.52
    """
    return sign * best - price * step / max_t
