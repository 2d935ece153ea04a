"""What a sweep has spent, and what stopping has saved of it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from tune_es.monitoring.experiment import Experiment, Status, TrialRecord


@dataclass(frozen=True)
class Savings:
    """Steps, seconds of workers and money that were used, and that were not.

    Money is NaN where no price is known, and seconds are where no result says its own.
    """

    steps_run: float
    steps_saved: float
    seconds_run: float
    seconds_saved: float
    money_run: float = math.nan
    money_saved: float = math.nan

    @property
    def share_saved(self) -> float:
        """The share of the steps of full training that was not run; NaN where nothing was."""
        full = self.steps_run + self.steps_saved
        return self.steps_saved / full if full else math.nan


def savings_of(experiment: Experiment, price_per_hour: float | None = None) -> Savings:
    """What the trials have run, and what those that were stopped would have run besides.

    A stopped trial, and one that is still paused when the sweep is over, has saved what lacks to
    ``max_t``, at the median of its own seconds a step. Steps that were run again after a crash
    count once. A trial that runs, ended by itself or failed has saved nothing.

    Args:
        experiment: The sweep.
        price_per_hour: Money for an hour of a worker; the policy's where it is not given.
    """
    if price_per_hour is None and experiment.policy is not None:
        price_per_hour = experiment.policy.price_per_hour
    run = [each for each in experiment.trials if len(each.steps)]
    let_go = [each for each in run if _is_let_go(each, experiment)]
    budget = experiment.max_t
    lacks = {} if budget is None else {each.trial_id: _lacks(each, budget) for each in let_go}
    seconds_run = _known(math.fsum(_finite(each.seconds)) for each in run if _paces(each))
    paced = [lacks[each.trial_id] * _pace(each) for each in let_go if each.trial_id in lacks]
    seconds_saved = 0.0 if not paced else _known(each for each in paced if math.isfinite(each))
    rate = math.nan if price_per_hour is None else price_per_hour / 3600
    return Savings(
        math.fsum(each.steps[-1] for each in run),
        math.fsum(lacks.values()),
        seconds_run,
        seconds_saved,
        seconds_run * rate,
        seconds_saved * rate,
    )


def _is_let_go(trial: TrialRecord, experiment: Experiment) -> bool:
    is_left_paused = experiment.is_over and trial.status is Status.PAUSED
    return trial.status is Status.STOPPED or is_left_paused


def _lacks(trial: TrialRecord, max_t: float) -> float:
    return max(0.0, max_t - trial.steps[-1])


def _pace(trial: TrialRecord) -> float:
    """Seconds a step; NaN where unknown."""
    paces = _paces(trial)
    return median(paces) if paces else math.nan


def _paces(trial: TrialRecord) -> list[float]:
    """Of every result that says its seconds, how many a step took."""
    before = (0.0, *trial.steps)
    return [
        seconds / (step - last)
        for last, step, seconds in zip(before, trial.steps, trial.seconds, strict=False)
        if math.isfinite(seconds) and step > last
    ]


def _finite(values: Iterable[float]) -> Iterable[float]:
    return (each for each in values if math.isfinite(each))


def _known(values: Iterable[float]) -> float:
    """The sum; NaN of nothing."""
    found = [*values]
    return math.fsum(found) if found else math.nan
