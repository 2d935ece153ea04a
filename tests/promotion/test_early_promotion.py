"""Trials that go on before their rung is full: who may, and that nothing else comes of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.promotion.oracle import Curve, View, first_ranks, view
from tests.promotion.races import BUDGET, Spied, Watched, clusters, streams
from tests.promotion.streams import made_stream, reached
from tests.promotion.test_adaptive_quota import HERE, RUNG
from tune_es import Action, AdaptiveQuota, BelowMedian, Criterion, RungTable, TieBreak
from tune_es.promotion import Promoter, PromotionRule, Rung, Standing
from tune_es.promotion.race import Race
from tune_es.promotion.ties import best
from tune_es.replay import Cluster, replay, task_curves

CONTINUE, PAUSE, STOP = Action.CONTINUE, Action.PAUSE, Action.STOP
TABLES = [RungTable({1: 5, 3: 2}), RungTable({1: 12, 2: 6, 4: 3, 8: 1})]
QUOTAS = [AdaptiveQuota(), AdaptiveQuota(c=2, pilot=False)]


class Counting(Watched):
    """Counts by itself who is missing at a rung, before each result is judged."""

    def __init__(self, rule: PromotionRule, trials: int) -> None:
        super().__init__(rule, "none", trials)
        self.trials = trials
        self.came: dict[int, set[str]] = {}
        self.missing: list[int] = []

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        step = result["training_iteration"]
        self.came.setdefault(step, set()).add(trial_id)
        before = len(self.spied.early)
        action = super().report(trial_id, result)
        gone = {*self.ended, *self.referee.let_go}
        self.missing += [self.trials - len(self.came[step] | gone)] * (
            len(self.spied.early) - before
        )
        return action


def raced(rule: PromotionRule, curves: list[list[float]], cluster: Cluster, seed: int) -> Counting:
    scheduler = Counting(rule, len(curves))
    replay(scheduler, task_curves(curves, "value", "min", BUDGET), cluster, seed)
    return scheduler


def judged(spied: Spied) -> dict[float, tuple[Rung, list[str]]]:
    return {rung.step: (rung, names) for rung, names in spied.log}


@given(
    curves=streams,
    cluster=clusters,
    seed=st.integers(0, 2**16),
    rule=st.sampled_from([*TABLES, *QUOTAS]),
)
@settings(max_examples=120)
def test_a_rung_is_judged_as_if_nobody_had_gone_on(
    curves: list[list[float]], cluster: Cluster, seed: int, rule: PromotionRule
) -> None:
    """Who is asked about, who is missing, and that those that went on are there when it is full."""
    race = raced(rule, curves, cluster, seed)
    later = judged(race.spied)
    assert len(race.missing) == len(race.spied.early)
    for (rung, missing, names), counted in zip(race.spied.early, race.missing, strict=True):
        assert 0 < missing == counted
        assert {each.step for each in rung.here} == {rung.step}
        assert set(names) <= {each.trial_id for each in rung.here}
        if rung.step in later:  # else all went on and ended, and those missing failed
            full, promoted = later[rung.step]
            assert set(rung.here) <= set(full.here)
            assert isinstance(rule, AdaptiveQuota) or set(names) <= set(promoted)
    for full, _ in later.values():
        assert {each.step for each in full.here} == {full.step}
        order = [int(each.trial_id) for each in full.here]
        assert order == sorted(order)


@given(
    curves=streams,
    cluster=clusters,
    seed=st.integers(0, 2**16),
    rule=st.sampled_from([*TABLES, *QUOTAS]),
    stop=st.sampled_from(["none", "aggressive", BelowMedian(min_trials=1)]),
    ties=st.sampled_from([None, TieBreak("other"), TieBreak("other", n_val=9)]),
)
@settings(max_examples=120)
def test_a_rung_that_is_kept_is_what_it_would_be_if_it_were_made_again(
    curves: list[list[float]],
    cluster: Cluster,
    seed: int,
    rule: PromotionRule,
    stop: str | Criterion,
    ties: TieBreak | None,
) -> None:
    """Whatever comes between two arrivals: failures, retries, ends and those far ahead."""
    filling = Race._filling

    def compared(race: Race, rung: int) -> Rung | None:
        seen, here = filling(race, rung), race._here(rung)
        assert (seen is None) == (not here)
        if seen is not None:
            again = race._seen(rung, here)
            assert seen == again
            for score in (rule.score, best):
                assert seen.top(len(here), score) == again.ranked(score)
                assert seen.ranks(score, here) == again.ranks(score, here)
            for noise in (0.0, 2.0):
                assert seen.catching(noise) == again.catching(noise)
                assert seen.behind(noise) == again.behind(noise)
        return seen

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Race, "_filling", compared)
        scheduler = Watched(rule, stop, len(curves), ties=ties, other_metrics={"other": "min"})
        other = [curve[::-1] for curve in curves]
        stream = task_curves(curves, "value", "min", BUDGET, other=other)
        replay(scheduler, stream, cluster, seed)


def test_those_streams_do_go_on_early() -> None:
    """The laws above would hold for a rule that never lets anybody go on."""
    for rule in (*TABLES, *QUOTAS):
        early = 0
        for seed in range(20):
            curves, _ = made_stream(seed)
            race = raced(rule, [(curve * 12)[:12] for curve in curves], Cluster(4), 0)
            early += sum(bool(names) for _, _, names in race.spied.early)
        assert early > 10, rule


@given(curves=streams, cluster=clusters, table=st.sampled_from(TABLES))
@settings(max_examples=60)
def test_a_table_decides_as_if_all_had_waited(
    curves: list[list[float]], cluster: Cluster, table: RungTable
) -> None:
    """By hand: the best so many of those that come to a rung with a finite value, ties in order."""
    cluster = replace(cluster, failure_rate=0.0)
    racing, steps = list(range(len(curves))), [0] * len(curves)
    for rung in [*map(int, table.rungs(BUDGET)), BUDGET]:
        for at in racing:
            steps[at] = min(rung, len(curves[at]))
        here = [at for at in racing if steps[at] == rung and math.isfinite(curves[at][rung - 1])]
        if rung < BUDGET:
            ranks = first_ranks([view(curves[at], rung).best for at in here])
            racing = [at for at, rank in zip(here, ranks, strict=True) if rank <= table.keep[rung]]
    assert reached(table, curves, BUDGET, cluster) == steps


def quota_of(rule: AdaptiveQuota, rung: Rung, views: dict[str, View], moves: float) -> float:
    """The page's quota in its own words; lower is better in the views."""
    lead = views[rung.leader.trial_id]
    left = rung.max_t / rung.step
    catch = [
        mine.best - lead.best <= mine.gain * math.log2(left) + 2 * max(mine.noise, lead.noise)
        for mine in (views[each.trial_id] for each in rung.here)
    ]
    share = min(1.0, sum(catch) / rung.trials)
    inner = math.sqrt(left) * math.exp(0.5 * (moves - 0.7) * math.sqrt(math.log2(left)))
    return float(rule.factor * math.sqrt(sum(catch)) * inner ** ((1 - share) ** 0.3))


