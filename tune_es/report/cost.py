"""What stopping early may have cost: a policy replayed over trials whose curve is full."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tune_es.checks import nearest
from tune_es.monitoring.experiment import Experiment, TrialRecord
from tune_es.policy import Policy
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.lab import judge
from tune_es.replay.policies import Candidate, Rule
from tune_es.replay.scorecard import Score
from tune_es.report.lanes import timeline, workers
from tune_es.report.numbers import column, shown_metrics

#: Streams that a policy meets: the same trials in other orders, or other trials.
SEEDS = 20

#: What a regret is, for the reader of a page.
MEANING = (
    "Regret is what the best value found lacks to the best there was, as a share of what the best "
    "trial gains over the median one."
)


@dataclass(frozen=True)
class Cost:
    """What is known of it.

    Args:
        regret: The mean over streams; NaN where it is not known.
        worst: The largest.
        over_1_percent: The share of streams with more than 0.01.
        steps: The share of the steps of full training that was run in the replay.
        trials: Trials with a full curve that it rests on.
        streams: Streams of them.
        source: Where these come from.
        unknown: Why nothing is known; empty where something is.
    """

    regret: float = math.nan
    worst: float = math.nan
    over_1_percent: float = math.nan
    steps: float = math.nan
    trials: int = 0
    streams: int = 0
    source: str = ""
    unknown: str = ""


def cost_of(
    experiment: Experiment, curves: Sequence[TaskCurves] = (), policy: Policy | None = None
) -> Cost:
    """The regret of a policy, where full curves can tell it.

    The trials that the policy of a sweep let run cannot show its mistakes: those that it stopped
    could, and how they would have gone on nobody knows. So its own sweep says nothing about it;
    recorded curves of the same task do, and so does a sweep that something else ran.

    Args:
        experiment: The sweep.
        curves: Recorded tasks; those with its metric and mode are used.
        policy: Another policy than the sweep's own.

    Raises:
        ValueError: No task of ``curves`` has the metric and the mode of the sweep, or the policy
            needs a metric that is not among them.
    """
    chosen = policy or experiment.policy
    if chosen is None:
        return Cost(unknown="no policy of tune_es stopped trials here, and none was named.")
    if curves:
        return _replayed(experiment, _full(_fitting(experiment, curves)), chosen, "recorded curves")
    own = [trial for trial in experiment.trials if _is_full(trial, experiment)]
    if policy is None:
        return Cost(trials=len(own), unknown=_why_not(len(own), len(experiment.trials)))
    if len(own) < 2:
        return Cost(trials=len(own), unknown=f"{len(own)} of its trials ran in full: too few.")
    return _replayed(experiment, [_curves_of(experiment, own)], chosen, "trials of this sweep")


def _why_not(full: int, trials: int) -> str:
    return (
        f"{full} of {trials} trials ran in full, and these are the ones that the policy let run: "
        "what the stopped ones would have come to, nobody knows. Recorded full curves of the same "
        "task can tell it (--curves)."
    )


def _is_full(trial: TrialRecord, experiment: Experiment) -> bool:
    budget = experiment.max_t
    return budget is not None and len(trial.steps) > 0 and trial.steps[-1] >= budget


def _curves_of(experiment: Experiment, trials: Sequence[TrialRecord]) -> TaskCurves:
    """Trials of the sweep as recorded curves; their results count as evaluations."""
    lengths = [len(trial.steps) for trial in trials]
    return TaskCurves(
        Task("sweep", "this sweep", experiment.metric, experiment.mode, max(lengths)),
        tuple(trial.trial_id for trial in trials),
        np.cumsum([0, *lengths]).astype(np.int64),
        {
            name: np.concatenate([column(trial, name) for trial in trials])
            for name in shown_metrics(experiment)
        },
    )


def _fitting(experiment: Experiment, curves: Sequence[TaskCurves]) -> list[TaskCurves]:
    wanted = (experiment.metric, experiment.mode)
    found = [each for each in curves if (each.task.metric, each.task.mode) == wanted]
    if not found:
        known = {each.task.metric for each in curves}
        raise ValueError(
            f"no recorded task has the metric {experiment.metric!r} with mode "
            f"{experiment.mode!r}; {nearest(experiment.metric, known)}"
        )
    return found


def _full(curves: Sequence[TaskCurves]) -> list[TaskCurves]:
    """The trials whose curve is full, or breaks: how others would have gone on is not known."""
    kept = []
    for each in curves:
        whole = [
            at
            for at, length in enumerate(each.lengths.tolist())
            if length == each.task.max_t or not math.isfinite(each.values(at)[-1])
        ]
        if whole:
            kept.append(each.chosen(whole))
    return kept


def _replayed(
    experiment: Experiment, curves: Sequence[TaskCurves], policy: Policy, source: str
) -> Cost:
    if not curves:
        return Cost(unknown="none of the recorded curves is full.")
    rule = Rule(policy)
    scores = judge(
        curves,
        [Candidate("policy", rule.scheduler, rule.policy)],
        trials=max(1, len(experiment.trials)),
        seeds=SEEDS,
        cluster=Cluster(workers=max(1, workers(timeline(experiment)))),
    )
    return _summed(scores, sum(len(each) for each in curves), source)


def _summed(scores: Sequence[Score], trials: int, source: str) -> Cost:
    regrets = np.array([each.regret for each in scores])
    return Cost(
        regret=float(regrets.mean()),
        worst=float(regrets.max()),
        over_1_percent=float((regrets > 0.01).mean()),
        steps=float(np.mean([each.cost for each in scores])),
        trials=trials,
        streams=len(scores),
        source=source,
    )
