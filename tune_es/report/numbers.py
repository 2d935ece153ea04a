"""What the curves of a sweep say: which metrics there are, and ranges worth drawing."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tune_es.monitoring.experiment import Experiment, TrialRecord

Floats = NDArray[np.float64]

#: Positive values whose middle nine tenths span more than this are shown on a logarithmic axis.
LOG_FROM = 30.0


def shown_metrics(experiment: Experiment) -> list[str]:
    """Every metric that has a number: the objective, those of the policy, then by name."""
    reported = {
        name
        for trial in experiment.trials
        for name, values in trial.values.items()
        if name != experiment.time_attr and _has_number(values)
    }
    reported.add(experiment.metric)
    named = [experiment.metric, *(experiment.policy.metrics if experiment.policy else ())]
    first = [name for name in dict.fromkeys(named) if name in reported]
    return [*first, *sorted(reported - set(first))]


def _has_number(values: Iterable[float]) -> bool:
    return any(math.isfinite(value) for value in values)


def mode_of(experiment: Experiment, metric: str) -> str | None:
    """``"min"``, ``"max"``, or None where nobody said which way is better."""
    if metric == experiment.metric:
        return experiment.mode
    known = experiment.policy.metrics if experiment.policy is not None else {}
    return known[metric].mode if metric in known else None


def column(trial: TrialRecord, metric: str) -> Floats:
    """A metric of a trial, as long as its steps; NaN where it was not reported."""
    values = np.full(len(trial.steps), math.nan)
    given = np.asarray(trial.values.get(metric, ()), dtype=float)[: len(values)]
    values[: len(given)] = given
    return values


@dataclass(frozen=True)
class Window:
    """The range of values that is drawn, and how."""

    low: float
    high: float
    is_log: bool = False

    def clipped(self, values: Floats) -> Floats:
        """Values that a canvas can draw: far outside stays outside, NaN stays NaN."""
        if self.is_log:
            return np.clip(values, self.low / 1e3, self.high * 1e3)
        reach = 10 * (self.high - self.low)
        return np.clip(values, self.low - reach, self.high + reach)

    def inside(self, values: Floats) -> Floats:
        """The same, held just within the edge where they are outside."""
        if self.is_log:
            return np.clip(values, self.low * 1.05, self.high / 1.05)
        inset = 0.015 * (self.high - self.low)
        return np.clip(values, self.low + inset, self.high - inset)

    def cuts(self, values: Floats) -> bool:
        """True where some of the numbers are outside."""
        return bool(((values < self.low) | (values > self.high)).any())


def spans_decades(values: Floats) -> bool:
    """True for finite numbers that a logarithmic axis shows better.

    Some are many times others, and most are near the small ones: numbers that were drawn evenly
    from a range stay on a linear axis, however small the smallest is.

    >>> spans_decades(np.array([2e-5, 1e-4, 3e-4, 1e-3])), spans_decades(np.array([0.01, 0.2, 0.4]))
    (True, False)
    """
    if not len(values) or values.min() <= 0:
        return False
    return bool(values.max() >= 20 * values.min() and np.median(values) < 0.35 * values.max())


def window(values: Floats, always: Sequence[float] = ()) -> Window:
    """The range that shows nearly all of these values, and all that are always shown.

    Outliers, such as those of a loss that explodes, would flatten everything else: the range ends
    three times the distance of the quartiles beyond them.

    >>> window(np.array([1.0, 2.0, 3.0, 4.0])).high
    4.09
    >>> window(np.array([0.5, 0.6, 0.7, 0.8] * 10 + [1e9])).high < 2
    True
    """
    finite = values[np.isfinite(values)]
    keep = [value for value in always if math.isfinite(value)]
    if not len(finite):
        return Window(0.0, 1.0)
    low, high = float(finite.min()), float(finite.max())
    q05, q25, q75, q95 = (float(each) for each in np.quantile(finite, [0.05, 0.25, 0.75, 0.95]))
    if q05 > 0 and q95 / q05 > LOG_FROM:
        low, high = max(low, q05 / 1e3), min(high, q95 * 1e3)
        low, high = min([low, *keep]), max([high, *keep])
        if low > 0:
            return Window(low / 1.15, high * 1.15, is_log=True)
    elif q75 > q25:
        reach = 3 * (q75 - q25)
        low, high = max(low, q25 - reach), min(high, q75 + reach)
    low, high = max(min([low, *keep]), -1e30), min(max([high, *keep]), 1e30)
    pad = 0.03 * (high - low) or 0.05 * abs(high) or 1.0
    return Window(low - pad, high + pad)
