"""What would have happened under other policies, on the steps that were recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tune_es.monitoring import Experiment, TrialRecord
from tune_es.params import params_of
from tune_es.policy import Policy
from tune_es.records import Cause, Decision
from tune_es.referee import Referee
from tune_es.replay.curves import Task
from tune_es.replay.policies import FULL, candidates

#: The policies that a trial is looked at under, besides its own.
OTHERS = ("safe", "balanced", "aggressive", "patience", FULL)


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


class Others:
    """A sweep under other policies.

    A policy that sees one curve is asked about each alone; one that compares trials judges the
    whole sweep in the order in which it was recorded.
    """

    def __init__(self, experiment: Experiment, policies: Mapping[str, Policy]) -> None:
        self._experiment, self._policies = experiment, policies
        self._swept: dict[str, Mapping[str, Decision]] = {}

    def of(self, trial: TrialRecord) -> list[Elsewhere]:
        """A trial under every policy."""
        return [
            _said(self._experiment, trial, name, policy, self._decision(trial, name, policy))
            for name, policy in self._policies.items()
        ]

    def _decision(self, trial: TrialRecord, name: str, policy: Policy) -> Decision | None:
        if not policy.uses_peers:
            return policy.first_stop(row for _, row in _rows(trial, policy))
        if name not in self._swept:
            self._swept[name] = _swept(self._experiment, policy)
        return self._swept[name].get(trial.trial_id)


def policy_of(experiment: Experiment, trial: TrialRecord) -> Policy | None:
    """What judged a trial: the policy of the sweep with the trial's own stopping parameters."""
    if experiment.policy is None:
        return None
    try:
        params = params_of(trial.config)
        return experiment.policy.with_params(params) if params else experiment.policy
    except ValueError:  # parameters that the sweep refused, too
        return experiment.policy


def other_policies(experiment: Experiment, names: Iterable[str] = OTHERS) -> dict[str, Policy]:
    """Policies by name, YAML file or YAML text, for the metric and the budget of a sweep.

    One that says no ``not_before`` takes that of the sweep, whose schedule it is.

    Raises:
        ValueError: No policy is called so, or it pauses trials.
    """
    longest = max((each.steps[-1] for each in experiment.trials if len(each.steps)), default=1.0)
    max_t, own = experiment.max_t or max(1.0, longest), experiment.policy
    task = Task("", experiment.name, experiment.metric, experiment.mode, max(1, int(max_t)))
    found = {}
    for each in candidates(names):
        policy = Policy(task.metric, task.mode, stop="none")
        if each.policy is not None:
            policy = each.policy(task)
        if policy.promotion is not None:
            raise ValueError(
                f"{each.name!r} pauses trials, and a record does not hold what they would have "
                "done after that: compare it with tune-es replay"
            )
        steps = policy.not_before
        if steps is None and own is not None:
            steps = own.not_before
        time_attr = experiment.time_attr
        found[each.name] = replace(policy, time_attr=time_attr, max_t=max_t, not_before=steps)
    return found


def _swept(experiment: Experiment, policy: Policy) -> Mapping[str, Decision]:
    """The first stop of every trial, all of them judged together."""
    referee = Referee(policy, trials=len(experiment.trials))
    stopped: dict[str, Decision] = {}
    for trial_id, row in _in_order(experiment, policy):
        decision = referee.report(trial_id, row)
        if decision.stop:
            stopped.setdefault(trial_id, decision)
    return stopped


def _in_order(experiment: Experiment, policy: Policy) -> Iterator[tuple[str, Mapping[str, float]]]:
    """Every result of the sweep in the order of its time, or of its step where no time is known."""
    rows = [
        (*key, trial.trial_id, row)
        for trial in experiment.trials
        for key, row in _rows(trial, policy)
    ]
    rows.sort(key=lambda each: each[:2])
    yield from ((trial_id, row) for _, _, trial_id, row in rows)


def _rows(
    trial: TrialRecord, policy: Policy
) -> Iterator[tuple[tuple[float, float], dict[str, float]]]:
    """The results of a trial, each with what orders it among those of others.

    A record cannot tell NaN from absence: it is taken for NaN where the trial broke.
    """
    broke = trial.why is not None and trial.why.cause == Cause.BROKEN.name
    wanted = [name for name in policy.metrics if name in trial.values]
    for at, step in enumerate(trial.steps):
        named = ((name, float(trial.values[name][at])) for name in wanted)
        row = {name: value for name, value in named if broke or not math.isnan(value)}
        when = trial.times[at] if at < len(trial.times) else math.nan
        yield (step if math.isnan(when) else when, step), {**row, policy.time_attr: step}


def _said(
    experiment: Experiment, trial: TrialRecord, name: str, policy: Policy, decision: Decision | None
) -> Elsewhere:
    values, last = trial.values.get(experiment.metric, ()), _last(trial.steps)
    sign = 1 if experiment.mode == "max" else -1
    cause = None if decision is None else decision.verdict.cause
    if decision is None or cause is None or cause is Cause.EXHAUSTED:
        is_whole = last is not None and policy.max_t is not None and last >= policy.max_t
        return Elsewhere(name, None, "", _best(values, sign), not is_whole)
    steps = zip(trial.steps, values, strict=False)
    seen = [value for step, value in steps if step <= decision.step]
    return Elsewhere(name, decision.step, cause.name, _best(seen, sign), False)


def _last(steps: Sequence[float]) -> float | None:
    return steps[-1] if len(steps) else None


def _best(values: Sequence[float], sign: int) -> float:
    """The best finite value, in the user's sign; NaN where there is none."""
    finite = [sign * float(value) for value in values if math.isfinite(value)]
    return sign * max(finite) if finite else math.nan
