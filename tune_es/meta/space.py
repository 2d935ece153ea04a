"""The space of policies: which rule, its constants, and how rules are combined."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tune_es.checks import check_name
from tune_es.meta.recipe import OBJECTIVE, TABLE, Recipe
from tune_es.records import Metric

#: What a policy may be made of.
KINDS = ("curve", "compare", "curve|compare", "promote", "curve+promote")
CURVE, COMPARE, PROMOTE = "curve", "compare", "promote"


class Suggests(Protocol):
    """What the space needs of an Optuna trial."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in a range."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """A whole number in a range."""

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        """One of these."""


@dataclass(frozen=True)
class Space:
    """Policies that a search may propose.

    Args:
        kinds: Some of :data:`KINDS`: a rule that sees one curve, one that compares trials, both
            together, a rule that pauses and promotes, or that and a rule for one curve on top.
        other_metrics: Further metrics that every task has, with their modes: rules for one curve
            may then judge a weighted composite, and promotion may break ties by them.

    >>> Space(("curve", "sing"))
    Traceback (most recent call last):
    ValueError: Space.kinds must be a known name, got 'sing'; Valid: compare, curve, \
curve+promote, curve|compare, promote
    """

    kinds: tuple[str, ...] = KINDS
    other_metrics: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("Space.kinds must name a kind of policy, got none")
        for kind in self.kinds:
            check_name("Space", "kinds", kind, KINDS)
        for name, mode in self.other_metrics.items():
            Metric(name, mode)

    def recipe(self, trial: Suggests) -> Recipe:
        """The policy that a trial of Optuna proposes."""
        kind = trial.suggest_categorical("kind", self.kinds)
        rules, not_before = [], 0.0
        if kind.startswith("curve"):
            rules.append(self._weighted(trial, _one(trial, CURVE, ON_CURVES)))
            not_before = trial.suggest_float("not_before", 0.0, 0.6)
        if kind.endswith("compare"):
            rules.append(_one(trial, COMPARE, COMPARING))
        promotion = _one(trial, PROMOTE, PROMOTING) if kind.endswith("promote") else None
        stop = {"AnyOf": rules} if len(rules) > 1 else rules[0] if rules else "none"
        explodes = trial.suggest_categorical("explosion", (True, False))
        return Recipe(
            stop=stop,
            promotion=promotion,
            not_before=not_before,
            explosion_factor=300.0 if explodes else None,
            other_metrics=self.other_metrics,
            ties=self._ties(trial) if promotion is not None else None,
        )

    def _weighted(self, trial: Suggests, rule: Any) -> Any:
        """The rule on the task's metric, or on a weighted composite of all metrics."""
        if not self.other_metrics or trial.suggest_categorical("judged", ("one", "all")) == "one":
            return rule
        weights = {
            name: trial.suggest_float(f"weight.{name}", 0.0, 1.0) for name in self.other_metrics
        }
        return {"Composite": {"rule": rule, "weights": {OBJECTIVE: 1.0, **weights}}}

    def _ties(self, trial: Suggests) -> Any:
        if not self.other_metrics:
            return None
        by = trial.suggest_categorical("ties", ("none", *sorted(self.other_metrics)))
        return None if by == "none" else {"by": [by]}


Rules = Mapping[str, Callable[[Suggests], Any]]


def _one(trial: Suggests, prefix: str, rules: Rules) -> Any:
    return rules[trial.suggest_categorical(prefix, tuple(rules))](trial)


def _patience(trial: Suggests) -> Any:
    return {
        "Patience": {
            "patience": trial.suggest_float("patience.patience", 0.05, 0.8),
            "at_least": trial.suggest_int("patience.at_least", 2, 12),
            "min_delta": trial.suggest_float("patience.min_delta", 0.0, 0.02),
            "relative": True,
        }
    }


