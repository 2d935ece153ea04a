"""Trials that save checkpoints now and then, or never: none is sent back to its first step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.promotion.races import RULES, streams
from tests.promotion.streams import policy_of
from tune_es import Action, AdaptiveQuota, RungTable
from tune_es.promotion import Promoter, PromotionRule, Saved
from tune_es.replay import Cluster, PolicyScheduler, replay, task_curves
from tune_es.replay.life import SAVED

BUDGET = 12
#: By a trial's number and its step.
Saves = Callable[[int, int], Saved]


def always(trial: int, step: int) -> Saved:
    return Saved.HERE


def never(trial: int, step: int) -> Saved:
    return Saved.NEVER


def every_third(trial: int, step: int) -> Saved:
    return Saved.NEVER if step < 3 else Saved.HERE if step % 3 == 0 else Saved.EARLIER


def some_never(trial: int, step: int) -> Saved:
    return Saved.NEVER if trial % 3 == 2 else Saved.HERE


def early_then_every_third(trial: int, step: int) -> Saved:
    return Saved.HERE if step in (1, 3, 6, 9) else Saved.EARLIER


@dataclass
class Race:
    """Who did what in a race with some workers; lower scores are behind."""

    said: dict[str, list[Action]] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    let_go: set[str] = field(default_factory=set)


def run(rule: PromotionRule, curves: Sequence[Sequence[float]], saves: Saves, workers: int) -> Race:
    promoter, race = Promoter(rule, BUDGET, len(curves)), Race()
    pending = [str(at) for at in range(len(curves))]
    paused: list[str] = []
    running: list[str] = []
    for name in pending:
        promoter.add(name)
        race.said[name] = []
    while True:
        while len(running) < workers and (pending or paused):
            chosen = promoter.choose(pending, paused)
            if chosen is None:
                break
            (pending if chosen in pending else paused).remove(chosen)
            running.append(chosen)
        race.let_go |= set(promoter.let_go)
        if not running:
            return race
        name = running.pop(0)
        step = len(race.said[name]) + 1
        saved = saves(int(name), step)
        action = promoter.report(name, step, curves[int(name)][step - 1], saved)
        race.said[name].append(action)
        assert action is not Action.PAUSE or saved is Saved.HERE
        if action is Action.STOP or step == len(curves[int(name)]):
            (race.stopped if action is Action.STOP else race.ended).add(name)
            promoter.end(name)
        elif action is Action.PAUSE:
            paused.append(name)
        else:
            running.append(name)


SAVES: list[Saves] = [always, never, every_third, some_never, early_then_every_third]


@pytest.mark.parametrize("saves", SAVES, ids=lambda saves: saves.__name__)
@given(curves=streams, rule=st.sampled_from(sorted(RULES)), workers=st.sampled_from([1, 3, 30]))
@settings(max_examples=30)
def test_everyone_ends_is_stopped_or_is_let_go(
    saves: Saves, curves: list[list[float]], rule: str, workers: int
) -> None:
    race = run(RULES[rule], curves, saves, workers)
    assert race.ended | race.stopped | race.let_go == set(race.said)
    assert not race.ended & race.stopped


@given(curves=streams, rule=st.sampled_from(sorted(RULES)), workers=st.sampled_from([1, 3, 30]))
@settings(max_examples=30)
def test_without_checkpoints_nobody_pauses(
    curves: list[list[float]], rule: str, workers: int
) -> None:
    race = run(RULES[rule], curves, never, workers)
    assert not any(Action.PAUSE in said for said in race.said.values())


def scored(*scores: float) -> list[list[float]]:
    return [[score] * BUDGET for score in scores]


def test_without_checkpoints_the_best_so_far_goes_on_and_who_is_behind_stops() -> None:
    """One place at step 2: each better one goes on, each worse one stops there."""
    race = run(RungTable({2: 1}), scored(3, 1, 2, 4, 0), never, workers=1)
    assert {name: len(said) for name, said in race.said.items()} == {
        "0": 12,
        "1": 2,
        "2": 2,
        "3": 12,
        "4": 2,
    }
    assert (race.stopped, race.ended) == ({"1", "2", "4"}, {"0", "3"})


def test_who_saved_earlier_pauses_at_its_next_checkpoint() -> None:
    saves = early_then_every_third
    race = run(RungTable({2: 1}), scored(1, 2), saves, workers=1)
    assert race.said["0"] == [Action.CONTINUE, Action.CONTINUE, Action.PAUSE]
    assert len(race.said["1"]) == BUDGET
    assert race.let_go == {"0"}


def test_one_that_cannot_save_ends_pausing_for_all_but_loses_nobody_who_waits() -> None:
    race = run(RungTable({2: 2}), scored(2, 4, 0, 1), some_never, workers=1)
    assert [len(race.said[name]) for name in "0123"] == [BUDGET, BUDGET, 2, 2]
    promoter = Promoter(AdaptiveQuota(), BUDGET, 2)
    assert promoter.pauses
    promoter.add("a")
    promoter.report("a", 1, 0, Saved.NEVER)
    assert promoter.pauses
    promoter.report("a", 2, 0, Saved.NEVER)
    assert not promoter.pauses


@pytest.mark.parametrize("saves", SAVES, ids=lambda saves: saves.__name__)
@given(curves=streams, rule=st.sampled_from(sorted(RULES)), workers=st.sampled_from([1, 3, 30]))
@settings(max_examples=15)
def test_a_replay_is_told_where_trials_had_saved(
    saves: Saves, curves: list[list[float]], rule: str, workers: int
) -> None:
    """Nobody pauses elsewhere; without checkpoints the steps are those of the race by hand."""
    told = [[float(saves(at, step) is Saved.HERE) for step, _ in enumerate(curve, start=1)]
            for at, curve in enumerate(curves)]  # fmt: skip
    column: dict[str, Any] = {SAVED: told}
    stream = task_curves(curves, "value", "max", BUDGET, **column)
    scheduler = PolicyScheduler(policy_of(RULES[rule], BUDGET, "max"), trials=len(curves))
    done = replay(scheduler, stream, Cluster(workers))
    for event in done.events:
        assert event.action is not Action.PAUSE or saves(event.trial, event.step) is Saved.HERE
    if saves is never and workers == 1:
        known = run(RULES[rule], curves, saves, 1).said
        assert done.reached.tolist() == [len(known[name]) for name in stream.trial_ids]
