"""One rule on several metrics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tune_es.checks import check_name
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.combine import AllOf, AnyOf, AtLeast, check_criterion
from tune_es.records import Observation, Verdict


@dataclass(frozen=True)
class PerMetric(Criterion):
    """The same rule on several metrics, each with its own mode, history and clock.

    ``join`` is ``"all"``, ``"any"``, ``"primary"`` (the first metric decides, the others are not
    asked) or the number of metrics that have to agree. Recorded fine-tuning runs say: ``"all"``
    where the metrics measure one objective, such as a loss and its accuracy; ``"primary"`` where
    they conflict, because waiting for all of them saves almost nothing. For a different rule per
    metric, name the metric in each and join them: ``Patience(5, metric="a") & Target(1,
    metric="b")``.

    >>> from tune_es import Patience
    >>> PerMetric(Patience(3), metrics=("eval_loss", "eval_f1"), join="any").joined.label
    'AnyOf'
    """

    rule: Criterion
    metrics: tuple[str, ...]
    join: str | int = "all"

    def __post_init__(self) -> None:
        check_criterion("PerMetric", self.rule)
        named = isinstance(self.metrics, (list, tuple)) and bool(self.metrics)
        if not named or not all(isinstance(name, str) for name in self.metrics):
            raise ValueError(
                f"PerMetric.metrics must be a list of at least 1 metric, got {self.metrics!r}"
            )
        object.__setattr__(self, "metrics", tuple(self.metrics))
        if not isinstance(self.join, int) or isinstance(self.join, bool):
            check_name("PerMetric", "join", self.join, ("all", "any", "primary"))
        check_criterion("PerMetric", self.joined)

    @cached_property
    def joined(self) -> Criterion:
        """The rules on the single metrics, joined."""
        rules = [self.rule.on(name) for name in self.metrics]
        if isinstance(self.join, int):
            return AtLeast(self.join, *rules)
        if self.join == "primary":
            return rules[0]
        return (AllOf if self.join == "all" else AnyOf)(*rules)

    @property
    def metric_names(self) -> frozenset[str]:
        return self.joined.metric_names

    def init(self) -> Any:
        return self.joined.init()

    def step(self, state: Any, observation: Observation, peers: Peers) -> tuple[Any, Verdict]:
        return self.joined.step(state, observation, peers)
