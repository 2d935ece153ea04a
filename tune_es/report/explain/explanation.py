"""Why each trial of a sweep ended, with what speaks for it: records, for words and for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from tune_es.cohort import Cohort
from tune_es.monitoring import (
    Experiment,
    Savings,
    Status,
    TrialRecord,
    Why,
    best_of,
    savings_of,
)
from tune_es.policy import Policy
from tune_es.report.explain.calibration import Calibration
from tune_es.report.explain.confidence import Confidence, confidence_of
from tune_es.report.explain.elsewhere import (
    Elsewhere,
    Others,
    other_policies,
    policy_of,
)
from tune_es.report.explain.evidence import in_words
from tune_es.report.explain.trend import Gap, Trend, gap_of, train_metric_of, trend_of


@dataclass(frozen=True)
class Standing:
    """How a trial stood at a step: by best values so far, among the trials that came to it.

    ``rank`` is 1 for the best; ``leader`` is the best of all there, in the user's sign.
    """

    step: float
    rank: int
    trials: int
    leader: float


@dataclass(frozen=True)
class Explanation:
    """What is known of why a trial is where it is.

    Args:
        number: Its number in the sweep, from 1.
        trial_id: Ray's id of it.
        name: What Ray calls it.
        status: Where it stands.
        step: Its last step; None where it reported none.
        max_t: Its budget; None where unknown.
        best: Its best value, in the user's sign; NaN where there is none.
        best_step: Where that was.
        why: The reason of the stop; None where there was no stop, or nobody says why.
        evidence: The same in words; empty without a reason.
        trend: Of the metric, at the end of what was recorded.
        gap: Between training and validation.
        standing: Among the others, at the last step.
        saved: By the stop; None where it ran on.
        confidence: How often such stops are right, or why that is not known; None where nothing
            was judged.
        elsewhere: What other policies would have done.
        patience_left: Evaluations until it is stopped should nothing improve, while it runs.
        error: What it died of.
    """

    number: int
    trial_id: str
    name: str
    status: Status
    step: float | None
    max_t: float | None
    best: float
    best_step: float | None
    why: Why | None
    evidence: str
    trend: Trend | None
    gap: Gap | None
    standing: Standing | None
    saved: Savings | None
    confidence: Confidence | None
    elsewhere: Sequence[Elsewhere]
    patience_left: float | None
    error: str


class Explainer:
    """Explains the trials of one sweep.

    Args:
        experiment: The sweep.
        measured: Counts of the sweep's own policy on full curves; the shipped ones are asked where
            it has too few, and where it is None.
        policies: What the trials are looked at under; the presets where it is None.
        price_per_hour: Money for an hour of a worker; the policy's where it is not given.
    """

    def __init__(
        self,
        experiment: Experiment,
        measured: Calibration | None = None,
        policies: Mapping[str, Policy] | None = None,
        price_per_hour: float | None = None,
    ) -> None:
        self.experiment = experiment
        self._measured, self._price_per_hour = measured, price_per_hour
        named = other_policies(experiment) if policies is None else policies
        self._others = Others(experiment, named)
        self._sign = 1 if experiment.mode == "max" else -1

    @cached_property
    def _cohort(self) -> Cohort:
        cohort = Cohort()
        for trial in self.experiment.trials:
            for step, value in zip(trial.steps, self._values(trial), strict=False):
                cohort.record(trial.trial_id, step, self._sign * value)
        return cohort

    def _values(self, trial: TrialRecord) -> Sequence[float]:
        return trial.values.get(self.experiment.metric, ())

    def all(self, with_others: bool = False) -> list[Explanation]:
        """Every trial, in the order in which they joined; other policies only where asked for."""
        numbers = range(1, len(self.experiment.trials) + 1)
        return [self.explain(number, with_others) for number in numbers]

    def explain(self, number: int, with_others: bool = True) -> Explanation:
        """One trial, by its number in the sweep, from 1."""
        trial = self.experiment.trials[number - 1]
        values = self._values(trial)
        policy = policy_of(self.experiment, trial)
        budget = self.experiment.max_t if policy is None else policy.max_t or self.experiment.max_t
        best = best_of(trial, self.experiment.metric, self.experiment.mode)
        step = trial.steps[-1] if len(trial.steps) else None
        return Explanation(
            number=number,
            trial_id=trial.trial_id,
            name=trial.name,
            status=trial.status,
            step=step,
            max_t=budget,
            best=math.nan if best is None else best.value,
            best_step=None if best is None else best.step,
            why=trial.why,
            evidence="" if trial.why is None else in_words(trial.why),
            trend=trend_of(values, self._sign),
            gap=self._gap(trial, policy),
            standing=self._standing(trial),
            saved=self._saved(trial),
            confidence=confidence_of(trial, policy, budget, self._measured),
            elsewhere=self._others.of(trial) if with_others else (),
            patience_left=trial.patience_left,
            error=trial.error,
        )

    def _gap(self, trial: TrialRecord, policy: Policy | None) -> Gap | None:
        metric = self.experiment.metric
        train = train_metric_of(metric, list(trial.values), policy)
        return gap_of(trial.values, metric, self._sign, train)

    def _standing(self, trial: TrialRecord) -> Standing | None:
        """At its last step with a finite value."""
        paired = zip(trial.steps, self._values(trial), strict=False)
        finite = [step for step, value in paired if math.isfinite(value)]
        own = self._cohort.score(trial.trial_id, finite[-1]) if finite else None
        if own is None:
            return None
        step, peers = finite[-1], self._cohort.peers(trial.trial_id)
        rank, trials = peers.rank(step, own) + 1, peers.count(step) + 1
        return Standing(step, rank, trials, self._sign * self._cohort.row(step)[-1])

    def _saved(self, trial: TrialRecord) -> Savings | None:
        given_up = trial.status is Status.PAUSED and self.experiment.is_over
        if trial.status is not Status.STOPPED and not given_up:
            return None
        return savings_of(replace(self.experiment, trials=[trial]), self._price_per_hour)
