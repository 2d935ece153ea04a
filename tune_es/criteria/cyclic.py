"""Rules for curves that come and go: like phase is compared with like phase."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tune_es.checks import check_count
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.combine import check_own_curve, mute
from tune_es.records import Observation, Verdict
from tune_es.signals.period import find_period
from tune_es.signals.series import Series

#: How often, and over how many evaluations, an unknown period is looked for.
LOOK_EVERY, LOOK_BACK = 8, 128


class _State(NamedTuple):
    period: int
    phases: tuple[Any, ...]
    fired: tuple[bool, ...]
    history: Series[Observation] = Series()


@dataclass(frozen=True)
class Cyclic(Criterion):
    """Judges every phase of a cycle by itself, and stops when all of them would.

    Under a cyclic learning rate validation falls and recovers by design: the best of the last
    cycle is not beaten for most of the next. A ``Patience(2)`` inside waits two whole cycles.

    Args:
        rule: The rule, applied to every phase apart; it counts cycles, not evaluations.
        period: Evaluations in a cycle. Unknown (None), it is looked for every 8 evaluations; until
            there is a clear one the rule judges the curve as it is, so give the period if you can.
        metric: The metric to be judged; the policy's score where none is named.

    >>> from tune_es import Patience, fired_at
    >>> waves = [0.1, 0.5, 0.9, 0.2, 0.6, 1.0, 0.3, 0.7, 1.1]
    >>> fired_at(Patience(2), waves)
    4
    >>> fired_at(Cyclic(Patience(2), period=3), waves) is None
    True
    """

    rule: Criterion
    period: int | None = None
    metric: str | None = None

    def __post_init__(self) -> None:
        check_own_curve("Cyclic", self.rule)
        if self.period is not None:
            check_count("Cyclic", "period", self.period)

    def init(self) -> _State:
        return self._fresh(self.period or 1)

    def _fresh(self, period: int) -> _State:
        return _State(period, (self.rule.init(),) * period, (False,) * period)

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        value = observation.value(self.metric)
        if value is None:
            return state, self.silence()
        if self.metric is not None:
            sign = observation.sign_of(self.metric)
            observation = replace(observation, score=value, sign=sign)
        state, verdict = self._step(state, observation, peers)
        found = self._look(state)
        if found is not None:
            history, state = state.history, self._fresh(found)
            for past in history:
                state, verdict = self._step(state, past, peers)
        return state, verdict

    def _step(
        self, state: _State, observation: Observation, peers: Peers
    ) -> tuple[_State, Verdict]:
        phase = len(state.history) % state.period
        inner, verdict = self.rule.step(state.phases[phase], observation, peers)
        fired = _replaced(state.fired, phase, verdict.stop)
        state = _State(
            state.period,
            _replaced(state.phases, phase, inner),
            fired,
            state.history.append(observation),
        )
        verdict = verdict if all(fired) else mute(verdict)
        left = None if verdict.left is None else verdict.left * state.period
        evidence = {**verdict.evidence, "period": state.period}
        return state, replace(verdict, evidence=evidence, left=left)

    def _look(self, state: _State) -> int | None:
        is_open = self.period is None and state.period == 1
        if not is_open or len(state.history) % LOOK_EVERY:
            return None
        values = (past.value(self.metric) for past in state.history.last(LOOK_BACK))
        return find_period([value for value in values if value is not None])


def _replaced(items: tuple[Any, ...], index: int, item: Any) -> tuple[Any, ...]:
    return (*items[:index], item, *items[index + 1 :])
