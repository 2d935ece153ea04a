"""Where a curve was going, and how far training had run ahead of validation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tune_es.policy import Policy
from tune_es.signals import Regression, generalisation_gap
from tune_es.signals.best import is_better

#: The recent window: this share of the evaluations, and at least so many.
RECENT, SHORTEST = 1 / 3, 5

#: What validation metrics are called, for finding the training counterpart.
VALIDATION = ("validation", "valid", "eval", "val", "test", "dev")


@dataclass(frozen=True)
class Trend:
    """The recent slope of the metric.

    Args:
        slope: Of the least-squares line, per evaluation, in the user's sign.
        error: Its standard error; infinite where it is not known.
        window: Over how many evaluations.
        word: ``"improving"``, ``"worsening"``, or ``"flat"`` where the slope does not stand out of
            the noise (95 %).
    """

    slope: float
    error: float
    window: int
    word: str


def trend_of(values: Sequence[float], sign: int) -> Trend | None:
    """The trend at the end of a curve; None below three finite values.

    >>> trend_of([0.9, 0.8, 0.7, 0.6, 0.5], sign=-1).word, trend_of([0.5] * 9, sign=1).word
    ('improving', 'flat')
    """
    window = min(len(values), max(SHORTEST, math.ceil(RECENT * len(values))))
    recent, sums = values[len(values) - window :], Regression()
    for value in recent:
        sums = sums.append(float(value))
    line = sums.line(0)
    if line is None:
        return None
    finite = sum(math.isfinite(value) for value in recent)
    clear = abs(line.slope) > _student(finite - 2) * line.error
    word = ("improving" if sign * line.slope > 0 else "worsening") if clear else "flat"
    return Trend(line.slope, line.error, window, word)


def _student(freedom: int) -> float:
    """About the 97.5 % quantile of Student's t, within 6 % from two degrees of freedom on."""
    return 1.96 + 2.5 / freedom + 3.5 / freedom**2


@dataclass(frozen=True)
class Gap:
    """How far training is ahead of validation: positive where it looks better, as overfitting does.

    Args:
        train_metric: What it was compared with.
        now: At the last evaluation that has both.
        at_best: At the best evaluation that has both.
        train: The training value at the last evaluation, in the user's sign.
        value: The validation value there.
    """

    train_metric: str
    now: float
    at_best: float
    train: float
    value: float

    @property
    def widened(self) -> float:
        """By how much it is wider than at the best evaluation."""
        return self.now - self.at_best


def gap_of(
    values: Mapping[str, Sequence[float]], metric: str, sign: int, train_metric: str | None
) -> Gap | None:
    """The gap of a trial; None where no training counterpart was reported beside the metric.

    >>> curves = {"val": [1.0, 0.5, 0.75], "train": [1.0, 0.25, 0.125]}
    >>> gap = gap_of(curves, "val", -1, "train")
    >>> gap.at_best, gap.now, gap.widened
    (0.25, 0.625, 0.375)
    """
    if train_metric is None:
        return None
    pairs = [
        (float(value), float(train))
        for value, train in zip(values.get(metric, ()), values.get(train_metric, ()), strict=False)
        if math.isfinite(value) and math.isfinite(train)
    ]
    best: float | None = None
    at_best = math.nan
    for value, train in pairs:
        if is_better(sign * value, best):
            best, at_best = sign * value, generalisation_gap(sign * train, sign * value)
    if not pairs:
        return None
    value, train = pairs[-1]
    return Gap(train_metric, generalisation_gap(sign * train, sign * value), at_best, train, value)


def train_metric_of(metric: str, known: Sequence[str], policy: Policy | None) -> str | None:
    """The training counterpart of a metric: the one that a rule names, or one of such a name.

    >>> train_metric_of("eval_loss", ["eval_loss", "train_loss"], None)
    'train_loss'
    >>> train_metric_of("val/loss", ["val/loss", "train/loss"], None)
    'train/loss'
    """
    rules = policy.criterion.walk() if policy is not None else ()
    named = [getattr(rule, "train_metric", None) for rule in rules]
    names = [name for name in named if name is not None]
    if policy is not None:  # a loss beside an accuracy is no gap
        names = [name for name in names if policy.other_metrics.get(name) == policy.mode]
    for mark in ("_", "/"):
        first, found, rest = metric.partition(mark)
        bare = rest if found and first in VALIDATION else metric
        names += [f"{word}{mark}{bare}" for word in ("train", "training")]
    return next((name for name in names if name in known and name != metric), None)
