"""Why each trial of a sweep ended, with what speaks for it: records, for words and for programs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from tune_es.cohort import Cohort
from tune_es.monitoring.experiment import Experiment, Status, TrialRecord
from tune_es.monitoring.why import Why
from tune_es.policy import Policy
from tune_es.report.explain.calibration import Calibration
from tune_es.report.explain.confidence import Confidence, confidence_of
from tune_es.report.explain.elsewhere import (
    OTHERS,
    Elsewhere,
    best_of,
    elsewhere,
    other_policy,
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
class Saved:
    """What a stop saved: steps, and seconds at the trial's own pace; NaN where unknown."""

    steps: float
    seconds: float


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
    saved: Saved | None
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
    """

    def __init__(
        self,
        experiment: Experiment,
        measured: Calibration | None = None,
        policies: Mapping[str, Policy] | None = None,
    ) -> None:
        self.experiment = experiment
        self._measured = measured
        named = {name: other_policy(experiment, name) for name in OTHERS}
        self._policies = named if policies is None else policies
        self._sign = 1 if experiment.mode == "max" else -1

    @cached_property
    def _cohort(self) -> Cohort:
        cohort = Cohort()
        for trial in self.experiment.trials:
            for step, value in zip(trial.steps, self._values(trial), strict=False):
                cohort.record(trial.trial_id, step, self._sign * value)
        return cohort

    @cached_property
    def _elsewhere(self) -> Mapping[str, Sequence[Elsewhere]]:
        return elsewhere(self.experiment, self._policies)

    def _values(self, trial: TrialRecord) -> Sequence[float]:
        return trial.values.get(self.experiment.metric, ())

    def all(self) -> list[Explanation]:
        """Every trial, in the order in which they joined."""
        return [self.explain(number) for number in range(1, len(self.experiment.trials) + 1)]

    def explain(self, number: int) -> Explanation:
        """One trial, by its number in the sweep, from 1."""
        trial = self.experiment.trials[number - 1]
        values = self._values(trial)
        policy = policy_of(self.experiment, trial)
        budget = self.experiment.max_t if policy is None else policy.max_t or self.experiment.max_t
        best = best_of(values, self._sign)
        step = trial.steps[-1] if len(trial.steps) else None
        steps = zip(trial.steps, values, strict=False)
        return Explanation(
            number=number,
            trial_id=trial.trial_id,
            name=trial.name,
            status=trial.status,
            step=step,
            max_t=budget,
            best=best,
            best_step=next((at for at, value in steps if value == best), None),
            why=trial.why,
            evidence="" if trial.why is None else in_words(trial.why),
            trend=trend_of(values, self._sign),
            gap=self._gap(trial, policy),
            standing=self._standing(trial.trial_id, step, best),
            saved=self._saved(trial, step, budget),
            confidence=confidence_of(trial, policy, budget, self._measured),
            elsewhere=self._elsewhere[trial.trial_id],
            patience_left=trial.patience_left,
            error=trial.error,
        )

    def _gap(self, trial: TrialRecord, policy: Policy | None) -> Gap | None:
        metric = self.experiment.metric
        train = train_metric_of(metric, list(trial.values), policy)
        return gap_of(trial.values, metric, self._sign, train)

    def _standing(self, trial_id: str, step: float | None, best: float) -> Standing | None:
        if step is None or math.isnan(best) or self._cohort.score(trial_id, step) is None:
            return None
        peers, row = self._cohort.peers(trial_id), self._cohort.row(step)
        rank = peers.rank(step, self._sign * best) + 1
        return Standing(step, rank, peers.count(step) + 1, self._sign * row[-1])

    def _saved(self, trial: TrialRecord, step: float | None, budget: float | None) -> Saved | None:
        given_up = trial.status is Status.PAUSED and self.experiment.is_over
        if trial.status is not Status.STOPPED and not given_up:
            return None
        if step is None or budget is None:
            return Saved(math.nan, math.nan)
        left = max(0.0, budget - step)
        return Saved(left, left * _pace(trial))


def _pace(trial: TrialRecord) -> float:
    """The median seconds of a step."""
    known = sorted(second for second in trial.seconds if math.isfinite(second))
    if not known:
        return math.nan
    spacing = trial.steps[-1] / len(trial.steps)
    return known[len(known) // 2] / spacing if spacing > 0 else math.nan
