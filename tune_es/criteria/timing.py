"""When a rule may speak: after a step, or every so many observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.combine import check_criterion, mute
from tune_es.records import Observation, Verdict


@dataclass(frozen=True)
class After(Criterion):
    """Mutes a rule before a step, while the rule sees everything.

    A patience that ran out during the warm-up fires at ``first_step``. ``first_step`` is in units
    of the policy's ``time_attr``.

    >>> from tune_es import Patience, fired_at
    >>> fired_at(After(5, Patience(1)), [3, 3, 3, 3, 3, 3])  # steps are 1, 2, 3, ...
    4
    """

    first_step: float
    rule: Criterion

    def __post_init__(self) -> None:
        check_number("After", "first_step", self.first_step, least=0)
        check_criterion("After", self.rule)

    def init(self) -> Any:
        return self.rule.init()

    def step(self, state: Any, observation: Observation, peers: Peers) -> tuple[Any, Verdict]:
        state, verdict = self.rule.step(state, observation, peers)
        return state, mute(verdict) if observation.step < self.first_step else verdict


class _Counted(NamedTuple):
    seen: int
    inner: Any


@dataclass(frozen=True)
class Every(Criterion):
    """Lets a rule speak at every ``n``-th evaluation only, while the rule sees everything.

    Observations that hold nothing for the rule are not counted.

    >>> from tune_es import Patience, fired_at
    >>> fired_at(Every(4, Patience(1)), [3, 3, 3, 3, 3, 3])
    3
    """

    n: int
    rule: Criterion

    def __post_init__(self) -> None:
        check_count("Every", "n", self.n)
        check_criterion("Every", self.rule)

    def init(self) -> _Counted:
        return _Counted(0, self.rule.init())

    def step(
        self, state: _Counted, observation: Observation, peers: Peers
    ) -> tuple[_Counted, Verdict]:
        inner, verdict = self.rule.step(state.inner, observation, peers)
        seen = state.seen + verdict.heard
        return _Counted(seen, inner), mute(verdict) if seen % self.n else verdict
