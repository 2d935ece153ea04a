"""What is compared: the strategies of the guide this project started from, and its ablation.

Patience counts evaluations. All was set before anything was trained, but the last three rows of the
ablation, which say how much of a loss is the stop's and how much that of what is put back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tune_es import Adaptive, Composite, Criterion, Patience, Policy
from tune_es.criteria import DecayingDelta, Never, ShrinkingPatience

METRICS = {"eval_loss": "min", "eval_accuracy": "max", "eval_f1": "max"}
WEIGHTS = {"eval_loss": 0.4, "eval_accuracy": 0.3, "eval_f1": 0.3}
BASIC = Patience(3, min_delta=1e-3)


@dataclass(frozen=True)
class Strategy:
    """A stopping rule, the metric that says which step is best, and whether that is restored."""

    name: str
    rule: Criterion
    metric: str = "eval_loss"
    restore: bool = True

    def policy(self, evals: int) -> Policy:
        """The policy of a run with so many evaluations."""
        others = {name: mode for name, mode in METRICS.items() if name != self.metric}
        return Policy(
            self.metric, METRICS[self.metric], stop=self.rule, other_metrics=others, max_t=evals
        )


FULL = Strategy("none", Never(), restore=False)
STOPPING = (
    Strategy("basic", BASIC),
    Strategy("adaptive-listing", ShrinkingPatience()),
    Strategy("adaptive-formula", DecayingDelta()),
    Strategy("adaptive-ours", Adaptive.balanced()),
    Strategy("multi-metric", Composite(BASIC, WEIGHTS), "eval_accuracy"),
)
_MULTI = STOPPING[-1]
ABLATION = (
    replace(_MULTI, name="baseline: multi-metric"),
    replace(_MULTI, name="no min_delta", rule=Composite(replace(BASIC, min_delta=0.0), WEIGHTS)),
    replace(_MULTI, name="no restore", restore=False),
    *(
        Strategy(f"single metric: {metric.removeprefix('eval_')}", BASIC, metric)
        for metric in METRICS
    ),
    Strategy("none, best loss restored", Never()),
    Strategy("none, best accuracy restored", Never(), "eval_accuracy"),
    Strategy("adaptive-ours, by accuracy", Adaptive.balanced(), "eval_accuracy"),
)
HINDSIGHT = {"eval_loss": "best validation loss", "test_accuracy": "best test accuracy"}


def strategy(name: str) -> Strategy:
    """The strategy of that name, among those that are run live.

    >>> strategy("basic").rule == BASIC
    True
    """
    return {each.name: each for each in (FULL, *STOPPING)}[name]
