"""Does a mechanism keep what it claims? A lower bound of its epsilon from many runs of it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from tune_es.checks import check_count, check_number
from tune_es.criteria.private import Private
from tune_es.privacy.stop import PrivateStop

Outcomes = Sequence[Hashable]


@dataclass(frozen=True)
class Audit:
    """What many runs on two neighbouring data sets have shown.

    Args:
        epsilon: What the mechanism claims.
        lower: What it costs at least, with this confidence.
        runs: How often it was run on each of the two.
        confidence: How sure the bound is.
    """

    epsilon: float
    lower: float
    runs: int
    confidence: float

    @property
    def accepted(self) -> bool:
        """True where these runs do not contradict the claim; other neighbours still may."""
        return self.lower <= self.epsilon


def audit(
    mechanism: Callable[[Any], Hashable],
    data: Any,
    neighbour: Any,
    *,
    epsilon: float,
    runs: int = 4000,
    delta: float = 0.0,
    confidence: float = 0.99,
) -> Audit:
    """Run a mechanism many times on two neighbouring data sets, and bound its epsilon from below.

    Choose neighbours on which it could fail: numbers at the threshold, and changes by the whole
    sensitivity. A mechanism that is accepted has not been proven right.

    Args:
        mechanism: Maps data to what is released, with fresh noise in every call. Outcomes should
            be few: put numbers into bins.
        data: What it is run on.
        neighbour: The same with one example changed.
        epsilon: What it claims.
        runs: How often it is run on each.
        delta: With which probability the claim may fail.
        confidence: How sure a rejection is to be.

    >>> audit(lambda value: value, 0, 1, epsilon=1.0, runs=100).accepted  # all is released
    False
    """
    check_number("audit", "epsilon", epsilon, least=0)
    check_count("audit", "runs", runs, least=2)
    first = [mechanism(data) for _ in range(runs)]
    second = [mechanism(neighbour) for _ in range(runs)]
    return Audit(epsilon, lower_bound(first, second, delta, confidence), runs, confidence)


def first_yes(rule: Private, values: Sequence[float], mode: str = "max") -> int | None:
    """At which of these values a private stop says yes, with fresh noise: a mechanism to audit.

    >>> from tune_es import Private
    >>> first_yes(Private(epsilon=10, n_val=1000, target=0.5), [0.1, 0.9])
    1
    """
    stop = PrivateStop(rule, mode)
    return next((at for at, value in enumerate(values) if stop.ask(value)), None)


def lower_bound(
    first: Outcomes, second: Outcomes, delta: float = 0.0, confidence: float = 0.99
) -> float:
    """What a mechanism costs at least, by its outcomes on two neighbouring data sets.

    The event that tells the two apart is chosen by one half of the outcomes, and its probabilities
    are bounded by the other half (Clopper and Pearson), in both directions.

    >>> lower_bound([0, 1] * 500, [1, 0] * 500)
    0.0
    """
    check_number("lower_bound", "delta", delta, least=0, most=1)
    check_number("lower_bound", "confidence", confidence, above=0, most=1 - 1e-12)
    miss = (1 - confidence) / 4  # two directions, two bounds
    ways = ((first, second), (second, first))
    return max(0.0, *(_one_way(often, seldom, delta, miss) for often, seldom in ways))


def _one_way(often: Outcomes, seldom: Outcomes, delta: float, miss: float) -> float:
    """``log((P - delta) / Q)`` of an event of which P is the probability in ``often``."""
    cuts = len(often) // 2, len(seldom) // 2
    event = _event(Counter(often[: cuts[0]]), Counter(seldom[: cuts[1]]), delta, miss)
    counts = [sum(each in event for each in rest) for rest in (often[cuts[0] :], seldom[cuts[1] :])]
    sizes = len(often) - cuts[0], len(seldom) - cuts[1]
    return _ratio(counts[0], sizes[0], counts[1], sizes[1], delta, miss)


def _event(
    often: Counter[Hashable], seldom: Counter[Hashable], delta: float, miss: float
) -> set[Hashable]:
    """The outcomes that are likelier in ``often``, as many of them as give the best bound."""
    ranked = sorted(often | seldom, key=lambda each: (seldom[each] + 1) / (often[each] + 1))
    sizes, counts = (often.total(), seldom.total()), (0, 0)
    best, kept = -math.inf, 0
    for number, each in enumerate(ranked, start=1):
        counts = counts[0] + often[each], counts[1] + seldom[each]
        ratio = _ratio(counts[0], sizes[0], counts[1], sizes[1], delta, miss)
        best, kept = (ratio, number) if ratio > best else (best, kept)
    return set(ranked[:kept])


def _ratio(hits: int, of: int, others: int, among: int, delta: float, miss: float) -> float:
    from scipy.stats import beta

    least = float(beta.ppf(miss, hits, of - hits + 1)) if hits else 0.0
    most = float(beta.ppf(1 - miss, others + 1, among - others)) if others < among else 1.0
    return math.log((least - delta) / most) if least > delta else -math.inf
