"""Where the trials of a sweep are in the race, and how a rung looks to its rule."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_es.promotion.arrivals import Arrivals
from tune_es.promotion.axis import PILOT, Axis
from tune_es.promotion.field import Field
from tune_es.promotion.rule import PromotionRule, Rung
from tune_es.promotion.standing import Standing, Track
from tune_es.promotion.ties import TieBreak, leader_of, ranked, reasons


@dataclass
class Runner:
    """A trial on its way to a rung, or waiting there."""

    track: Track
    rung: int
    waits: bool = False


@dataclass
class Race:
    """What :class:`tune_es.promotion.Promoter` remembers of a sweep, and how it moves a trial."""

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
    _runners: dict[str, Runner] = field(default_factory=dict)
    #: Those that may go on and have not set off, the best first.
    _ready: dict[str, None] = field(default_factory=dict)
    #: Those that are on their way or may be: while there are any, no rung is full.
    _away: set[str] = field(default_factory=set)
    _over: dict[str, Standing] = field(default_factory=dict)
    _let_go: dict[str, Standing | None] = field(default_factory=dict)
    _passed: dict[int, Arrivals] = field(default_factory=dict)
    _given_up: list[str] = field(default_factory=list)
    _reasons: dict[str, Mapping[str, float]] = field(default_factory=dict)
    #: The rung that is judged next, and who went on from it already.
    _open: int = 0
    _early: set[str] = field(default_factory=set)
    #: Who is at that rung, kept from one to the next; None where anything else has happened.
    _field: Field | None = None

    def __getstate__(self) -> dict[str, Any]:
        state = {**self.__dict__, "_field": None}
        state["_runners"] = [
            (*one.track.plain(), one.rung, one.waits) for one in self._runners.values()
        ]
        state["_over"] = [each.plain() for each in self._over.values()]
        state["_let_go"] = [(name, each and each.plain()) for name, each in self._let_go.items()]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        runners = (
            Runner(Track.of(track), rung, waits) for *track, rung, waits in state["_runners"]
        )
        self._runners = {one.track.trial_id: one for one in runners}
        self._over = {each.trial_id: each for each in map(Standing.of, state["_over"])}
        self._let_go = {name: each and Standing.of(each) for name, each in state["_let_go"]}

    def __post_init__(self) -> None:
        self._axis = Axis(self.rule, self.max_t)
        has_pilots = self.trials and self._axis.rungs and self.ties is None
        self._pilots = self.rule.pilots(self.trials or 0) if has_pilots else 0
        self._open = PILOT if self._pilots else 0
        self._memory = self.rule.init()

    def _is_away(self, trial_id: str, runner: Runner) -> None:
        """A trial that reports is on its way, wherever it was thought to be."""
        if trial_id not in self._early and (runner.waits or runner.rung > self._open):
            self._field = None
        self._ready.pop(trial_id, None)
        runner.waits = False
        self._away.add(trial_id)

    def _set_off(self, trial_id: str) -> None:
        del self._ready[trial_id]
        self._runners[trial_id].waits = False

    def _here(self, rung: int) -> list[Standing]:
        """Who waits at a rung alive, and who went on from it early, as they stood there."""
        waiting = {
            name
            for name, one in self._runners.items()
            if one.rung == rung and name not in self._away and one.track.is_alive
        }
        names = waiting | self._early
        return [self._passed[rung].standings[name] for name in self._known if name in names]

    def _seen(self, rung: int, here: Sequence[Standing]) -> Rung:
        """The rung as it would be if nobody had gone on from it early."""
        let_go = self._behind()
        leader = leader_of([*here, *self._elsewhere(rung), *let_go], self.ties)
        trials, most = self.trials or len(self._known), self._axis.most
        return Rung(self._axis.rung(rung), most, trials, here, leader, let_go, self.ties)

    def _elsewhere(self, rung: int) -> list[Standing]:
        """Who is past the rung or over, but for those that went on from it early."""
        others = [one.track for one in self._runners.values() if one.rung > rung]
        racing = [
            one.standing() for one in others if one.is_alive and one.trial_id not in self._early
        ]
        over = [each for name, each in self._over.items() if name not in self._early]
        return [*racing, *over]

    def _behind(self) -> list[Standing]:
        """Who was let go, and was alive."""
        return [each for each in self._let_go.values() if each is not None]

    def _filling(self, rung: int) -> Rung | None:
        """The same of the rung that is judged next, while trials come to it one by one."""
        if self._field is None:
            here = self._here(rung)
            if not here:
                return None
            if self.ties is not None and self.ties.moves_all:
                return self._seen(rung, here)
            numbered = [(self._known[each.trial_id], each) for each in here]
            let_go, others = self._behind(), self._elsewhere(rung)
            self._field = Field(numbered, let_go, others, self._axis.most, self.ties)
        kept, step = self._field, self._axis.rung(rung)
        trials, most = self.trials or len(self._known), self._axis.most
        return Rung(step, most, trials, kept.here, kept.leader, kept.let_go, self.ties, kept)

    def _has_come(self, runner: Runner, standing: Standing, is_new: bool) -> None:
        """Keep who is at the rung up to date with one that comes to it, or to a later one."""
        name, kept = standing.trial_id, self._field
        if kept is None or (runner.rung > self._open and name in self._early):
            return
        if not is_new or runner.rung != self._open or kept.is_led_by(standing):
            self._field = None
        elif runner.track.is_alive:
            kept.add(self._known[name], standing)

    def _is_gone(self, trial_id: str, runner: Runner, failed: bool) -> None:
        """Keep who is at the rung up to date with one that ends; on its way to it, it may lead."""
        kept, track = self._field, runner.track
        if kept is None:
            return
        on_its_way = trial_id in self._away and runner.rung <= self._open
        leads = not failed and track.is_alive and kept.is_led_by(track.standing())
        if not on_its_way or leads:
            self._field = None

    def _part(self, rung: int, runners: Sequence[Runner], kept: int) -> None:
        """Let trials go that did not get a place at a rung, each with the reason in numbers."""
        self._field = None
        why = reasons(ranked(self._passed[rung].standings.values(), self.ties, self.rule.score))
        for track in (one.track for one in runners):
            del self._runners[track.trial_id]
            self._let_go[track.trial_id] = track.standing() if track.is_alive else None
            reason = why[track.trial_id] if track.is_alive else {"trials": len(why)}
            self._reasons[track.trial_id] = {**reason, "kept": kept}

    def _promote(self, names: Sequence[str], rung: int) -> None:
        for name in names:
            runner = self._runners.get(name)
            if runner is not None and runner.waits and runner.rung < rung and runner.track.is_alive:
                runner.rung = rung
                self._ready[name] = None
                self._away.add(name)


def after_pilot(
    rule: PromotionRule, pilots: Sequence[Track], others: Sequence[Track], trials: int
) -> list[str]:
    """Who of the others goes on from step 1: all, or those among the best half."""
    pairs = [(one.score_at(1), one.score_at(2)) for one in pilots if one.is_alive]
    promoted = [one.trial_id for one in others]
    if rule.agrees([pair for pair in pairs if all(map(math.isfinite, pair))]):
        order = sorted([*pilots, *others], key=lambda one: -one.best_at(1))
        best = {one.trial_id for one in order[: trials // 2]}
        promoted = [name for name in promoted if name in best]
    return promoted
