"""A sweep of a referee, a tick at a time, that can be killed at any of them."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.promotion.streams import policy_of
from tune_es import Action, Decision, Referee
from tune_es.promotion import PromotionRule

BUDGET = 12


@dataclass
class Sweep:
    """A sweep a tick at a time: workers take trials, each tick one of them ends a step.

    A plain value, so that a tick can be taken back: what Ray keeps beside the referee.
    """

    curves: Sequence[Sequence[float]]
    workers: int
    #: Steps from one report of a trial to the next.
    spacing: int = 1
    pending: list[str] = field(default_factory=list)
    paused: list[str] = field(default_factory=list)
    running: list[str] = field(default_factory=list)
    step: dict[str, int] = field(default_factory=dict)
    over: list[str] = field(default_factory=list)
    let_go: list[str] = field(default_factory=list)

    def begin(self, referee: Referee) -> None:
        self.pending = [str(at) for at in range(len(self.curves))]
        self.step = dict.fromkeys(self.pending, 0)
        for name in self.pending:
            referee.admit(name)

    def tick(self, referee: Referee) -> Decision | None:
        """One step of one trial; None where the sweep is over."""
        while len(self.running) < self.workers and (self.pending or self.paused):
            name = referee.choose(self.pending, self.paused)
            self._tidy(referee)
            if name is None:
                break
            (self.pending if name in self.pending else self.paused).remove(name)
            if self.step[name] == len(self.curves[int(name)]):
                self._end(referee, name)
            else:
                self.running.append(name)
        if not self.running:
            return None
        name = self.running.pop(0)
        self.step[name] += 1
        return self._report(referee, name)

    def _report(self, referee: Referee, name: str) -> Decision:
        curve = self.curves[int(name)]
        row = {
            "value": curve[self.step[name] - 1],
            "training_iteration": self.step[name] * self.spacing,
        }
        decision = referee.report(name, row)
        if decision.action is Action.PAUSE and self.step[name] < BUDGET:
            self.paused.append(name)
        elif decision.stop and name in referee.let_go:  # at once: it was the last to come
            self.let_go.append(name)
            referee.forget(name)
        elif decision.stop or self.step[name] == len(curve):
            self._end(referee, name)
        else:
            self.running.append(name)
        self._tidy(referee)
        return decision

    def _end(self, referee: Referee, name: str) -> None:
        self.over.append(name)
        referee.forget(name)

    def _tidy(self, referee: Referee) -> None:
        """Who is let go is ended, as on a real cluster."""
        for name in [name for name in self.paused if name in referee.let_go]:
            self.let_go.append(name)
            self.paused.remove(name)
            referee.forget(name)

    def killed(self, back: int, referee: Referee) -> Sweep:
        """What is found after a crash: who ran waits, ``back`` steps earlier than it was.

        As in Ray all that had not ended wait to be started; those that are held are paused again.
        """
        other: Sweep = pickle.loads(pickle.dumps(self))
        for name in other.running:
            other.step[name] = max(0, other.step[name] - back)
        live = [*other.running, *other.pending, *other.paused]
        other.paused = [name for name in live if referee.is_held(name)]
        other.pending = [name for name in live if name not in other.paused]
        other.running = []
        return other


def fresh(rule: PromotionRule, trials: int | None, spacing: int = 1) -> Referee:
    return Referee(policy_of(rule, BUDGET * spacing), trials)


def restored(referee: Referee) -> Referee:
    policy, snapshot = pickle.loads(pickle.dumps((referee.policy, referee.snapshot())))
    back = Referee(policy)
    back.restore(snapshot)
    return back


def ran(
    sweep: Sweep, referee: Referee, between: Callable[[Referee], Referee] = lambda same: same
) -> list[str]:
    """Every decision up to the end of the sweep, and how it ended."""
    said: list[str] = []
    while (decision := sweep.tick(referee)) is not None:
        said.append(repr(decision))
        referee = between(referee)
        assert len(said) <= 4 * BUDGET * len(sweep.curves), "it goes on for ever"
    return [*said, repr(sorted(sweep.step.items())), repr(sorted(sweep.let_go))]
