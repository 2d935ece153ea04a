"""The beta distribution, as far as an interval for a share needs it; the core has no scipy."""

from __future__ import annotations

import math

#: Tails that are tried for the shortest interval.
TRIED = 10


def shortest(mean: float, worth: float, inside: float = 0.9) -> tuple[float, float]:
    """The shortest interval that holds this much of a beta distribution.

    Args:
        mean: Its mean.
        worth: Of how many tries it says as much; above 0.
        inside: The probability within.

    Where most of the distribution is at 1 the interval ends there, and begins at the lower tail.

    >>> [round(end, 3) for end in shortest(0.95, 20)], [round(end, 2) for end in shortest(0.5, 20)]
    ([0.886, 1.0], [0.32, 0.68])
    """
    a, b = mean * worth, (1 - mean) * worth
    outside = 1 - inside
    lows = [outside * at / TRIED for at in range(TRIED + 1)]
    ends = [(quantile(low, a, b), quantile(low + inside, a, b)) for low in lows]
    return min(ends, key=lambda each: each[1] - each[0])


def quantile(probability: float, a: float, b: float) -> float:
    """The value below which a share drawn from Beta(a, b) lies with this probability."""
    if probability <= 0 or probability >= 1:
        return float(probability >= 1)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        if cumulative(middle, a, b) < probability:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def cumulative(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function.

    >>> round(cumulative(0.25, 2, 3), 6)
    0.261719
    """
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - cumulative(1 - x, b, a)
    logarithm = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(logarithm + a * math.log(x) + b * math.log1p(-x)) / a
    return front * _fraction(x, a, b)


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    tiny, value, c = 1e-300, 1.0, 1.0
    d = 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    value = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 + term * d, 1 + term / c
            d = 1 / (d if abs(d) > tiny else tiny)
            c = c if abs(c) > tiny else tiny
            value *= d * c
        if abs(d * c - 1) < 1e-12:
            break
    return value
