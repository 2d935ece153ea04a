"""The only thing that remembers: every trial's history, and what was decided about it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tune_es.cohort import Cohort
from tune_es.life import Life, same
from tune_es.packing import Ended, pack, unpack
from tune_es.policy import Policy
from tune_es.promoted import let_go, promoted, promoter_of
from tune_es.promotion import Saved
from tune_es.records import Action, Decision, Observation, Verdict

#: Version of the snapshot's layout.
LAYOUT = 5


class Referee:
    """Judges every trial of one experiment; the same object live and in replay.

    A step that was judged already gives the decision it got then: after a crash, Ray reports steps
    again. An earlier step with other numbers is a new life of the trial, and its history is cut
    back to there. ``snapshot`` and ``restore`` carry everything across a crash.

    Args:
        policy: What decides.
        trials: How many trials the sweep will have, for a policy with promotion; None where
            nobody knows.

    >>> from tune_es import Patience
    >>> referee = Referee(Policy("loss", "min", stop=Patience(2)))
    >>> for step, loss in enumerate([0.5, 0.6, 0.7], start=1):
    ...     decision = referee.report("a", {"training_iteration": step, "loss": loss})
    >>> decision.stop, decision.verdict.evidence["best"], decision.best_step
    (True, 0.5, 1)
    """

    def __init__(self, policy: Policy, trials: int | None = None) -> None:
        self.policy = policy
        self._promoter = promoter_of(policy, trials)
        self._cohort = Cohort()
        self._lives: dict[str, Life] = {}
        self._ended = Ended()
        #: Observations judged so far; steps that come again are not counted again.
        self.judged = 0

    def admit(self, trial_id: str, params: Mapping[str, Any] | None = None) -> Policy:
        """Take in a trial with its own stopping parameters; one that is known stays as it is.

        A trial that was stopped is over, whatever it reports after a crash.

        Raises:
            ValueError: A parameter that the policy does not have or allow.
        """
        life = self._lives.get(trial_id)
        if life is None:
            if self._is_over(trial_id):
                return self.policy
            policy = self.policy.with_params(params) if params else self.policy
            life = self._lives[trial_id] = Life(policy, policy.init())
            if self._promoter is not None:
                self._promoter.add(trial_id)
        return life.policy

    def report(
        self, trial_id: str, result: Mapping[str, object], saved: Saved = Saved.HERE
    ) -> Decision:
        """Judge a result dictionary, flat or nested; ``saved`` is as in :meth:`observe`.

        Raises:
            ValueError: The result has no usable ``time_attr``.
        """
        policy = self.admit(trial_id)
        reading = policy.read(trial_id, result)
        if reading.observation is None:
            problem = reading.problems[policy.time_attr]
            raise ValueError(f"result of trial {trial_id}: {policy.time_attr!r} {problem}")
        return self.observe(reading.observation, saved)

    def observe(self, observation: Observation, saved: Saved = Saved.HERE) -> Decision:
        """Judge one observation; ``saved`` is where the trial would go on after a pause."""
        if observation.trial_id not in self._lives:
            if self._is_over(observation.trial_id):
                return self._on_its_way(observation)
            self.admit(observation.trial_id)
        life = self._lives[observation.trial_id]
        at = life.place(observation.step)
        if at < len(life.observations):
            if life.knows(at, observation):
                return self._again(life.decisions[at])
            self._cohort.cut(observation.trial_id, life.observations[at].step)
            life.cut(at, self._cohort.peers(observation.trial_id))
        return self._judge(life, observation, saved)

    def stands_still(self, observation: Observation) -> bool:
        """True where a trial reports its latest step again with other numbers: they are ignored."""
        life = self._lives.get(observation.trial_id)
        latest = life.observations[-1] if life and life.observations else None
        return (
            latest is not None and latest.step == observation.step and not same(latest, observation)
        )

    def last(self, trial_id: str) -> Decision | None:
        """The latest decision about a trial, ended ones included.

        Of one that promotion has let go it is the stop that says why.
        """
        life = self._lives.get(trial_id)
        if life is None or not life.decisions:
            return self._ended.get(trial_id)
        latest = life.decisions[-1]
        if self._promoter is None or latest.stop or trial_id not in self._promoter.let_go:
            return latest
        return let_go(self._promoter, latest, life.observations[-1].sign)

    @property
    def trials(self) -> Collection[str]:
        """The trials that have not been forgotten, in the order in which they were taken in."""
        return self._lives.keys()

    @property
    def ended(self) -> Mapping[str, Decision]:
        """The last decision about every trial that was forgotten."""
        return self._ended

    def forget(self, trial_id: str, failed: bool = False) -> None:
        """Drop the history of a trial that has ended; its last decision and its scores stay."""
        last = self.last(trial_id)
        if self._promoter is not None:
            self._promoter.end(trial_id, failed)
        if self._lives.pop(trial_id, None) is not None and last is not None:
            self._ended.add(last)
            if last.stop:  # it is over: only its peers will ask for what it reported
                self._cohort.retire(trial_id)
            else:
                self._cohort.rest(trial_id)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        """Which trial a free worker takes, the oldest first in both lists; None leaves it idle."""
        if self._promoter is not None:
            return self._promoter.choose(pending, paused)
        return pending[0] if pending else paused[0] if paused else None

    def is_held(self, trial_id: str) -> bool:
        """True where a paused trial is to stay so until it is chosen or let go."""
        return self._promoter is not None and self._promoter.is_held(trial_id)

    @property
    def let_go(self) -> Collection[str]:
        """The trials that promotion has let go: where they are paused they can be ended."""
        return () if self._promoter is None else self._promoter.let_go

    def given_up(self) -> Iterator[str]:
        """Those among them that were let go since this was asked last."""
        return iter(()) if self._promoter is None else self._promoter.given_up()

    @property
    def pauses(self) -> bool:
        """True where trials pause at rungs: there is promotion, and trials save checkpoints."""
        return self._promoter is not None and self._promoter.pauses

    def snapshot(self) -> dict[str, Any]:
        """Everything remembered, to be pickled at once; later observations do not change it."""
        promoter = self._promoter and (pack(self._promoter) or self._promoter.copy())
        return {
            "layout": LAYOUT,
            "policy": self.policy,
            "lives": {name: life.saved(self.policy) for name, life in self._lives.items()},
            "ended": self._ended.saved(),
            "cohort": self._cohort.copy(),
            "judged": self.judged,
            "promoter": promoter,
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot as if nothing had happened.

        Raises:
            ValueError: The snapshot was written by another version of the layout.
        """
        layout = snapshot.get("layout")
        if layout != LAYOUT:
            raise ValueError(f"Referee snapshot layout must be {LAYOUT}, got {layout!r}")
        common, promoter = snapshot["policy"], snapshot["promoter"]
        common = self.policy if common == self.policy else common
        self._lives = {name: Life.of(saved, common) for name, saved in snapshot["lives"].items()}
        self._ended = Ended(snapshot["ended"])
        self._cohort = snapshot["cohort"].copy()
        self.judged = snapshot["judged"]
        is_packed = isinstance(promoter, bytes)
        self._promoter = unpack(promoter) if is_packed else promoter and promoter.copy()

    def _is_over(self, trial_id: str) -> bool:
        return trial_id in self._ended and self._ended[trial_id].stop

    def _on_its_way(self, observation: Observation) -> Decision:
        """What a trial hears that was stopped, and goes through its steps again after a crash."""
        last = self._ended[observation.trial_id]
        if observation.step >= last.step:
            return last
        verdict = Verdict(False, last.verdict.criterion)
        return replace(last, step=observation.step, action=Action.CONTINUE, verdict=verdict)

    def _judge(self, life: Life, observation: Observation, saved: Saved) -> Decision:
        common, own = self.policy.criterion.compared, life.policy.criterion.compared
        if common is not None or own is not None:
            self._cohort.hear(observation, {*(common or ()), *(own or ())})
        peers = self._cohort.peers(observation.trial_id)
        life.state, decision = life.policy.step(life.state, observation, peers)
        if self._promoter is not None:
            decision = promoted(self._promoter, observation, decision, saved)
        self.judged += 1
        life.add(observation, decision)
        return decision

    def _again(self, decision: Decision) -> Decision:
        """A decision on a step that comes again: a trial that may go on by now is not held."""
        trial_id, step = decision.trial_id, decision.step
        if decision.action is not Action.PAUSE or self._promoter is None:
            return decision
        held = self._promoter.holds(trial_id, step)
        return decision if held else replace(decision, action=Action.CONTINUE)
