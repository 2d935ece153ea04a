"""A policy for tasks of any length: what a rule counts in steps is a share of the budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tune_es.checks import check_count, check_number
from tune_es.policy import Policy
from tune_es.replay import Candidate, InOrder, PolicyScheduler, Scheduler, Task

#: Evaluations count as steps in a replay.
REPLAYED = "training_iteration"

#: Constants that a rule counts in steps, and the least that each may come to.
IN_STEPS: Mapping[str, Mapping[str, int]] = {
    "AsyncHalving": {"grace_period": 1},
    "BelowMedian": {"grace_period": 1},
    "BelowPercentile": {"grace_period": 1},
    "Plateau": {"grace_period": 2, "window": 2},
    "SuccessiveHalving": {"grace_period": 1},
}

#: A table of quotas in shares; it is no rule by itself.
TABLE = "ShareTable"

#: Stands for the metric of the task in the weights of a composite.
OBJECTIVE = "objective"


@dataclass(frozen=True)
class Recipe:
    """A policy without a task: plain data, in which numbers of steps are shares of the budget.

    ``{"SuccessiveHalving": {"grace_period": 0.06}}`` is a first rung at 6 % of ``max_t``.
    ``{"ShareTable": {"first": 0.1, "keep": 0.2, "rungs": 2, "factor": 3}}`` is a ``RungTable``:
    a fifth of all trials goes on at a tenth of the budget, and a fifteenth at three tenths.

    Args:
        stop: The stopping rule as plain data.
        promotion: The promotion rule as plain data.
        not_before: Share of the budget before which no trial is given up.
        explosion_factor: As in :class:`tune_es.Policy`.
        other_metrics: Further metrics and their modes.
        ties: What tells trials apart that the metric does not, as plain data; left out for a task
            that is judged by a metric which it names.

    >>> recipe = Recipe({"SuccessiveHalving": {"grace_period": 0.06}})
    >>> recipe.policy("val_loss", "min", max_t=50, trials=100).criterion.grace_period
    3
    >>> recipe = Recipe("none", {"ShareTable": {"first": 0.1, "keep": 0.2, "rungs": 2,
    ...                                         "factor": 3}})
    >>> recipe.policy("val_loss", "min", max_t=50, trials=60).promotion_rule
    RungTable(keep={5: 12, 15: 4})
    """

    stop: Any = "none"
    promotion: Any = None
    not_before: float = 0.0
    explosion_factor: float | None = 300.0
    other_metrics: Mapping[str, str] = field(default_factory=dict)
    ties: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        check_number("Recipe", "not_before", self.not_before, least=0, most=1)

    def policy(
        self, metric: str, mode: str, max_t: int, trials: int, time_attr: str = REPLAYED
    ) -> Policy:
        """The policy for a sweep.

        Args:
            metric: The metric of the sweep.
            mode: Its mode.
            max_t: The budget of a trial.
            trials: How many trials will come.
            time_attr: The result key that counts training.

        Raises:
            ValueError: Counts below 1, or what :class:`tune_es.Policy` refuses.
        """
        for name, value in (("max_t", max_t), ("trials", trials)):
            check_count("Recipe.policy", name, value)
        others = {name: mode for name, mode in self.other_metrics.items() if name != metric}
        promotion = None if self.promotion is None else _counted(self.promotion, max_t, trials)
        return Policy(
            metric,
            mode,
            stop=_counted(_named(self.stop, metric), max_t, trials),
            other_metrics=others,
            max_t=max_t,
            time_attr=time_attr,
            not_before=self.not_before * max_t if self.not_before else None,
            explosion_factor=self.explosion_factor,
            promotion=promotion,
            ties=self.ties if self.ties and set(self.ties["by"]) <= set(others) else None,
        )

    def candidate(self, name: str, trials: int) -> Candidate:
        """What :func:`tune_es.replay.judge` judges, for streams of so many trials."""
        if self == FULL:
            return Candidate(name, _in_full)
        bound = _Bound(self, trials)
        return Candidate(name, bound.scheduler, bound.policy)


#: Every trial to its end.
FULL = Recipe(explosion_factor=None)


@dataclass(frozen=True)
class _Bound:
    """A recipe for streams of so many trials."""

    recipe: Recipe
    trials: int
    _made: dict[Task, Policy] = field(default_factory=dict, compare=False, repr=False)

    def policy(self, task: Task) -> Policy:
        if task not in self._made:  # asked for by every stream of a task
            self._made[task] = self.recipe.policy(task.metric, task.mode, task.max_t, self.trials)
        return self._made[task]

    def scheduler(self, task: Task, trials: int) -> Scheduler:
        return PolicyScheduler(self.policy(task), trials=trials)


def _in_full(task: Task, trials: int) -> Scheduler:
    return InOrder()


def _counted(spec: Any, max_t: int, trials: int) -> Any:
    """The spec with steps in place of shares of the budget."""
    if isinstance(spec, list):
        return [_counted(part, max_t, trials) for part in spec]
    if not isinstance(spec, Mapping):
        return spec
    found = {}
    for name, inner in spec.items():
        if name == TABLE:
            return {"RungTable": {"keep": _table(max_t, trials, **inner)}}
        filled = _counted(inner, max_t, trials)
        for key, least in IN_STEPS.get(str(name), {}).items():
            if isinstance(filled, Mapping) and key in filled:
                filled = {**filled, key: max(least, round(filled[key] * max_t))}
        found[name] = filled
    return found


def _table(
    max_t: int, trials: int, first: float, keep: float, rungs: int, factor: float
) -> dict[int, int]:
    """Steps and how many go on from them: each rung so many times further, with as many fewer."""
    return {
        max(1, round(first * max_t * factor**rung)): max(1, round(keep * trials / factor**rung))
        for rung in range(rungs)
    }


def _named(spec: Any, metric: str) -> Any:
    """The spec with the metric of the task where its place is held, its own weight included."""
    if isinstance(spec, Mapping):
        return {
            (metric if name == OBJECTIVE else name): _named(inner, metric)
            for name, inner in spec.items()
            if name != metric or OBJECTIVE not in spec
        }
    if isinstance(spec, list):
        return [_named(part, metric) for part in spec]
    return metric if spec == OBJECTIVE else spec
