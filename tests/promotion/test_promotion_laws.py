"""Laws of a race: whatever fails, is retried, comes late or is NaN, everyone ends or is let go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.promotion.races import RULES, WAITING, Race, clusters, raced, streams
from tests.promotion.streams import reached
from tune_es import Action, AdaptiveQuota, RungTable
from tune_es.promotion import Promoter, PromotionRule
from tune_es.replay import Cluster

NAN = math.nan
seeds = st.integers(0, 2**16)
#: How far the number of trials that a sweep is told is from the number that come; None: untold.
told = st.sampled_from([0, 0, 0, 1, 5, -1, None])


def told_number(curves: Sequence[object], off: int | None) -> int | None:
    return None if off is None else max(1, len(curves) + off)


def check_waiting(race: Race) -> None:
    let_go = race.scheduler.referee.let_go
    stops = [event.trial for event in race.run.events if event.action is Action.STOP]
    stopped = {race.curves.trial_ids[trial] for trial in stops}
    assert race.finished & set(let_go) <= stopped, "only the last to come is let go at once"
    assert race.finished | set(let_go) == set(race.curves.trial_ids), "neither over nor let go"
    steps = [rung.step for rung, _ in race.scheduler.spied.log]
    assert all(before < after for before, after in pairwise(steps)), "a rung was judged twice"
    assert len(set(race.scheduler.pauses)) == len(race.scheduler.pauses)


@given(
    curves=streams,
    cluster=clusters,
    off=told,
    seed=seeds,
    rule=st.sampled_from(sorted(WAITING)).map(WAITING.__getitem__),
    stop=st.sampled_from(["none", "aggressive", "median"]),
)
@settings(max_examples=150)
def test_everyone_ends_or_is_let_go_and_no_rung_is_judged_twice(
    curves: list[list[float]],
    cluster: Cluster,
    off: int | None,
    seed: int,
    rule: PromotionRule,
    stop: str,
) -> None:
    """With and without a stopping rule on top."""
    check_waiting(raced(rule, curves, cluster, told_number(curves, off), seed, stop))


@given(curves=streams, cluster=clusters, off=told, seed=seeds)
@settings(max_examples=60)
def test_a_race_that_does_not_wait_ends_and_lets_nobody_go_twice(
    curves: list[list[float]], cluster: Cluster, off: int | None, seed: int
) -> None:
    rule = RULES["asynchronous"]
    race = raced(rule, curves, cluster, told_number(curves, off), seed)
    rungs = rule.rungs(12)
    assert len(set(race.scheduler.pauses)) == len(race.scheduler.pauses)
    let_go = race.scheduler.referee.let_go
    stops = [event.trial for event in race.run.events if event.action is Action.STOP]
    stopped = {race.curves.trial_ids[trial] for trial in stops}
    assert race.finished & set(let_go) <= stopped, "only the last to come is let go at once"
    assert race.finished | set(let_go) == set(race.curves.trial_ids), "neither over nor let go"
    for name, step in zip(race.curves.trial_ids, race.run.reached, strict=True):
        assert name in race.finished or step in rungs
    for rung, promoted in race.scheduler.spied.log:
        assert len(promoted) <= len(rung.here) // 2


@given(curves=streams, cluster=clusters, seed=seeds)
@settings(max_examples=60)
def test_the_leader_goes_on_while_it_can(
    curves: list[list[float]], cluster: Cluster, seed: int
) -> None:
    race = raced(AdaptiveQuota(c=0.1), curves, cluster, len(curves), seed)
    for rung, promoted in race.scheduler.spied.log:
        best = max(each.best for each in rung.here)
        assert rung.leader.best >= best
        if rung.leader in rung.here:
            assert rung.leader.trial_id in promoted
        # Who leads is over, was let go before another one failed, or is here.
        others = {each.trial_id for each in rung.let_go} | race.finished
        assert rung.leader in rung.here or rung.leader.trial_id in others


@given(curves=streams, cluster=clusters)
@settings(max_examples=60)
def test_the_cluster_changes_nothing_for_a_rule_that_waits(
    curves: list[list[float]], cluster: Cluster
) -> None:
    """Neither its workers, nor how trials are fed, nor failures that are tried again."""
    sound = replace(cluster, max_failures=10**6, failure_rate=min(0.1, cluster.failure_rate))
    for rule in WAITING.values():
        exact = replace(rule, asynchronous=False) if isinstance(rule, AdaptiveQuota) else rule
        assert reached(exact, curves, 12, sound) == reached(exact, curves, 12)


@given(curves=streams, shift=st.sampled_from([-2.0, 4.0]))
@settings(max_examples=30)
def test_a_shift_and_a_mirror_of_the_metric_change_nothing(
    curves: list[list[float]], shift: float
) -> None:
    """Exact: values and shifts are multiples of a quarter."""
    moved = [[value + shift for value in curve] for curve in curves]
    mirrored = [[-value for value in curve] for curve in curves]
    for rule in RULES.values():
        known = reached(rule, curves, 12)
        assert reached(rule, moved, 12) == known
        assert reached(rule, mirrored, 12, mode="max") == known


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("count", [1, 2, 15, 16, 17, 20, 33])
@pytest.mark.parametrize("trials", [-1, None])
@pytest.mark.parametrize("value", [0.5, NAN])
def test_streams_without_any_order(
    rule: PromotionRule, count: int, trials: int | None, value: float
) -> None:
    steps = reached(rule, [[value] * 12] * count, 12, workers=3, trials=trials)
    if math.isnan(value):
        first = rule.rungs(12)[0]
        assert max(steps) <= max(first, 2)
    elif rule.waits:
        assert steps[0] == 12


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
@pytest.mark.parametrize("budget", [1, 2, 3])
@pytest.mark.parametrize("trials", [-1, None])
def test_short_budgets(rule: PromotionRule, budget: int, trials: int | None) -> None:
    steps = reached(rule, [[0.5] * budget] * 20, budget, workers=3, trials=trials)
    if not rule.rungs(budget):
        assert steps == [budget] * 20
    assert len(steps) == 20


def test_one_trial_alone_is_trained_in_full() -> None:
    for rule in WAITING.values():
        assert reached(rule, [[0.5, 0.4, 0.6] * 4], 12) == [12]


@pytest.mark.parametrize("steps", [2, 12])
def test_a_broken_leader_does_not_end_the_race_of_the_others(steps: int) -> None:
    """Whether it waits at the rung or has ended there."""
    curves = [[0.1, *[NAN] * (steps - 1)], [0.5] * 12, [0.6] * 12]
    assert reached(AdaptiveQuota(), curves, 12)[1] == 12


def walk(race: Promoter, names: Sequence[str], steps: Sequence[int], score: float = 0) -> None:
    """Everyone of them reports these steps, the later the better."""
    for at, name in enumerate(names):
        race.add(name)
        for step in steps:
            race.report(name, step, score + at)


def test_pilots_are_judged_although_nobody_else_goes_on() -> None:
    """The pilots are the best half, and the last trial fails: one question, one answer."""
    names = [str(at) for at in range(20)]
    race = Promoter(AdaptiveQuota(), 30, 20)
    for name in names:
        race.add(name)
    for at, name in enumerate(names[:19]):
        for step in (1, 2) if at < 16 else (1,):
            race.report(name, step, step / 100 - at)
    race.end("19", failed=True)
    assert race.choose([], names[:19]) is not None


@pytest.mark.parametrize("restarts", [False, True])
def test_a_failure_makes_no_pilot_of_a_trial_that_joins_later(restarts: bool) -> None:
    """A searcher is asked little by little: in a replay all have joined before one fails."""
    race = Promoter(AdaptiveQuota(), 30, 20)
    for at in range(16):
        race.add(str(at))
    race.report("0", 1, 5)
    race.end("0", failed=True)
    race.add("16")
    assert race.report("16", 1, 5) is Action.PAUSE
    if restarts:
        race.add("0")
        assert race.report("0", 1, 5) is Action.CONTINUE
        assert race.report("0", 2, 5) is Action.PAUSE


def test_who_broke_and_ended_does_not_join_again() -> None:
    race = Promoter(AdaptiveQuota(), 30, 3)
    walk(race, "ab", [1, 2])
    race.add("c")
    race.report("c", 1, NAN)
    race.end("c")
    race.add("c")
    assert race.choose([], ["a", "b"]) == "b"


def test_who_failed_may_come_again_and_is_waited_for() -> None:
    race = Promoter(RungTable({2: 1}), 30, 3)
    race.add("c")
    race.report("c", 1, 9)
    race.end("c", failed=True)
    walk(race, "a", [1, 2])
    race.add("c")
    walk(race, "b", [1, 2])
    assert race.choose([], ["a", "b"]) is None
    race.report("c", 1, 9)
    race.report("c", 2, 9)
    race.choose([], ["a", "b", "c"])
    assert set(race.let_go) == {"a", "b"}


def test_who_broke_and_was_let_go_does_not_join_again() -> None:
    race = Promoter(RungTable({2: 1, 4: 1}), 30, 3)
    race.add("n")
    race.report("n", 1, NAN)
    race.report("n", 2, NAN)
    walk(race, "ab", [1, 2])
    race.choose([], ["n", "a", "b"])
    assert set(race.let_go) == {"n", "a"}
    race.end("n")
    race.add("n")
    race.report("b", 3, 9)
    # Alone at its rung, "b" goes on at once or when it is asked for.
    assert race.report("b", 4, 9) is Action.CONTINUE or race.choose([], ["b"]) == "b"


def test_who_runs_is_not_held_and_who_waits_or_was_let_go_is() -> None:
    race = Promoter(RungTable({2: 1}), 30, 2)
    walk(race, "ab", [1])
    assert not race.is_held("a")
    race.report("a", 2, 0)
    assert race.is_held("a")
    race.report("b", 2, 9)
    race.choose([], ["a", "b"])
    assert (race.is_held("a"), race.is_held("b")) == (True, False)
    assert set(race.let_go) == {"a"}


def test_a_new_life_of_a_waiting_trial_is_waited_for() -> None:
    race = Promoter(RungTable({4: 1}), 30, 3)
    for name in "abc":
        race.add(name)
    walk(race, "a", [1, 2, 3, 4], 5)
    race.report("a", 1, 6)
    walk(race, "bc", [1, 2, 3, 4])
    assert race.choose([], ["b", "c"]) in (None, "a")
    assert list(race.let_go) == []
    walk(race, "a", [2, 3], 7)
    assert race.report("a", 4, 8) is Action.PAUSE or not race.holds("a", 4)
    race.choose([], ["a", "b", "c"])
    assert set(race.let_go) == {"b", "c"}


@pytest.mark.parametrize("first", [0, 1, 2, 3])
@pytest.mark.parametrize("spacing", [1, 2, 3, 0.5])
def test_pilots_that_report_now_and_then(first: float, spacing: float) -> None:
    """Pilots every so many steps, the others every step: the sweep goes on, and ends."""
    race = Promoter(AdaptiveQuota(), 30, 20)
    names = [str(at) for at in range(20)]
    for name in names:
        race.add(name)
    step = {name: first if int(name) < 16 else 1.0 for name in names}
    running, paused, over = list(names), list[str](), set[str]()
    for _ in range(20 * 80):
        if not running:
            chosen = race.choose([], paused)
            if chosen is None:
                break
            paused.remove(chosen)
            running.append(chosen)
        name = running.pop(0)
        action = race.report(name, step[name], float(name) + step[name])
        step[name] += spacing if int(name) < 16 else 1
        if step[name] > 30:
            race.end(name)
            over.add(name)
        else:
            (paused if action is Action.PAUSE else running).append(name)
    assert not running
    assert set(race.let_go) | over == set(names)
    assert over


def test_a_race_of_unknown_length_takes_late_trials() -> None:
    """Nobody else was there: the first are judged. Who comes later runs its own race to the end."""
    race = Promoter(AdaptiveQuota(), 8, None)
    walk(race, "ab", [1, 2])
    assert race.choose([], ["a", "b"]) == "b"
    race.add("late")
    for step in (3, 4, 5, 6, 7):
        if race.report("b", step, 1) is Action.PAUSE:
            break
    assert race.choose(["late"], ["b"]) == "late"
