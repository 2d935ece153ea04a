"""The numbers of a sweep that are measured over time: their names, kinds, tags and meaning.

They are few at any number of trials: no tag names a trial.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

#: The tag that every meter has: the name of the experiment.
EXPERIMENT = "experiment"


class Kind(Enum):
    """What may happen to the number."""

    COUNTER = "counter"
    """It only grows."""
    GAUGE = "gauge"
    """It is set again and again."""
    HISTOGRAM = "histogram"
    """Many numbers, counted by size."""


@dataclass(frozen=True, eq=False)
class Meter:
    """One number, or one for each value of its tags.

    Args:
        name: What ``ray.util.metrics`` is told; the unit is its last word where it has one.
        kind: What may happen to it.
        meaning: One line.
        tags: The names of its tags beside ``experiment``.

    >>> STOPS.in_prometheus, TRIALS.in_prometheus
    ('ray_tune_es_stops_total', 'ray_tune_es_trials')
    """

    name: str
    kind: Kind
    meaning: str
    tags: tuple[str, ...] = ()

    @property
    def in_prometheus(self) -> str:
        """Its name there: Ray puts its own in front, and ``_total`` behind a counter's."""
        return f"ray_{self.name}{'_total' if self.kind is Kind.COUNTER else ''}"


JUDGED = Meter(
    "tune_es_results_judged",
    Kind.COUNTER,
    "results judged by the policy; steps that are reported again do not count",
)
STOPS = Meter(
    "tune_es_stops",
    Kind.COUNTER,
    "trials stopped by the policy, by cause and by the rule that spoke",
    ("cause", "criterion"),
)
STEPS_SPENT = Meter(
    "tune_es_spent_steps",
    Kind.COUNTER,
    "steps that trials have run, in units of time_attr; each counts once",
)
STEPS_SAVED = Meter(
    "tune_es_saved_steps",
    Kind.COUNTER,
    "steps that trials which the policy stopped have not run, up to max_t",
)
SECONDS_SPENT = Meter(
    "tune_es_spent_seconds", Kind.COUNTER, "seconds of workers that these steps took"
)
SECONDS_SAVED = Meter(
    "tune_es_saved_seconds",
    Kind.COUNTER,
    "the saved steps of each trial at the median of its own seconds a step, of its latest results",
)
MONEY_SPENT = Meter(
    "tune_es_spent_money", Kind.COUNTER, "the spent seconds at the policy's price_per_hour"
)
MONEY_SAVED = Meter(
    "tune_es_saved_money", Kind.COUNTER, "the saved seconds at the policy's price_per_hour"
)
BEST = Meter(
    "tune_es_best_value",
    Kind.GAUGE,
    "the best value of any trial so far, in the user's sign, for each metric of the policy",
    ("metric",),
)
TRIALS = Meter(
    "tune_es_trials",
    Kind.GAUGE,
    "trials that are pending, running, paused, stopped, finished or failed",
    ("state",),
)
PLANNED = Meter(
    "tune_es_planned_trials", Kind.GAUGE, "trials that the sweep will have, where that is known"
)
PATIENCE = Meter(
    "tune_es_patience_left_evaluations",
    Kind.GAUGE,
    "evaluations until a running trial is stopped should nothing improve: least and median",
    ("statistic",),
)
DECISION = Meter(
    "tune_es_decision_seconds", Kind.HISTOGRAM, "what one decision took, in the loop of the sweep"
)

METERS = (
    JUDGED,
    STOPS,
    STEPS_SPENT,
    STEPS_SAVED,
    SECONDS_SPENT,
    SECONDS_SAVED,
    MONEY_SPENT,
    MONEY_SAVED,
    BEST,
    TRIALS,
    PLANNED,
    PATIENCE,
    DECISION,
)

#: Bounds of the classes in which decisions are counted, seconds.
DECISION_BOUNDS = (
    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.5, 1.0,
)  # fmt: skip