def _window(trial: Suggests) -> Any:
    return {
        "WindowGain": {
            "window": trial.suggest_float("window.window", 0.05, 0.8),
            "at_least": trial.suggest_int("window.at_least", 2, 12),
            "min_gain": trial.suggest_float("window.min_gain", 1e-5, 0.1, log=True),
        }
    }


def _adaptive(trial: Suggests) -> Any:
    return {
        "Adaptive": {
            "patience": trial.suggest_int("adaptive.patience", 2, 12),
            "budget_share": trial.suggest_float("adaptive.budget_share", 0.0, 0.8),
            "history_share": trial.suggest_float("adaptive.history_share", 0.0, 0.9),
            "min_gain": trial.suggest_float("adaptive.min_gain", 1e-5, 0.03, log=True),
            "trend_share": trial.suggest_float("adaptive.trend_share", 0.1, 1.0),
            "z": trial.suggest_float("adaptive.z", 0.0, 4.0),
            "tolerance": trial.suggest_float("adaptive.tolerance", 1e-4, 0.1, log=True),
            "scale": trial.suggest_categorical("adaptive.scale", ("best", "range")),
        }
    }


def _plateau(trial: Suggests) -> Any:
    return {
        "Plateau": {
            "std": trial.suggest_float("plateau.std", 1e-5, 0.03, log=True),
            "window": trial.suggest_float("plateau.window", 0.05, 0.6),
            "grace_period": trial.suggest_float("plateau.grace_period", 0.05, 0.8),
            "relative": True,
        }
    }


def _halving(trial: Suggests) -> Any:
    return {
        "SuccessiveHalving": {
            "grace_period": trial.suggest_float("halving.grace_period", 0.01, 0.7, log=True),
            "reduction_factor": trial.suggest_float("halving.reduction_factor", 1.2, 5.0, log=True),
        }
    }


def _percentile(trial: Suggests) -> Any:
    return {
        "BelowPercentile": {
            "percentile": trial.suggest_float("percentile.percentile", 5, 95),
            "grace_period": trial.suggest_float("percentile.grace_period", 0.01, 0.8, log=True),
            "min_trials": trial.suggest_int("percentile.min_trials", 1, 15),
        }
    }


def _median(trial: Suggests) -> Any:
    return {
        "BelowMedian": {
            "grace_period": trial.suggest_float("median.grace_period", 0.01, 0.8, log=True),
            "min_trials": trial.suggest_int("median.min_trials", 1, 15),
        }
    }


def _quota(trial: Suggests) -> Any:
    return {
        "AdaptiveQuota": {
            "c": trial.suggest_float("quota.c", 0.2, 8.0, log=True),
            "growth": trial.suggest_float("quota.growth", 1.2, 3.0),
            "noise": trial.suggest_float("quota.noise", 0.0, 8.0),
            "flattening": trial.suggest_float("quota.flattening", 0.0, 1.0),
            "pilot": trial.suggest_categorical("quota.pilot", (True, False)),
        }
    }


def _async(trial: Suggests) -> Any:
    return {
        "AsyncHalving": {
            "grace_period": trial.suggest_float("async.grace_period", 0.01, 0.7, log=True),
            "reduction_factor": trial.suggest_float("async.reduction_factor", 1.2, 5.0, log=True),
        }
    }


def _table(trial: Suggests) -> Any:
    return {
        TABLE: {
            "first": trial.suggest_float("table.first", 0.01, 0.7, log=True),
            "keep": trial.suggest_float("table.keep", 0.02, 0.9, log=True),
            "rungs": trial.suggest_int("table.rungs", 1, 5),
            "factor": trial.suggest_float("table.factor", 1.3, 5.0, log=True),
        }
    }


ON_CURVES: Rules = {
    "patience": _patience,
    "window": _window,
    "adaptive": _adaptive,
    "plateau": _plateau,
}
COMPARING: Rules = {"halving": _halving, "median": _median, "percentile": _percentile}
PROMOTING: Rules = {"quota": _quota, "async": _async, "table": _table}
