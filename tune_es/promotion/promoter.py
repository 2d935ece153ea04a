"""Who runs, who pauses and who goes on: the trials of a sweep as they pass from rung to rung."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy

from tune_es.promotion.arrivals import Arrivals
from tune_es.promotion.axis import PILOT
from tune_es.promotion.race import Race, Runner, after_pilot
from tune_es.promotion.rule import Rung
from tune_es.promotion.standing import Saved, Standing
from tune_es.promotion.ties import ranked, track_of
from tune_es.records import Action


class Promoter(Race):
    """Takes the trials of one sweep from rung to rung; the same object live and in replay.

    A trial that comes to a rung pauses there. A rule that waits judges a rung when every trial of
    the sweep has come to it or is over: until then free workers take new trials, and then none. A
    trial whom those that are still to come cannot keep from going on does not wait for them; the
    rung is judged later as if it had.
    Who is let go is never taken up again. Where trials save no checkpoints nobody can pause: then
    each is judged at once among those that came to the rung before it, and goes on or stops.

    Args:
        rule: Where the rungs are and who goes on.
        max_t: The budget of a trial, in steps.
        trials: How many trials the sweep has; None where nobody knows. Then a rung is judged when
            no new trial is there to be started, and there is no pilot. Where more come than were
            said, those are first judged at the next rung that is still to be judged.
        ties: What tells tied trials apart; there is no pilot then, who is ranked by one metric.
    """

    def add(self, trial_id: str) -> None:
        """A trial joins; one that is known stays where it is, or over."""
        if trial_id not in self._known or trial_id in self._failed:
            self._failed.discard(trial_id)
            place = self._known.setdefault(trial_id, len(self._known))
            first = PILOT if self._pilots and place >= self._pilots else 0
            if self.rule.waits and place >= (self.trials or math.inf):
                first = max(first, self._open)
            self._runners[trial_id] = Runner(track_of(trial_id, self.ties), first)
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
        """Note a score, oriented; PAUSE at a rung, STOP where the trial will not go on.

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
        return self._arrive(runner) if self.pauses else self._sift(runner)

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
        if runner is not None and trial_id not in self._early:
            self._is_gone(trial_id, runner, failed)
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
        if not pending:
            self._judge_full()
        ready = self._ready if self.rule.waits else self._highest_first()
        for name in ready:
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

    def _arrive(self, runner: Runner) -> Action:
        """A trial comes to its rung: it pauses there, unless its way is known at once."""
        trial_id = runner.track.trial_id
        runner.waits = True
        self._away.discard(trial_id)
        arrivals = self._passed.setdefault(runner.rung, Arrivals(self.ties))
        standing = runner.track.standing()
        self._has_come(runner, standing, trial_id not in arrivals.standings)
        arrivals.note(standing)
        if self.rule.waits:
            self._promote_safe(runner.rung)
            if self.trials is not None and len(self._known) >= self.trials:
                self._judge_full()  # the last one to come need not pause to go on
        else:
            places = self.rule.places(len(arrivals.standings))
            self._promote(arrivals.placed(trial_id, places), runner.rung + 1)
        if trial_id in self._ready:
            self._set_off(trial_id)
        if trial_id in self._reasons:  # the last one to come has no place
            self._given_up.remove(trial_id)
            return Action.STOP
        return Action.PAUSE if runner.waits else Action.CONTINUE

    def _sift(self, runner: Runner) -> Action:
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
        leader, most = ranked(here, self.ties)[0], self._axis.most
        seen = Rung(self._axis.rung(rung), most, len(here), here, leader, (), self.ties)
        return {leader.trial_id, *self.rule.judge(seen, self._memory)[0]}

    def _highest_first(self) -> list[str]:
        return sorted(self._ready, key=lambda one: -self._runners[one].rung)

    def _judge_full(self) -> None:
        """Judge rungs to which all have come, until somebody may go on."""
        while not self._ready and self._runners and self._is_full():
            self._judge()

    def _is_full(self) -> bool:
        """True where nobody is on the way to the rung; some may have gone on from it."""
        if not self._early:
            return not self._away
        return all(self._runners[name].rung > self._open for name in self._away)

    def _judge(self) -> None:
        """All have come to the lowest rung: judge it, and let go who does not go on."""
        lowest = min(one.rung for one in self._runners.values()) if not self._early else self._open
        if lowest != self._open:
            self._field = None
        here = [one.track for one in self._runners.values() if one.rung == lowest]
        if lowest == PILOT:
            pilots = [one.track for one in self._runners.values() if one.rung != PILOT]
            self._promote(after_pilot(self.rule, pilots, here, self.trials or 0), 0)
        elif self.rule.waits:
            self._judge_rung(lowest)
        self._open, self._field = lowest + 1, None
        left = [one for one in self._runners.values() if one.rung == lowest]
        self._given_up += [one.track.trial_id for one in left]
        if left:
            self._part(lowest, left, len(self._passed[lowest].standings) - len(left))

    def _judge_rung(self, rung: int) -> None:
        seen = self._filling(rung)
        if seen is not None:
            promoted, self._memory = self.rule.judge(seen, self._memory)
            if not promoted and not self._over and not self._early:
                promoted = [seen.top(1)[0].trial_id]  # one is trained in full, at least
            self._promote(promoted, rung + 1)
        self._early.clear()

    def _promote_safe(self, rung: int) -> None:
        """Whom those that are missing cannot keep from going on need not wait for them."""
        if rung != self._open or rung == PILOT or self.trials is None:
            return
        missing = max(0, self.trials - len(self._known))
        missing += len(self._away) - len(self._away & self._early)
        arrived = len(self._passed[rung].standings)
        if 0 < missing < arrived and self.rule.hurries(self._axis.rung(rung), arrived, missing):
            seen = self._filling(rung)
            safe = () if seen is None else self.rule.safe(seen, missing, self._memory)
            self._promote(safe, rung + 1)
            self._early.update(safe)
