"""Who runs, who pauses and who goes on: the trials of a sweep as they pass from rung to rung."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from tune_es.promotion.rule import PromotionRule, Rung
from tune_es.promotion.standing import Standing, Track
from tune_es.records import Action

#: The index of the rung at step 1, at which all but the pilots stop first.
PILOT = -1


@dataclass
class _Runner:
    """A trial in the race, on its way to a rung or waiting there."""

    track: Track
    rung: int
    waits: bool = False


@dataclass
class Promoter:
    """Takes the trials of one sweep from rung to rung; the same object live and in replay.

    A trial that comes to a rung pauses, unless it may go on at once. A rule that waits judges a
    rung when every trial of the sweep has come to it or is over: until then free workers take new
    trials, and then none. Who is let go is never taken up again.

    Args:
        rule: Where the rungs are and who goes on.
        max_t: The budget of a trial, in steps.
        trials: How many trials the sweep has; None where nobody knows. Then a rung is judged when
            no new trial is there to be started, and there is no pilot.
    """

    rule: PromotionRule
    max_t: float
    trials: int | None = None
    _runners: dict[str, _Runner] = field(default_factory=dict)
    #: Those that may go on and have not set off.
    _ready: dict[str, None] = field(default_factory=dict)
    #: Those that are on their way or may be: while there are any, no rung is full.
    _away: set[str] = field(default_factory=set)
    _over: dict[str, Standing] = field(default_factory=dict)
    _let_go: dict[str, Standing] = field(default_factory=dict)
    _passed: dict[int, dict[str, Standing]] = field(default_factory=dict)
    _joined: int = 0
    _given_up: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rungs = self.rule.rungs(self.max_t)
        self._pilots = self.rule.pilots(self.trials) if self.trials and self._rungs else 0
        self._memory = self.rule.init()

    def add(self, trial_id: str) -> None:
        """A trial joins; one that is known stays where it is."""
        if any(trial_id in known for known in (self._runners, self._let_go, self._over)):
            return
        self._joined += 1
        first = PILOT if self._pilots and self._joined > self._pilots else 0
        self._runners[trial_id] = _Runner(Track(trial_id), first)
        self._away.add(trial_id)

    def report(self, trial_id: str, step: float, score: float | None) -> Action:
        """Note a score, oriented; PAUSE where the trial has to wait at a rung."""
        runner = self._runners.get(trial_id)
        if runner is None:
            return Action.PAUSE
        runner.track.record(step, score)
        if step < self._step_of(runner.rung):
            return Action.CONTINUE
        while self._step_of(runner.rung + 1) <= step:
            runner.rung += 1
        runner.waits = True
        self._away.discard(trial_id)
        if not self.rule.waits:
            self._passed.setdefault(runner.rung, {})[trial_id] = runner.track.standing()
        if self._joined == self.trials or not self.rule.waits:
            self._judge()
        return Action.PAUSE if self.holds(trial_id, step) else Action.CONTINUE

    def holds(self, trial_id: str, step: float) -> bool:
        """True where a trial has to wait at this step; one that may go on sets off."""
        runner = self._runners.get(trial_id)
        if trial_id in self._ready:
            self._set_off(trial_id)
        return runner is None or (runner.waits and step >= self._step_of(runner.rung))

    def end(self, trial_id: str, failed: bool = False) -> None:
        """A trial is over; what it reached stays in the race as the mark to catch."""
        runner = self._runners.pop(trial_id, None)
        self._ready.pop(trial_id, None)
        self._away.discard(trial_id)
        if runner is not None and not failed and runner.track.is_alive:
            self._over[trial_id] = runner.track.standing()

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        """The next trial for a free worker, or None to leave it idle.

        A rule that waits fills its rung first; one that does not prefers who is ahead.
        """
        if pending and self.rule.waits:
            return pending[0]
        self._judge()
        ready = [name for name in self._ready if name in paused]
        if not ready:
            return pending[0] if pending else None
        chosen = max(ready, key=lambda name: self._runners[name].rung)
        self._set_off(chosen)
        return chosen

    def given_up(self) -> Iterator[str]:
        """The trials that were let go since this was asked last: they can be ended."""
        while self._given_up:
            yield self._given_up.pop()

    def copy(self) -> Promoter:
        """One with the same content, of its own."""
        return deepcopy(self)

    def _step_of(self, rung: int) -> float:
        if rung == PILOT:
            return 1
        return self._rungs[rung] if rung < len(self._rungs) else math.inf

    def _set_off(self, trial_id: str) -> None:
        del self._ready[trial_id]
        self._runners[trial_id].waits = False

    def _judge(self) -> None:
        if not self.rule.waits:
            for rung in sorted(self._passed, reverse=True):
                self._judge_rung(rung, [*self._passed[rung].values()])
        elif self._runners and not self._away:
            lowest = min(one.rung for one in self._runners.values())
            here = [one.track for one in self._runners.values() if one.rung == lowest]
            if lowest == PILOT:
                self._judge_pilot(here)
            else:
                self._judge_rung(lowest, [one.standing() for one in here if one.is_alive])
            self._let_the_rest_go(here)

    def _judge_pilot(self, others: Sequence[Track]) -> None:
        pilots = [one.track for one in self._runners.values() if one.rung != PILOT]
        pairs = [(one.scores[0], one.scores[1]) for one in pilots if one.is_alive]
        promoted = [one.trial_id for one in others]
        if self.rule.agrees(pairs):
            ranked = sorted([*pilots, *others], key=lambda one: -one.bests[0])
            best = {one.trial_id for one in ranked[: (self.trials or 0) // 2]}
            promoted = [name for name in promoted if name in best]
        self._promote(promoted, 0)

    def _judge_rung(self, rung: int, here: Sequence[Standing]) -> None:
        if not here:
            return
        racing = [one.track.standing() for one in self._runners.values() if one.track.steps]
        known = [*racing, *self._over.values(), *self._let_go.values()]
        leader = max(known, key=lambda one: one.best)
        trials = self.trials or self._joined
        seen = Rung(here[0].step, self.max_t, trials, here, leader, [*self._let_go.values()])
        promoted, self._memory = self.rule.judge(seen, self._memory)
        self._promote(promoted, rung + 1)

    def _promote(self, names: Sequence[str], rung: int) -> None:
        for name in names:
            runner = self._runners.get(name)
            if runner is not None and runner.waits and runner.rung < rung and runner.track.is_alive:
                runner.rung = rung
                self._ready[name] = None
                self._away.add(name)

    def _let_the_rest_go(self, tracks: Sequence[Track]) -> None:
        for track in tracks:
            name = track.trial_id
            if name not in self._ready:
                del self._runners[name]
                self._given_up.append(name)
                if track.is_alive:
                    self._let_go[name] = track.standing()
