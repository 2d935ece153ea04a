"""Quotas known in advance: the explicit table, and asynchronous halving."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from experiments.benchmark.baselines import SyncHalving, halving_table
from tests.builders import late, refusal
from tests.promotion.streams import BROKEN, SHORT, TIED, made_stream, reached
from tune_es import Action, AsyncHalving, RungTable
from tune_es.promotion import Promoter
from tune_es.replay import Cluster, replay, task_curves

NAN = math.nan
PAUSE = Action.PAUSE


@pytest.mark.parametrize(
    "traits", [(), (TIED,), (BROKEN,), (SHORT,), (TIED, BROKEN, SHORT)], ids="-".join
)
@pytest.mark.parametrize("workers", [1, 5])
def test_a_table_is_synchronous_halving(traits: tuple[str, ...], workers: int) -> None:
    """The baseline lets broken trials fill up a quota; here they never go on."""
    judged = 0
    for seed in range(30):
        curves, budget = made_stream(seed, *traits)
        table = halving_table(len(curves), budget)
        stream = task_curves(curves, "value", "min", budget)
        known = replay(SyncHalving(stream.task, table), stream, Cluster(workers)).reached
        ours = reached(RungTable(table or {budget: 1}), curves, budget, workers)
        whole = [i for i, curve in enumerate(curves) if all(map(math.isfinite, curve))]
        assert [ours[i] for i in whole] == [known[i] for i in whole], seed
        judged += any(step < len(curves[i]) for i, step in enumerate(ours))
    assert judged > 15


#: curves (higher is better), table, how far each comes.
TABLES: dict[str, tuple[list[list[float]], dict[int, int], list[int]]] = {
    "the best two": ([[v] * 4 for v in (5, 2, 4, 3)], {1: 2}, [4, 1, 4, 1]),
    "of equals the first": ([[1.0] * 4 for _ in range(3)], {1: 2}, [4, 4, 1]),
    "the best value counts": ([[9, 0, 0, 0], [5, 5, 5, 5]], {2: 1}, [4, 2]),
    "two rungs": ([[v] * 4 for v in (5, 2, 4, 3)], {1: 3, 3: 1}, [4, 1, 3, 3]),
    "broken ones never go on": ([[1, NAN, 9, 9], [0, 0, 0, 0], [NAN] * 4], {2: 3}, [2, 4, 2]),
    "an early end takes no place": ([[9.0], [5.0] * 4, [4.0] * 4], {2: 1}, [1, 4, 2]),
    "one that is cut at the rung waits": ([[9.0] * 2, [5.0] * 4, [4.0] * 4], {2: 1}, [2, 2, 2]),
    "and takes a place that is left": ([[5.0] * 4, [4.0] * 4, [9.0] * 2], {2: 2}, [4, 2, 2]),
    "or none": ([[5.0] * 4, [4.0] * 2, [3.0] * 2], {2: 1}, [4, 2, 2]),
    "rungs beyond the budget": ([[5.0] * 4, [4.0] * 4], {4: 1, 9: 1}, [4, 4]),
    "one trial": ([[5.0] * 4], {1: 1, 2: 1, 3: 1}, [4]),
}


@pytest.mark.parametrize(("curves", "table", "steps"), TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("workers", [1, 2, 8])
def test_known_tables(
    curves: list[list[float]], table: dict[int, int], steps: list[int], workers: int
) -> None:
    assert reached(RungTable(table), curves, 4, workers, mode="max") == steps


@pytest.mark.parametrize("spacing", [3, 4, 7, 12])
def test_a_rung_between_two_reports_is_judged_at_the_next(spacing: int) -> None:
    race = Promoter(RungTable({10: 1}), 30, 3)
    for name in "abc":
        race.add(name)
    for name, score in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        for step in range(spacing, 10, spacing):
            assert race.report(name, step, score) is Action.CONTINUE
        race.report(name, math.ceil(10 / spacing) * spacing, score)
    race.choose([], ["a", "b", "c"])
    assert set(race.let_go) == {"a", "c"}


@pytest.mark.parametrize(
    ("grace", "factor", "budget", "rungs"),
    [(1, 3, 30, (1, 3, 9, 27)), (1, 3, 27, (1, 3, 9)), (4, 2, 16, (4, 8)), (5, 3, 5, ())],
)
def test_rungs_of_asynchronous_halving(
    grace: int, factor: float, budget: float, rungs: tuple[int, ...]
) -> None:
    assert AsyncHalving(grace, factor).rungs(budget) == rungs


def stepped(promoter: Promoter, name: str, step: int, score: float) -> Action:
    promoter.add(name)
    return promoter.report(name, step, score)


def test_asynchronous_halving_by_hand() -> None:
    """A third of those that came goes on, whoever is still to come."""
    race = Promoter(AsyncHalving(1, 3), 27)
    assert stepped(race, "a", 1, 1) is Action.PAUSE
    assert stepped(race, "b", 1, 2) is Action.PAUSE
    assert race.choose(["c"], ["a", "b"]) == "c"
    # The third to come is the best of three, and does not even pause.
    assert stepped(race, "c", 1, 3) is Action.CONTINUE
    assert race.choose(["d"], ["a", "b"]) == "d"
    # Of four one goes on, and one has; of six two, and the second best is "b" still.
    assert stepped(race, "d", 1, 0) is Action.PAUSE
    assert stepped(race, "e", 1, 0) is Action.PAUSE
    assert race.choose([], ["a", "b", "d", "e"]) is None
    assert stepped(race, "f", 1, 0) is Action.PAUSE
    assert race.choose(["g"], ["a", "b", "d", "e", "f"]) == "b"
    assert race.choose(["g"], ["a", "d", "e", "f"]) == "g"


def test_the_highest_rung_is_served_first() -> None:
    race = Promoter(AsyncHalving(1, 2), 16)
    assert [stepped(race, name, 1, score) for name, score in (("a", 4), ("b", 3))] == [PAUSE] * 2
    assert race.choose(["c"], ["a", "b"]) == "a"
    assert [stepped(race, name, 1, score) for name, score in (("c", 2), ("d", 1))] == [PAUSE] * 2
    assert race.choose(["e"], ["b", "c", "d"]) == "b"
    assert stepped(race, "a", 2, 4) is PAUSE
    # Of six at step 1 three may go on: "c" may. Of two at step 2 then "a" may, and goes first.
    assert [stepped(race, name, 1, 0) for name in "ef"] == [PAUSE] * 2
    assert stepped(race, "b", 2, 3) is PAUSE
    assert race.choose(["g"], ["c", "d", "e", "f", "a", "b"]) == "a"
    assert race.choose(["g"], ["c", "d", "e", "f", "b"]) == "c"
    assert race.choose(["g"], ["d", "e", "f", "b"]) == "g"


#: All come to the rung of step 1 one after the other, a third goes on: how far each comes.
ONE_WORKER = {
    "falling: the best third": ([9, 8, 7, 6, 5, 4, 3, 2, 1], [9, 3, 3, 1, 1, 1, 1, 1, 1]),
    "rising: each is the best so far": ([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 3, 3, 9, 9, 9, 9, 9]),
    "two": ([1, 2], [1, 1]),
    "all alike: the first third": ([5, 5, 5, 5, 5, 5, 5, 5, 5], [9, 3, 3, 1, 1, 1, 1, 1, 1]),
}


@pytest.mark.parametrize(("values", "steps"), ONE_WORKER.values(), ids=ONE_WORKER)
def test_asynchronous_halving_with_one_worker(values: list[float], steps: list[int]) -> None:
    curves = [[float(value)] * 9 for value in values]
    assert reached(AsyncHalving(1, 3), curves, 9, mode="max") == steps


@pytest.mark.parametrize("workers", [1, 3, 8])
@pytest.mark.parametrize("trials", [-1, None])
def test_no_rung_of_a_growing_race_is_left_with_a_promotion_undone(
    workers: int, trials: int | None
) -> None:
    """At the end the best third of each rung have gone on; never has one that is not among them."""
    for seed in range(12):
        curves, budget = made_stream(seed)
        steps = reached(AsyncHalving(1, 3), curves, budget, workers, trials=trials)
        rungs = AsyncHalving(1, 3).rungs(budget)
        assert set(steps) <= {*rungs, budget}
        for rung in rungs:
            came = [i for i, step in enumerate(steps) if step >= rung]
            bests = {i: min(curves[i][: int(rung)]) for i in came}
            for i in sorted(came, key=bests.__getitem__)[: len(came) // 3]:
                assert steps[i] > rung, (seed, rung)


def broken(*where: int) -> Sequence[Sequence[float]]:
    return [[NAN] * 9 if i in where else [float(i)] * 9 for i in range(9)]


def test_broken_trials_come_last_in_asynchronous_halving() -> None:
    steps = reached(AsyncHalving(1, 3), broken(0, 1, 2), 9, workers=9)
    assert steps[:3] == [1, 1, 1]
    assert steps[3] == 9


REFUSED = {
    "an empty table": (late(RungTable, {}), "RungTable.keep"),
    "no table": (late(RungTable, [1, 2]), "RungTable.keep"),
    "a rung at 0": (late(RungTable, {0: 3}), "RungTable.keep"),
    "half a step": (late(RungTable, {1.5: 3}), "RungTable.keep"),
    "nobody kept": (late(RungTable, {2: 0}), "RungTable.keep[2]"),
    "a name": (late(RungTable, {"2": 3}), "RungTable.keep"),
    "no grace": (late(AsyncHalving, 0), "AsyncHalving.grace_period"),
    "a factor of 1": (late(AsyncHalving, 1, 1), "AsyncHalving.reduction_factor"),
    "NaN": (late(AsyncHalving, 1, NAN), "AsyncHalving.reduction_factor"),
}


@pytest.mark.parametrize(("build", "name"), REFUSED.values(), ids=REFUSED)
def test_refusals(build: object, name: str) -> None:
    assert callable(build)
    message = refusal(build)
    assert name in message
    assert "\n" not in message
