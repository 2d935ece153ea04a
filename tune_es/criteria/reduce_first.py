"""A lower learning rate before giving up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tune_es.checks import check_count, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.combine import check_criterion, mute
from tune_es.criteria.timing import After
from tune_es.records import Cause, Observation, Verdict


class _State(NamedTuple):
    inner: Any
    reductions: int = 0
    quiet: int = 0


@dataclass(frozen=True)
class ReduceFirst(Criterion):
    """Where a rule finds that a trial has STALLED, asks for a lower learning rate; later it stops.

    The first ``times`` that the rule fires the verdict does not stop: its ``rate`` is the share of
    the planned learning rate that is to be used from then on, ``factor`` to the power of the
    reductions so far, and the rule begins anew, without the best of before. The time after that it
    stops. Every other cause of the rule stops at once: a lower rate helps no broken run.

    The trial has to carry the reduction out: the callbacks in ``tune_es.integrations`` do, and
    ``tune_es.integrations.rates`` does it in a loop. A replay cannot: a recorded curve is what
    came of the rate it was recorded with, so there only the stops are later. Where the learning
    rate drops by a schedule as well, the policy's ``not_before`` holds reductions back until the
    last drop, and so does ``ReduceFirst(After(60, Patience(5)))``; ``After`` around it would hold
    back the stops alone.

    Args:
        rule: What finds the plateau.
        times: How many reductions come before the stop.
        factor: What the rate is multiplied with each time.
        cooldown: Evaluations after a reduction in which the rule sees everything and is muted.

    >>> from tune_es import Patience, fired_at
    >>> flat = [0.5] * 9
    >>> fired_at(Patience(2), flat), fired_at(ReduceFirst(Patience(2), times=2), flat)
    (2, 8)
    """

    rule: Criterion
    times: int = 2
    factor: float = 0.1
    cooldown: int = 0

    def __post_init__(self) -> None:
        check_criterion("ReduceFirst", self.rule)
        check_count("ReduceFirst", "times", self.times)
        check_number("ReduceFirst", "factor", self.factor, above=0)
        if self.factor >= 1:
            raise ValueError(f"ReduceFirst.factor must be below 1, got {self.factor!r}")
        check_count("ReduceFirst", "cooldown", self.cooldown, least=0)

    @property
    def reduces(self) -> bool:
        return True

    def held(self, step: float) -> Criterion:
        return replace(self, rule=After(step, self.rule.held(step))) if step else self

    def init(self) -> _State:
        return _State(self.rule.init())

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        inner, verdict = self.rule.step(state.inner, observation, peers)
        quiet, stalled = state.quiet, verdict.cause is Cause.STALLED
        state = state._replace(inner=inner, quiet=max(0, quiet - verdict.heard))
        if stalled and quiet:
            verdict = mute(verdict)
        elif stalled and state.reductions < self.times:
            state = _State(self.rule.init(), state.reductions + 1, self.cooldown)
            verdict = mute(verdict)
        return state, self._told(state, verdict)

    def _told(self, state: _State, verdict: Verdict) -> Verdict:
        """The verdict with the rate; when it will stop is known after the last reduction alone."""
        left = verdict.left if state.reductions == self.times or verdict.stop else None
        if left is not None and state.quiet:
            left = max(left, state.quiet + 1)
        rate = min(verdict.rate, self.factor**state.reductions)
        evidence = {**verdict.evidence, "reductions": state.reductions}
        return replace(verdict, evidence=evidence, left=left, rate=rate)
