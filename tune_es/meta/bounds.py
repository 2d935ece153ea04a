"""Upper confidence bounds on how often something happens, for any number of trials."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from scipy.optimize import brentq
from scipy.stats import beta

from tune_es.checks import check_count, check_number


def clopper_pearson(events: int, of: int, confidence: float) -> float:
    """The exact one-sided upper bound on a probability, from events in independent tries.

    It lies below the probability at most once in ``1 / (1 - confidence)`` such experiments.
    C. Clopper and E. Pearson, "The use of confidence or fiducial limits", Biometrika 1934.

    Raises:
        ValueError: More events than tries, or a confidence that is not between 0 and 1.

    >>> round(clopper_pearson(0, 12, 0.9), 4), clopper_pearson(3, 3, 0.9)
    (0.1746, 1.0)
    """
    check_count("clopper_pearson", "events", events, least=0)
    check_count("clopper_pearson", "of", of, least=events)
    check_number("clopper_pearson", "confidence", confidence, above=0, most=1)
    if events == of:  # nothing seen included
        return 1.0
    return float(beta.ppf(confidence, events + 1, of - events))


def chernoff(shares: Sequence[float], confidence: float) -> float:
    """An upper bound on the mean of independent numbers between 0 and 1, here shares.

    Where all are 0 it is that of Clopper and Pearson, and wider where they are not: it holds for
    any distribution. W. Hoeffding, "Probability inequalities for sums of bounded random
    variables", JASA 1963, theorem 1.

    >>> round(chernoff([0.0] * 12, 0.9), 4), round(chernoff([0.0] * 11 + [0.6], 0.9), 3)
    (0.1746, 0.293)
    """
    check_number("chernoff", "confidence", confidence, above=0, most=1)
    mean = sum(shares) / len(shares) if shares else 1.0
    if mean >= 1 or confidence == 1:
        return 1.0
    limit = -math.log(1 - confidence) / len(shares)

    def over(probability: float) -> float:
        return _divergence(mean, probability) - limit

    top = 1 - 1e-12
    return float(brentq(over, mean, top)) if over(top) > 0 else 1.0


def _divergence(mean: float, probability: float) -> float:
    """Kullback and Leibler's, between two coins."""
    same = mean * math.log(mean / probability) if mean else 0.0
    return same + (1 - mean) * math.log((1 - mean) / (1 - probability))


def union(confidence: float, candidates: int) -> float:
    """The confidence at which each of several candidates is bounded, for all to hold together.

    >>> round(union(0.9, 5), 3)
    0.98
    """
    check_count("union", "candidates", candidates)
    return 1 - (1 - confidence) / candidates


def in_order(events: Iterable[int], of: int, confidence: float, most: float) -> list[int]:
    """Which of several candidates keep within ``most``, tested in an order fixed beforehand.

    The first is tested at the full confidence, and the next ones as long as each before passed:
    no correction is needed, but the order must not come from these tries. Safe ones come first.
    A. Angelopoulos et al., "Learn then Test", 2021, fixed sequence testing.

    >>> in_order([0, 1, 9, 0], of=60, confidence=0.9, most=0.1)
    [0, 1]
    """
    passed = list[int]()
    for at, seen in enumerate(events):
        if clopper_pearson(seen, of, confidence) > most:
            break
        passed.append(at)
    return passed