@pytest.mark.parametrize("seed", range(12))
def test_the_quota_that_a_missing_trial_takes_two_places_of(seed: int) -> None:
    """At the first rung: whole arrays, from the curves alone."""
    rule = AdaptiveQuota(c=3, pilot=False)
    curves, _ = made_stream(seed)
    whole: list[Curve] = [(curve * 12)[:12] for curve in curves]
    race = raced(rule, [list(curve) for curve in whole], Cluster(3), 0)
    first = [each for each in race.spied.early if each[0].step == 2]
    assert len(first) == max(0, len(curves) - 1 - (len(curves) + 1) // 2 + len(curves) % 2)
    for rung, missing, names in first:
        views = {each.trial_id: view(whole[int(each.trial_id)], 2) for each in rung.here}
        now = first_ranks([each.best for each in views.values()])
        half = first_ranks([each.half for each in views.values()])
        top = sorted(range(len(now)), key=now.__getitem__)[: max(3, len(curves) // 20)]
        moved = [0.7] * 10 + [max(0.0, math.log(half[at] / now[at])) for at in top]
        places = math.ceil(quota_of(rule, rung, views, sum(moved) / len(moved))) - 2 * missing
        ranked = sorted(views, key=lambda name: views[name].best - views[name].gain / 2)
        assert names == (ranked[: max(0, places)] if 2 * missing < len(views) else [])


def test_two_places_by_hand() -> None:
    """The quota of the eight is 3.3 c, for c = 1.5 five places: three with one missing."""
    rule = AdaptiveQuota(c=1.5)
    said = ["".join(rule.safe(RUNG, missing, rule.init())) for missing in range(5)]
    assert said == ["abcde", "abc", "a", "", ""]
    many = replace(rule, c=90)
    assert [len(many.safe(RUNG, missing, rule.init())) for missing in (3, 4, 9)] == [8, 0, 0]
    assert replace(rule, asynchronous=False).safe(RUNG, 1, rule.init()) == ()


def test_places_of_a_table_by_hand() -> None:
    rung = replace(RUNG, here=HERE[2:5])
    said = ["".join(RungTable({4: 3}).safe(rung, missing, None)) for missing in range(5)]
    assert said == ["cde", "cd", "c", "", ""]


def started(rule: PromotionRule, names: str, trials: int | None) -> Promoter:
    race = Promoter(rule, 9, trials)
    for name in names:
        race.add(name)
    return race


def told(race: Promoter, name: str, *scores: float) -> list[Action]:
    return [race.report(name, step, score) for step, score in enumerate(scores, start=1)]


def test_who_is_safe_goes_on_at_once_and_who_became_it_when_a_worker_is_free() -> None:
    race = started(RungTable({1: 2, 2: 1}), "abcd", 4)
    assert told(race, "a", 5) == told(race, "b", 9) == [PAUSE]
    # One is missing and the best two go on: "b" is among them, and "c" may be.
    assert told(race, "c", 7) == [PAUSE]
    assert race.choose([], ["a", "b", "c"]) == "b"
    assert not race.is_held("b")
    assert race.is_held("c")
    assert race.choose([], ["a", "c"]) is None
    # "b" comes to the next rung; it waits there until the first is judged.
    assert race.report("b", 2, 9) is PAUSE
    assert race.choose([], ["a", "b", "c"]) is None
    # "d" is the last to come: the rung is judged, and it need not pause to go on.
    assert told(race, "d", 8) == [CONTINUE]
    assert set(race.let_go) == {"a", "c"}
    # Nor need it pause to be let go.
    assert race.report("d", 2, 8) is STOP
    assert [*race.given_up()] == ["a", "c"]
    assert race.choose([], ["b"]) == "b"


def test_one_that_is_safe_when_it_comes_does_not_pause() -> None:
    race = started(RungTable({1: 2}), "abc", 3)
    assert told(race, "a", 5) == [PAUSE]
    assert told(race, "b", 9) == [CONTINUE]
    assert not race.is_held("b")


@pytest.mark.parametrize("failed", [True, False])
def test_one_that_ends_after_it_went_on_early_keeps_its_place(failed: bool) -> None:
    """As it would where all wait: it ends after the rung was judged."""
    race = started(RungTable({1: 2}), "abc", 3)
    assert told(race, "a", 5) + told(race, "b", 9) == [PAUSE, CONTINUE]
    race.report("b", 2, 99)
    race.end("b", failed)
    assert told(race, "c", 7) == [CONTINUE]
    assert set(race.let_go) == {"a"}


def test_the_leader_at_a_rung_is_the_one_at_that_rung() -> None:
    """Not what one that went on early has come to since."""
    spied = Spied(RungTable({1: 2, 5: 1}))
    race = started(spied, "abc", 3)
    assert told(race, "a", 5) + told(race, "b", 9) == [PAUSE, CONTINUE]
    assert [race.report("b", step, 9 + step) for step in (2, 3)] == [CONTINUE] * 2
    told(race, "c", 7)
    race.choose([], ["a", "c"])
    ((rung, _),) = spied.log
    assert rung.leader == Standing("b", 1, 9, 0.0, 0.0, 9)
    assert [each.best for each in rung.here] == [5, 9, 7]


@pytest.mark.parametrize("trials", [None, 5])
def test_whoever_is_not_known_to_come_is_missing(trials: int | None) -> None:
    race = started(RungTable({1: 2}), "abc", trials)
    assert told(race, "a", 5) + told(race, "b", 9) == [PAUSE, PAUSE]


def test_a_rung_whose_last_trial_fails_is_judged() -> None:
    race = started(RungTable({1: 2, 2: 1}), "abc", 3)
    assert told(race, "a", 5) + told(race, "b", 9) == [PAUSE, CONTINUE]
    race.end("c", failed=True)
    assert race.choose([], ["a"]) == "a"
    assert list(race.let_go) == []
