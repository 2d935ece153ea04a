"""Sweeps that are watched: what a promotion rule was asked, who was chosen, who was let go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.promotion.streams import policy_of
from tests.strategies import levels
from tune_es import Action, AdaptiveQuota, AsyncHalving, Criterion, RungTable
from tune_es.promotion import PromotionRule, Rung
from tune_es.replay import Cluster, PolicyScheduler, Run, TaskCurves, replay, task_curves

BUDGET = 12
RULES: dict[str, PromotionRule] = {
    "quota": AdaptiveQuota(),
    "small quota": AdaptiveQuota(c=0.1),
    "no pilot": AdaptiveQuota(c=2, pilot=False),
    "table": RungTable({1: 5, 3: 2}),
    "asynchronous": AsyncHalving(1, 2),
}
WAITING = {name: rule for name, rule in RULES.items() if rule.waits}

values = levels | st.sampled_from([math.nan, math.inf, -math.inf])
#: Lower is better; few different values, so ties are common.
streams = st.lists(
    st.one_of(
        st.lists(levels, min_size=1, max_size=12),
        st.lists(values, min_size=1, max_size=12),
        st.lists(st.just(0.5), min_size=12, max_size=12),
        st.lists(levels, min_size=12, max_size=12),
    ),
    min_size=1,
    max_size=24,
)
clusters = st.builds(
    Cluster,
    workers=st.sampled_from([1, 2, 3, 8, 30]),
    resume_s=st.sampled_from([0.0, 0.5]),
    failure_rate=st.sampled_from([0.0, 0.0, 0.05, 0.3]),
    max_failures=st.integers(0, 3),
    checkpoint_every=st.integers(0, 3),
    ahead=st.sampled_from([None, 1, 2, 16]),
)


@dataclass(frozen=True)
class Spied(PromotionRule):
    """A rule, and every rung that it was asked about with its answer."""

    inner: PromotionRule = field(default_factory=AdaptiveQuota)
    log: list[tuple[Rung, list[str]]] = field(default_factory=list, compare=False)
    #: What it was asked before a rung was full, with the number of those missing.
    early: list[tuple[Rung, int, list[str]]] = field(default_factory=list, compare=False)

    def init(self) -> Any:
        return self.inner.init()

    @property
    def waits(self) -> bool:
        return self.inner.waits

    def rungs(self, max_t: float) -> tuple[float, ...]:
        return self.inner.rungs(max_t)

    def pilots(self, trials: int) -> int:
        return self.inner.pilots(trials)

    def agrees(self, scores: Sequence[tuple[float, float]]) -> bool:
        return self.inner.agrees(scores)

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        names = list(self.inner.safe(rung, missing, memory))
        self.early.append((replace(rung, here=[*rung.here], _field=None), missing, names))
        return names

    def judge(self, rung: Rung, memory: Any) -> tuple[Sequence[str], Any]:
        promoted, after = self.inner.judge(rung, memory)
        self.log.append((rung, list(promoted)))
        return promoted, after


class Watched(PolicyScheduler):
    """Notes who was chosen, let go and ended, and refuses what must not happen."""

    def __init__(
        self, rule: PromotionRule, stop: str | Criterion, trials: int | None, **more: Any
    ) -> None:
        self.spied = Spied(rule)
        policy = replace(policy_of(self.spied, BUDGET), stop=stop, **more)
        super().__init__(policy, trials=trials)
        self.ended: list[str] = []
        self.pauses: list[tuple[str, int]] = []
        self.chosen: list[str] = []

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        action = super().report(trial_id, result)
        if action is Action.PAUSE:
            self.pauses.append((trial_id, result["training_iteration"]))
        return action

    def end(self, trial_id: str, failed: bool) -> None:
        super().end(trial_id, failed)
        self.ended.append(trial_id)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        name = super().choose(pending, paused)
        assert name is None or name not in self.referee.let_go
        assert name is None or name not in self.ended
        self.chosen += [] if name is None else [name]
        return name


@dataclass
class Race:
    """A sweep that is over."""

    scheduler: Watched
    run: Run
    curves: TaskCurves

    @property
    def finished(self) -> set[str]:
        """Who ran to the end, was stopped, or failed for good."""
        names, lengths = self.curves.trial_ids, self.curves.lengths
        ended = {
            names[event.trial]
            for event in self.run.events
            if event.action is Action.STOP
            or (event.step == lengths[event.trial] and event.action is not Action.PAUSE)
        }
        return ended | {names[at] for at in (*self.run.failed, *self.run.cut)}


def raced(
    rule: PromotionRule,
    curves: Sequence[Sequence[float]],
    cluster: Cluster,
    trials: int | None,
    seed: int = 0,
    stop: str = "none",
) -> Race:
    stream = task_curves(curves, "value", "min", BUDGET)
    scheduler = Watched(rule, stop, trials)
    run = replay(scheduler, stream, cluster, seed)
    return Race(scheduler, run, stream)
