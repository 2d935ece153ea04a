"""What would have happened under other policies, on the steps that were recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tune_es.monitoring.experiment import Experiment, TrialRecord
from tune_es.params import params_of
from tune_es.policy import Policy
from tune_es.records import Cause, Decision
from tune_es.referee import Referee
from tune_es.replay.policies import FULL
from tune_es.signals.best import is_better

#: The policies that a trial is looked at under, besides its own.
OTHERS = ("safe", "balanced", "aggressive", "patience", FULL)

#: The order in which results were judged, where a trial reports it.
ORDER = "es/order"


@dataclass(frozen=True)
class Elsewhere:
    """What one policy would have done to a trial.

    Args:
        policy: Its name.
        step: Where it would have stopped the trial; None where it would not, as far as recorded.
        cause: The name of the cause; empty without a stop.
        best: The best value by then, in the user's sign; NaN where there was none.
        is_open: The record ends before the budget and without a stop: what came after is unknown.
    """

    policy: str
    step: float | None
    cause: str
    best: float
    is_open: bool


def elsewhere(experiment: Experiment, policies: Mapping[str, Policy]) -> dict[str, list[Elsewhere]]:
    """Every trial, by its id, under every policy.

    A policy that sees one curve is asked about each alone; one that compares trials judges the
    whole sweep in the order in which it was recorded.
    """
    found: dict[str, list[Elsewhere]] = {each.trial_id: [] for each in experiment.trials}
    for name, policy in policies.items():
        decisions = _decisions(experiment, policy)
        for trial in experiment.trials:
            said = _said(experiment, trial, name, decisions.get(trial.trial_id))
            found[trial.trial_id].append(said)
    return found


def policy_of(experiment: Experiment, trial: TrialRecord) -> Policy | None:
    """What judged a trial: the policy of the sweep with the trial's own stopping parameters."""
    if experiment.policy is None:
        return None
    try:
        params = params_of(trial.config)
        return experiment.policy.with_params(params) if params else experiment.policy
    except ValueError:  # parameters that the sweep refused, too
        return experiment.policy


def other_policy(experiment: Experiment, stop: str) -> Policy:
    """The policy of a sweep with another rule: it keeps budget, guards and ``not_before``."""
    rule = "none" if stop == FULL else stop
    if experiment.policy is None:
        metric, mode, max_t = experiment.metric, experiment.mode, experiment.max_t
        return Policy(metric, mode, stop=rule, max_t=max_t, time_attr=experiment.time_attr)
    own = replace(experiment.policy, promotion=None, ties=None)
    return replace(own, stop=rule, max_t=own.max_t or experiment.max_t)


def _decisions(experiment: Experiment, policy: Policy) -> dict[str, Decision]:
    if not policy.uses_peers:
        found = {
            trial.trial_id: policy.first_stop(row for _, row in _rows(experiment, trial, policy))
            for trial in experiment.trials
        }
        return {trial_id: each for trial_id, each in found.items() if each is not None}
    referee = Referee(policy, trials=len(experiment.trials))
    stopped: dict[str, Decision] = {}
    for trial_id, row in _in_order(experiment, policy):
        decision = referee.report(trial_id, row)
        if decision.stop:
            stopped.setdefault(trial_id, decision)
    return stopped


def _in_order(experiment: Experiment, policy: Policy) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Every result of the sweep as it was judged: by its number, by its time, or by its step."""
    rows = [
        (*key, trial.trial_id, row)
        for trial in experiment.trials
        for key, row in _rows(experiment, trial, policy)
    ]
    rows.sort(key=lambda each: each[:2])
    yield from ((trial_id, row) for _, _, trial_id, row in rows)


def _rows(
    experiment: Experiment, trial: TrialRecord, policy: Policy
) -> Iterator[tuple[tuple[float, float], dict[str, float]]]:
    """The results of a trial, each with what orders it among those of others.

    A record cannot tell NaN from absence: it is taken for NaN where the trial broke.
    """
    broke = trial.why is not None and trial.why.cause == Cause.BROKEN.name
    wanted = [name for name in policy.metrics if name in trial.values]
    order = trial.values.get(ORDER) or trial.times
    for at, step in enumerate(trial.steps):
        named = ((name, float(trial.values[name][at])) for name in wanted)
        row = {name: value for name, value in named if broke or not math.isnan(value)}
        when = float(order[at]) if at < len(order) else math.nan
        yield (step if math.isnan(when) else when, step), {**row, policy.time_attr: step}


def _said(
    experiment: Experiment, trial: TrialRecord, name: str, decision: Decision | None
) -> Elsewhere:
    values, last = trial.values.get(experiment.metric, ()), _last(trial.steps)
    sign = 1 if experiment.mode == "max" else -1
    cause = None if decision is None else decision.verdict.cause
    if decision is None or cause in (None, Cause.EXHAUSTED):
        open_ended = last is None or experiment.max_t is None or last < experiment.max_t
        return Elsewhere(name, None, "", best_of(values, sign), open_ended)
    seen = [
        value for step, value in zip(trial.steps, values, strict=False) if step <= decision.step
    ]
    return Elsewhere(name, decision.step, cause.name if cause else "", best_of(seen, sign), False)


def _last(steps: Sequence[float]) -> float | None:
    return steps[-1] if len(steps) else None


def best_of(values: Sequence[float], sign: int) -> float:
    """The best finite value, in the user's sign; NaN where there is none."""
    best: float | None = None
    for value in values:
        if is_better(sign * float(value), best):
            best = sign * float(value)
    return math.nan if best is None else sign * best
