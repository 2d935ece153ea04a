"""The queue that looks at few trials answers what one that looks at all of them would.

The trials here are not Ray's but stand-ins with a name and a status, which a stand-in for its
controller sets as Ray does: those that wait start in any order, a trial that pauses is first saved,
one that fails comes again, and nobody is told of any of it but by the calls that Ray makes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.experiment import Trial

from tune_es import AdaptiveQuota, AsyncHalving, Policy, RungTable
from tune_es.promotion import PromotionRule
from tune_es.ray.judge import Judge
from tune_es.ray.queue import Queue
from tune_es.records import Action

LENGTH = 8
RULES: dict[str, PromotionRule | None] = {
    "none": None,
    "table": RungTable({2: 5, 4: 2}),
    "adaptive": AdaptiveQuota(),
    "asynchronous": AsyncHalving(1, 2),
}


@dataclass
class Metadata:
    last_result: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Standin:
    """What the queue needs of a trial, and how far it is."""

    trial_id: str
    status: str = Trial.PENDING
    steps: int = 0
    is_saving: bool = False
    has_reported: bool = False
    run_metadata: Metadata = field(default_factory=Metadata)

    def set_status(self, status: str) -> None:
        self.status = status

    def is_finished(self) -> bool:
        return self.status in (Trial.TERMINATED, Trial.ERROR)

    def loss(self) -> float:
        """Falls at a pace of its own, so that ranks change."""
        seed = int(self.trial_id)
        return 1 + seed * 7 % 5 - self.steps * (seed * 3 % 7) / LENGTH


class Scanning(Queue):
    """The queue that looks at every trial at every call."""

    def choose(self, controller: Any) -> Any:
        trials = {name: place.trial for name, place in self._trials.items()}
        pending = [name for name, each in trials.items() if each.status == Trial.PENDING]
        paused = [name for name, each in trials.items() if each.status == Trial.PAUSED]
        referee = self._judge.referee
        stranded = [name for name in paused if self._promotes and not self._is_held(name)]
        name = stranded[0] if stranded else referee.choose(pending, paused)
        chosen = None if name is None else trials[name]
        for each in paused:
            if each in referee.let_go:
                controller.end(trials[each])
        return chosen


class World:
    """A sweep as a queue of one kind sees it."""

    def __init__(self, kind: type[Queue], rule: PromotionRule | None, trials: int | None) -> None:
        self.kind = kind
        self.policy = Policy("loss", "min", stop="none", max_t=LENGTH, promotion=rule)
        self.trials: list[Standin] = []
        self.told: list[tuple[str, bool]] = []
        self.judge = Judge(self.policy)
        self.judge.expect(trials)
        self.queue: Any = kind(self.judge)
        self.search_alg = self

    def of(self, *statuses: str) -> list[Standin]:
        return [each for each in self.trials if each.status in statuses]

    def running(self, is_saving: bool = False, **wanted: bool) -> list[Standin]:
        found = [each for each in self.of(Trial.RUNNING) if each.is_saving == is_saving]
        return [each for each in found if wanted.items() <= vars(each).items()]

    # What Ray's controller does for the queue.

    def end(self, trial: Standin) -> None:
        self._set_trial_status(trial, Trial.RUNNING)
        self.stop_trial(trial)

    def stop_trial(self, trial: Standin) -> None:
        self.judge.forget(trial.trial_id)
        self.queue.drop(trial.trial_id)
        trial.status = Trial.TERMINATED

    def _set_trial_status(self, trial: Standin, status: str) -> None:
        trial.status = status

    def _mark_trial_to_checkpoint(self, trial: Standin) -> None:
        assert trial in self.trials

    def on_trial_complete(self, trial_id: str, result: Any, error: bool) -> None:
        self.told.append((trial_id, error))

    # What happens in a sweep; ``at`` says to which of the trials that it can happen to.

    def add(self, at: int) -> None:
        trial = Standin(str(len(self.trials)))
        self.trials.append(trial)
        self._join(trial)

    def ask(self, at: int = 0) -> str | None:
        trial: Any = self.queue.choose(self)
        if trial is not None and trial.status == Trial.PAUSED:
            trial.status = Trial.PENDING
        return None if trial is None else str(trial.trial_id)

    def start(self, at: int) -> None:
        waiting = self.of(Trial.PENDING)
        if waiting:
            waiting[at % len(waiting)].status = Trial.RUNNING
            waiting[at % len(waiting)].has_reported = False

    def report(self, at: int) -> None:
        running = self.running()
        if not running:
            return
        trial = running[at % len(running)]
        if trial.steps == LENGTH:
            self.stop_trial(trial)
            return
        trial.steps += 1
        trial.has_reported = True
        result = {"training_iteration": trial.steps, "loss": trial.loss()}
        decision = self.judge.judge(trial.trial_id, result)
        self.queue.noted(trial)
        assert decision is not None
        trial.is_saving = decision.action is Action.PAUSE
        if decision.action is Action.STOP:
            self.stop_trial(trial)

    def save(self, at: int) -> None:
        saving = self.running(is_saving=True)
        if saving:
            trial = saving[at % len(saving)]
            trial.status, trial.is_saving = Trial.PAUSED, False

    def is_paused_by_somebody(self, at: int) -> None:
        running = self.running(has_reported=True)
        if running:
            running[at % len(running)].status = Trial.PAUSED

    def comes_again(self, at: int) -> None:
        running = self.of(Trial.RUNNING)
        if running:
            trial = running[at % len(running)]
            trial.status, trial.is_saving = Trial.PENDING, False
            trial.steps = max(0, trial.steps - at % 3)
            self._join(trial)

    def fails(self, at: int) -> None:
        running = self.of(Trial.RUNNING)
        if running:
            trial = running[at % len(running)]
            self.queue.fail(trial)
            trial.status = Trial.ERROR

    def is_restored(self, at: int) -> None:
        saved = self.judge.referee.snapshot()
        self.judge = Judge(self.policy)
        self.judge.referee.restore(saved)
        self.queue = self.kind(self.judge)
        for trial in self.of(Trial.PENDING, Trial.RUNNING, Trial.PAUSED):
            trial.status, trial.is_saving = Trial.PENDING, False
            self._join(trial)

    def _join(self, trial: Standin) -> None:
        self.judge.admit(trial.trial_id, {})
        self.queue.add(trial)

    def is_over(self) -> bool:
        return all(each.is_finished() for each in self.trials)

    def statuses(self) -> list[str]:
        return [each.status for each in self.trials]


OFTEN = [World.start, World.start, World.report, World.report, World.report, World.save]
HAPPENS = [
    *OFTEN,
    World.add,
    World.is_paused_by_somebody,
    World.comes_again,
    World.fails,
    World.is_restored,
]
HAPPENING = st.tuples(st.sampled_from(HAPPENS), st.integers(0, 99))


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@given(st.lists(HAPPENING, min_size=20, max_size=80), st.sampled_from([None, 12]))
@settings(max_examples=60)
def test_it_answers_what_a_scan_of_all_trials_answers(
    rule: PromotionRule | None, happenings: list[tuple[Any, int]], trials: int | None
) -> None:
    quick, slow = World(Queue, rule, trials), World(Scanning, rule, trials)
    happenings = [(World.add, 0)] * 6 + happenings
    for happens, at in happenings:
        for world in (quick, slow):
            happens(world, at)
        assert quick.ask() == slow.ask()
        assert quick.statuses() == slow.statuses()
    for turn in range(20 * LENGTH * len(quick.trials)):
        if slow.is_over():
            break
        happens = (World.start, World.report, World.save)[turn % 3]
        for world in (quick, slow):
            happens(world, turn)
        assert quick.ask() == slow.ask()
        assert quick.statuses() == slow.statuses()
    assert quick.is_over()


def ran(rule: PromotionRule | None, trials: int) -> World:
    """A sweep in which this many trials run."""
    world = World(Queue, rule, trials)
    for _ in range(trials):
        world.add(0)
        world.start(0)
        world.ask()
    return world


def test_a_trial_that_ray_gives_up_without_a_word_is_not_waited_for() -> None:
    """Ray does that where an actor cannot be used again."""
    world = ran(RULES["table"], 4)
    world.trials[1].status = Trial.ERROR
    for _ in range(2 * LENGTH):
        world.report(0)
        world.save(0)
    assert [world.ask(), world.told] == ["0", [("1", True)]]


def test_those_that_end_all_at_once_are_told_once() -> None:
    world = ran(RULES["table"], 4)
    world.report(0)
    world.queue.settle(world)
    assert world.told == []
    world.trials[3].status = Trial.ERROR
    for trial in world.of(Trial.RUNNING):
        trial.status = Trial.TERMINATED
    for _ in range(2):
        world.queue.settle(world)
    assert world.told == [("0", False), ("1", False), ("2", False), ("3", True)]


class Watched(Standin):
    """Counts how often its status is read."""

    reads = 0

    def __getattribute__(self, name: str) -> Any:
        if name == "status":
            Watched.reads += 1
        return super().__getattribute__(name)


@pytest.mark.parametrize("status", [Trial.PENDING, Trial.PAUSED])
def test_those_that_wait_are_not_looked_at(status: str) -> None:
    world = ran(RungTable({2: 1}), 3)  # nobody is safe while another is missing
    waiting = [Watched(str(at)) for at in range(10, 500)]
    world.trials += waiting
    for trial in waiting:
        world._join(trial)
        if status == Trial.PAUSED:
            trial.status, trial.steps = Trial.RUNNING, 1
            world.ask()
            world.judge.judge(trial.trial_id, {"training_iteration": 2, "loss": 1.0})
            world.queue.noted(trial)
            trial.status = Trial.PAUSED
    first = world.ask()
    for _ in range(3):
        world.report(0)
        Watched.reads = 0
        assert world.ask() == first == ("10" if status == Trial.PENDING else None)
        assert Watched.reads < 10
