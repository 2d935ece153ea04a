"""Who runs, who pauses and who goes on: the trials of a sweep as they pass from rung to rung."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

from tune_es.promotion.arrivals import Arrivals
from tune_es.promotion.axis import PILOT, Axis
from tune_es.promotion.rule import PromotionRule, Rung
from tune_es.promotion.standing import Saved, Standing, Track
from tune_es.promotion.ties import TieBreak, ranked, reasons, track_of
from tune_es.records import Action


@dataclass
class _Runner:
    """A trial in the race, on its way to a rung or waiting there."""

    track: Track
    rung: int
    waits: bool = False


@dataclass
class Promoter:
    """Takes the trials of one sweep from rung to rung; the same object live and in replay.

    A trial that comes to a rung pauses there. A rule that waits judges a rung when every trial of
    the sweep has come to it or is over: until then free workers take new trials, and then none.
    Who is let go is never taken up again. Where trials save no checkpoints nobody can pause: then
    each is judged at once among those that came to the rung before it, and goes on or stops.

    Args:
        rule: Where the rungs are and who goes on.
        max_t: The budget of a trial, in steps.
        trials: How many trials the sweep has; None where nobody knows. Then a rung is judged when
            no new trial is there to be started, and there is no pilot.
        ties: What tells tied trials apart; there is no pilot then, who is ranked by one metric.
    """

    rule: PromotionRule
    max_t: float
    trials: int | None = None
    ties: TieBreak | None = None
    #: False once a trial came to a rung without any checkpoint.
    pauses: bool = True
    #: All that ever joined, and as the how manieth, from 0.
    _known: dict[str, int] = field(default_factory=dict)
    #: Those that failed, and may be restarted.
    _failed: set[str] = field(default_factory=set)
    _runners: dict[str, _Runner] = field(default_factory=dict)
    #: Those that may go on and have not set off, the best first.
    _ready: dict[str, None] = field(default_factory=dict)
    #: Those that are on their way or may be: while there are any, no rung is full.
    _away: set[str] = field(default_factory=set)
    _over: dict[str, Standing] = field(default_factory=dict)
    _let_go: dict[str, Standing | None] = field(default_factory=dict)
    _passed: dict[int, Arrivals] = field(default_factory=dict)
    _given_up: list[str] = field(default_factory=list)
    _reasons: dict[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._axis = Axis(self.rule, self.max_t)
        has_pilots = self.trials and self._axis.rungs and self.ties is None
        self._pilots = self.rule.pilots(self.trials or 0) if has_pilots else 0
        self._memory = self.rule.init()

    def add(self, trial_id: str) -> None:
        """A trial joins; one that is known stays where it is, or over."""
        if trial_id not in self._known or trial_id in self._failed:
            self._failed.discard(trial_id)
            place = self._known.setdefault(trial_id, len(self._known))
            first = PILOT if self._pilots and place >= self._pilots else 0
            self._runners[trial_id] = _Runner(track_of(trial_id, self.ties), first)
            self._away.add(trial_id)

    def report(
        self,
        trial_id: str,
        step: float,
        score: float | None,
        saved: Saved = Saved.HERE,
        ends: bool = False,
        others: Sequence[float | None] = (),
    ) -> Action:
        """Note a score, oriented; PAUSE at a rung, STOP where that would lose the trial.

        One that ``ends`` with this score takes no place at a rung. ``others`` are the values of the
        companion metrics, oriented, where ties are broken.
        """
        runner = self._runners.get(trial_id)
        if runner is None:
            return self._outside(trial_id)
        self._is_away(trial_id, runner)
        step = self._axis.place(step)
        runner.track.record(step, score, *others)
        if ends or step < self._axis.rung(runner.rung):
            return Action.CONTINUE
        self.pauses = self.pauses and saved is not Saved.NEVER
        if self.pauses and saved is Saved.EARLIER:
            return Action.CONTINUE
        while self._axis.rung(runner.rung + 1) <= step:
            runner.rung += 1
        if not self.pauses:
            return self._sift(runner)
        runner.waits = True
        self._away.discard(trial_id)
        arrivals = self._passed.setdefault(runner.rung, Arrivals(self.ties))
        arrivals.note(runner.track.standing())
        if not self.rule.waits:
            places = self.rule.places(len(arrivals.standings))
            self._promote(arrivals.placed(trial_id, places), runner.rung + 1)
            if trial_id in self._ready:
                self._set_off(trial_id)
        return Action.PAUSE if runner.waits else Action.CONTINUE

    def holds(self, trial_id: str, step: float) -> bool:
        """True where a trial has to wait at this step; one that may go on sets off."""
        runner = self._runners.get(trial_id)
        if runner is None:
            return self._outside(trial_id) is not Action.CONTINUE
        if trial_id in self._ready:
            self._set_off(trial_id)
        return runner.waits and self._axis.place(step) >= self._axis.rung(runner.rung)

    def is_held(self, trial_id: str) -> bool:
        """True where a paused trial has to stay so: it waits at a rung, or was let go."""
        runner = self._runners.get(trial_id)
        return trial_id in self._let_go if runner is None else runner.waits

    @property
    def let_go(self) -> Mapping[str, Mapping[str, float]]:
        """The trials that were let go, ended or not, and why: they are never taken up again."""
        return self._reasons

    def given_up(self) -> Iterator[str]:
        """The trials that were let go since this was asked last: they can be ended."""
        given_up, self._given_up = self._given_up, []
        return iter(given_up)

    def end(self, trial_id: str, failed: bool = False) -> None:
        """A trial is over; what it reached stays in the race as the mark to catch."""
        runner = self._runners.pop(trial_id, None)
        self._ready.pop(trial_id, None)
        self._away.discard(trial_id)
        if failed:
            self._failed.add(trial_id)
        elif runner is not None and runner.track.is_alive:
            self._over[trial_id] = runner.track.standing()

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        """The next trial for a free worker, or None to leave it idle.

        A rule that waits fills its rung first; one that does not prefers who is ahead.
        """
        if pending and self.rule.waits:
            return pending[0]
        while not self._ready and not pending and not self._away and self._runners:
            self._judge()
        for name in sorted(self._ready, key=lambda one: -self._runners[one].rung):
            if name in paused:
                self._set_off(name)
                return name
        if pending:
            return pending[0]
        # Paused by somebody else, or before a crash.
        return next((name for name in paused if name in self._away), None) if self._away else None

    def copy(self) -> Promoter:
        """One with the same content, of its own."""
        return deepcopy(self)

    def _outside(self, trial_id: str) -> Action:
        """What a trial hears that is not in the race: one that was let go has to leave."""
        if trial_id not in self._let_go:
            return Action.CONTINUE
        return Action.PAUSE if self.pauses else Action.STOP

    def _is_away(self, trial_id: str, runner: _Runner) -> None:
        """A trial that reports is on its way, wherever it was thought to be."""
        self._ready.pop(trial_id, None)
        runner.waits = False
        self._away.add(trial_id)

    def _set_off(self, trial_id: str) -> None:
        del self._ready[trial_id]
        self._runners[trial_id].waits = False

    def _sift(self, runner: _Runner) -> Action:
        """Go on or stop, judged at once among those that have come to the rung."""
        trial_id, rung = runner.track.trial_id, runner.rung
        if rung != PILOT:
            arrivals = self._passed.setdefault(rung, Arrivals(self.ties))
            arrivals.note(runner.track.standing())
            here = [one for one in arrivals.standings.values() if math.isfinite(one.best)]
            wanted = self._wanted(rung, here) if runner.track.is_alive else set[str]()
            if trial_id not in wanted:
                self._away.discard(trial_id)
                self._part(rung, [runner], len(wanted))
                return Action.STOP
        runner.rung += 1
        return Action.CONTINUE

    def _wanted(self, rung: int, here: Sequence[Standing]) -> set[str]:
        leader = ranked(here, self.ties)[0]
        most = self._axis.most
        seen = Rung(self._axis.rung(rung), most, len(here), here, leader, (), self.ties)
        return {leader.trial_id, *self.rule.judge(seen, self._memory)[0]}

    def _judge(self) -> None:
        """Everybody waits: judge the lowest rung, and let go who does not go on."""
        lowest = min(one.rung for one in self._runners.values())
        here = [one.track for one in self._runners.values() if one.rung == lowest]
        alive = [one.standing() for one in here if one.is_alive]
        if lowest == PILOT:
            self._judge_pilot(here)
        elif self.rule.waits and alive:
            self._judge_rung(lowest, alive)
        left = [one for one in self._runners.values() if one.rung == lowest]
        self._given_up += [one.track.trial_id for one in left]
        self._part(lowest, left, len(here) - len(left))

    def _part(self, rung: int, runners: Sequence[_Runner], kept: int) -> None:
        """Let trials go that did not get a place at a rung, each with the reason in numbers."""
        why = reasons(ranked(self._passed[rung].standings.values(), self.ties, self.rule.score))
        for track in (one.track for one in runners):
            del self._runners[track.trial_id]
            self._let_go[track.trial_id] = track.standing() if track.is_alive else None
            self._reasons[track.trial_id] = {**why[track.trial_id], "kept": kept}

    def _judge_pilot(self, others: Sequence[Track]) -> None:
        pilots = [one.track for one in self._runners.values() if one.rung != PILOT]
        pairs = [(one.score_at(1), one.score_at(2)) for one in pilots if one.is_alive]
        promoted = [one.trial_id for one in others]
        if self.rule.agrees([pair for pair in pairs if all(map(math.isfinite, pair))]):
            ranked = sorted([*pilots, *others], key=lambda one: -one.best_at(1))
            best = {one.trial_id for one in ranked[: (self.trials or 0) // 2]}
            promoted = [name for name in promoted if name in best]
        self._promote(promoted, 0)

    def _judge_rung(self, rung: int, here: Sequence[Standing]) -> None:
        let_go = [each for each in self._let_go.values() if each is not None]
        racing = [one.track.standing() for one in self._runners.values() if one.track.is_alive]
        leader = ranked([*here, *racing, *self._over.values(), *let_go], self.ties)[0]
        trials = self.trials or len(self._known)
        most = self._axis.most
        seen = Rung(self._axis.rung(rung), most, trials, here, leader, let_go, self.ties)
        promoted, self._memory = self.rule.judge(seen, self._memory)
        if not promoted and self.rule.waits and not self._over:
            promoted = [
                ranked(here, self.ties)[0].trial_id
            ]  # a sweep trains one trial in full, at least
        self._promote(promoted, rung + 1)

    def _promote(self, names: Sequence[str], rung: int) -> None:
        for name in names:
            runner = self._runners.get(name)
            if runner is not None and runner.waits and runner.rung < rung and runner.track.is_alive:
                runner.rung = rung
                self._ready[name] = None
                self._away.add(name)
