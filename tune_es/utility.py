"""Quality minus priced compute: what a searcher of stopping parameters has to be told."""

from __future__ import annotations


def utility(quality: float, share: float, price: float) -> float:
    """What a trial is worth: its best value, less the price of the share of the budget it used.

    Higher is better whatever the metric's mode is. Without a price no stopping parameter can be
    tuned: the longest training has the best value, so the best patience is the largest.

    Args:
        quality: The best value so far, its sign turned where the metric is minimised; NaN gives
            NaN.
        share: How much of the budget of a trial was used.
        price: What the whole budget of a trial is worth, in units of the metric.

    >>> utility(0.9, 0.5, price=0.02), utility(-0.5, 1.0, price=0.02)
    (0.89, -0.52)
    """
    return quality - price * share
