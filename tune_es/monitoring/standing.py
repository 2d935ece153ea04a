"""Who leads a sweep, and how many trials stand where."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from tune_es.monitoring.experiment import Experiment, Status, TrialRecord
from tune_es.records import Metric


class Best(NamedTuple):
    """The best value of a metric that a trial has had, in the user's own sign."""

    trial: TrialRecord
    step: float
    value: float


def best_of(trial: TrialRecord, metric: str, mode: str) -> Best | None:
    """The first of a trial's best finite values; None where it has none."""
    sign = Metric(metric, mode).sign
    values = trial.values.get(metric, ())
    rated = [
        (sign * value, -at) for at, value in enumerate(values) if math.isfinite(value)
    ]  # of equal values the earlier one
    if not rated:
        return None
    at = -max(rated)[1]
    return Best(trial, trial.steps[at], values[at])


def leader(experiment: Experiment) -> Best | None:
    """The trial with the best value of the sweep's metric; None where no trial has any."""
    sign = Metric(experiment.metric, experiment.mode).sign
    found = (best_of(each, experiment.metric, experiment.mode) for each in experiment.trials)
    return max(
        (each for each in found if each is not None),
        key=lambda each: sign * each.value,
        default=None,
    )


def standings(experiment: Experiment) -> Mapping[Status, int]:
    """How many trials stand where, those that are still to come among the pending ones."""
    counts = Counter(each.status for each in experiment.trials)
    to_come = (experiment.planned or 0) - len(experiment.trials)
    counts[Status.PENDING] += max(0, to_come) * (not experiment.is_over)
    return {status: counts[status] for status in Status if counts[status]}


def causes(experiment: Experiment) -> Mapping[str, int]:
    """Why trials were stopped before their budget ended, the most frequent cause first.

    ``"another rule"`` are those that something else in the sweep has stopped.
    """
    stopped = [each for each in experiment.trials if each.status is Status.STOPPED]
    names = Counter("another rule" if each.why is None else each.why.cause for each in stopped)
    return dict(names.most_common())
