"""The goal is reached, or the budget is spent."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import Cause, Observation, Verdict


@dataclass(frozen=True)
class Target(Criterion):
    """Stops as REACHED after ``patience`` evaluations in a row at least as good as ``value``.

    ``value`` is in the user's own sign: 0.9 for an accuracy, 0.1 for a loss.

    >>> from tune_es import Policy
    >>> Policy(metric="loss", mode="min", stop=Target(0.1)).first_stop([0.5, 0.1, 0.05]).step
    2
    """

    value: float
    patience: int = 1
    metric: str | None = None

    def __post_init__(self) -> None:
        check_number("Target", "value", self.value)
        check_count("Target", "patience", self.patience)

    def init(self) -> int:
        return 0

    def step(self, state: int, observation: Observation, peers: Peers) -> tuple[int, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            return state, self.silence(max(0, self.patience - state))
        sign = observation.sign_of(self.metric)
        hit = math.isfinite(value) and value >= sign * self.value
        count = state + 1 if hit else 0
        evidence = {"value": sign * value, "target": self.value, "hits": count}
        cause = Cause.REACHED if count >= self.patience else None
        return count, self.verdict(cause, evidence, max(0, self.patience - count))


@dataclass(frozen=True)
class Never(Criterion):
    """Stops nothing: for a policy that only guards, keeps to a budget, or promotes.

    >>> from tune_es import fired_at
    >>> fired_at(Never(), [1.0] * 100) is None
    True
    """

    def init(self) -> None:
        return None

    def step(self, state: None, observation: Observation, peers: Peers) -> tuple[None, Verdict]:
        return None, self._word

    @cached_property
    def _word(self) -> Verdict:
        return self.verdict(None, {})


@dataclass(frozen=True)
class Budget(Criterion):
    """Stops as EXHAUSTED when a trial has used its steps, its seconds or its money.

    It fires at the first observation that is at or over a limit: reports that come rarely overrun
    it. Seconds are Ray's ``time_total_s``; ``cost`` needs ``cost_attr`` or ``price_per_hour`` in
    the policy. An observation without the number says nothing.

    >>> from tune_es import fired_at
    >>> fired_at(Budget(steps=3), [0.1, 0.2, 0.3, 0.4])  # the third evaluation
    2
    """

    steps: float | None = None
    seconds: float | None = None
    cost: float | None = None

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None and self.cost is None:
            raise ValueError("Budget must limit steps, seconds or cost, got none of them")
        for name in ("steps", "seconds", "cost"):
            if getattr(self, name) is not None:
                check_number("Budget", name, getattr(self, name), above=0)

    def init(self) -> None:
        return None

    def step(self, state: None, observation: Observation, peers: Peers) -> tuple[None, Verdict]:
        spent = (("steps", observation.step), ("seconds", observation.seconds))
        evidence: dict[str, float] = {}
        over = False
        for name, used in (*spent, ("cost", observation.cost)):
            limit = getattr(self, name)
            if limit is not None and used is not None:
                evidence.update({name: used, f"{name}_limit": limit})
                over = over or used >= limit
        if not evidence:
            return None, self.silence()
        return None, self.verdict(Cause.EXHAUSTED if over else None, evidence)
