"""Means over tasks and seeds, intervals and the comparison of policies, by hand."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tune_es.replay import Score
from tune_es.replay.summary import (
    Interval,
    Point,
    Summary,
    cost_at,
    envelope,
    held_out_cost_at,
    points,
    summarise,
    weighted_quantiles,
)

NAN, INF = math.nan, math.inf


def score(
    task: str,
    cost: float = 0.5,
    regret: float = 0.0,
    policy: str = "p",
    source: str = "set",
    *,
    seed: int = 0,
    test_regret: float = NAN,
) -> Score:
    """Every other number is of no interest here."""
    return Score(
        source, task, seed, policy, cost, cost / 2, regret, test_regret,
        makespan=0.25, worker_use=0.75, steps=10, seconds=10.0, money=NAN, stopped=1, failed=0,
    )  # fmt: skip


def summary(scores: Iterable[Score], seed: int = 0) -> Summary:
    (only,) = summarise(scores, seed)
    return only


def quantile(tasks: Sequence[np.ndarray], share: float) -> float:
    """The quantile of all streams, every task the same weight."""
    weights = np.concatenate([np.full(len(task), 1 / len(task)) for task in tasks])
    (found,) = weighted_quantiles(weights[None], np.concatenate(list(tasks)), share)
    return float(found)


def one_each(values: Sequence[float]) -> list[Score]:
    """One stream of every task, with these costs as regrets, too."""
    return [score(f"t{at}", value, value) for at, value in enumerate(values)]


def test_every_task_weighs_the_same_however_many_streams_it_has() -> None:
    scores = [score("a", 1.0, 0.5), *[score("b", 0.25, 0.0) for _ in range(9)]]
    found = summary(scores)
    assert (found.policy, found.tasks, found.streams) == ("p", 2, 10)
    assert found.cost.value == (1.0 + 0.25) / 2
    assert found.cost_seconds.value == (0.5 + 0.125) / 2
    assert found.regret.value == 0.25
    assert (found.makespan.value, found.worker_use.value) == (0.25, 0.75)


def test_tasks_of_one_name_in_two_sets_are_two_tasks() -> None:
    scores = [score("a", 1.0, source="one"), score("a", 0.0, source="two"), score("a", 0.0)]
    assert summary(scores).tasks == 3
    assert summary(scores).cost.value == pytest.approx(1 / 3)


def test_policies_come_in_the_order_in_which_they_were_met() -> None:
    scores = [score("a", 0.1, policy="z"), score("a", 0.2, policy="b"), score("b", 0.3, policy="z")]
    assert [(each.policy, each.cost.value) for each in summarise(scores)] == [
        ("z", pytest.approx(0.2)),
        ("b", 0.2),
    ]
    assert summarise([]) == []


def test_a_regret_above_one_percent_is_a_failure() -> None:
    scores = [score("a", regret=each) for each in (0.0, 0.01, 0.0101, INF)] + [score("b")]
    assert summary(scores).over_1_percent.value == (2 / 4 + 0) / 2


def test_tasks_without_a_number_are_left_out_of_its_mean() -> None:
    scores = [score("a", test_regret=0.5), score("b"), score("c", test_regret=0.25)]
    found = summary(scores)
    assert found.test_regret.value == 0.375
    assert 0.25 <= found.test_regret.low <= found.test_regret.high <= 0.5
    assert summary(scores[:1] + scores[1:2]).test_regret == Interval(0.5, 0.5, 0.5)


def test_streams_without_a_number_are_left_out_of_their_tasks_mean() -> None:
    scores = [score("a", test_regret=each) for each in (NAN, 0.5, 0.25)]
    assert summary(scores).test_regret.value == 0.375


def test_what_no_stream_has_is_no_number() -> None:
    money = summary([score("a"), score("b")]).money
    assert all(math.isnan(each) for each in (money.value, money.low, money.high))


def test_an_infinite_regret_stays_infinite() -> None:
    found = summary([score("a", regret=each) for each in (0.0, 0.0, INF)])
    assert (found.regret.value, found.regret.high, found.regret_95.value) == (INF, INF, INF)
    assert found.regret.low == 0


# Intervals.

costs = st.lists(
    st.lists(st.integers(0, 32).map(lambda each: each / 32), min_size=1, max_size=5),
    min_size=1,
    max_size=5,
)


@settings(max_examples=5)
@given(by_task=costs, seed=st.integers(0, 3))
def test_an_interval_lies_within_what_was_seen(by_task: list[list[float]], seed: int) -> None:
    scores = [score(f"t{at}", each, each) for at, row in enumerate(by_task) for each in row]
    found = summary(scores, seed)
    everything = [each for row in by_task for each in row]
    for interval in (found.cost, found.regret, found.regret_95):
        assert min(everything) <= interval.low <= interval.high <= max(everything)
    assert repr(found) == repr(summary(scores, seed))  # NaN equals NaN as text


@pytest.mark.parametrize("count", [10, 40])
def test_an_interval_holds_the_number_and_is_as_wide_as_theory_says(count: int) -> None:
    values = np.linspace(0, 1, count).tolist()
    found = summary(one_each(values)).cost
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(0.5)
    expected = 2 * 1.645 * float(np.std(values)) / math.sqrt(count)
    assert found.high - found.low == pytest.approx(expected, rel=0.1)


def test_both_tasks_and_seeds_are_drawn_again() -> None:
    between = [score(task, each, each) for task, each in (("a", 0.0), ("b", 1.0)) for _ in range(4)]
    within = [score(task, each, each) for task in "ab" for each in (0.0, 1.0) for _ in range(2)]
    one, two = summary(between), summary(within)
    # both draws are of task a in a quarter of the resamples
    assert one.regret_95 == Interval(1.0, 0.0, 1.0)
    assert one.cost == Interval(0.5, 0.0, 1.0)
    assert 0 < two.cost.low < two.cost.value == 0.5 < two.cost.high < 1


def test_the_seeds_of_a_task_are_drawn_again_for_the_95_percent_regret() -> None:
    rare = [score("a", regret=float(at == 0)) for at in range(10)]
    # the one bad stream is drawn not at all in a third of the resamples
    assert summary(rare).regret_95 == Interval(1.0, 0.0, 1.0)


def test_one_task_says_what_another_seed_would_give() -> None:
    found = summary([score("a", each / 8) for each in range(9)]).cost
    assert 0.25 < found.low < found.value == 0.5 < found.high < 0.75


@pytest.mark.parametrize("value", [0.1, 0.7, 1 / 3, 0.0])
def test_the_interval_of_equal_numbers_is_that_number(value: float) -> None:
    scores = [score(task, value, value) for task in "abc" for _ in range(7)]
    found = summary(scores)
    for interval in (found.cost, found.regret, found.regret_95):
        assert interval.low <= interval.value <= interval.high
        assert interval.low == pytest.approx(value, abs=1e-12) == interval.high


def test_another_seed_draws_other_resamples() -> None:
    scores = one_each([math.sin(each) for each in range(12)])
    one, other = (summary(scores, seed).cost for seed in (0, 1))
    assert one.value == other.value
    assert (one.low, one.high) != (other.low, other.high)


# Quantiles.


def arrays(*rows: Sequence[float]) -> list[np.ndarray[tuple[int], np.dtype[np.float64]]]:
    return [np.array(row, dtype=float) for row in rows]


@pytest.mark.parametrize(
    ("rows", "share", "expected"),
    [
        ([[1, 2, 3, 4]], 0.5, 2),
        ([[1, 2, 3, 4]], 0.51, 3),
        ([[4, 1, 3, 2]], 1.0, 4),
        ([[4, 1, 3, 2]], 0.25, 1),
        # 1 weighs a half, each of the others an eighth
        ([[1], [2, 3, 4, 5]], 0.5, 1),
        ([[1], [2, 3, 4, 5]], 0.625, 2),
        ([[1], [2, 3, 4, 5]], 0.63, 3),
        ([[9], [2, 3, 4, 5]], 0.5, 5),
        ([[1, INF]], 0.5, 1),
        ([[1, INF]], 0.6, INF),
    ],
)
def test_a_quantile_is_the_least_value_that_a_share_stays_within(
    rows: list[list[float]], share: float, expected: float
) -> None:
    assert quantile(arrays(*rows), share) == expected


@given(
    rows=st.integers(1, 6).flatmap(
        lambda size: st.lists(
            st.lists(st.integers(0, 9).map(float), min_size=size, max_size=size),
            min_size=1,
            max_size=6,
        )
    ),
    percent=st.integers(1, 100),
)
def test_a_quantile_of_equally_many_streams_is_numpys(
    rows: list[list[float]], percent: int
) -> None:
    flat = np.concatenate(arrays(*rows))
    # NumPy rounds the other way where the share falls between two values
    if percent * flat.size % 100:
        expected = np.quantile(flat, percent / 100, method="inverted_cdf")
    else:
        expected = np.sort(flat)[percent * flat.size // 100 - 1]
    assert quantile(arrays(*rows), percent / 100) == expected


@given(
    rows=st.lists(
        st.lists(st.integers(0, 9).map(float), min_size=1, max_size=6), min_size=1, max_size=6
    ),
    percent=st.integers(1, 100),
)
def test_a_quantile_is_that_of_tasks_repeated_to_one_size(
    rows: list[list[float]], percent: int
) -> None:
    size = math.lcm(*map(len, rows))
    repeated = arrays(*(row * (size // len(row)) for row in rows))
    assert quantile(arrays(*rows), percent / 100) == quantile(repeated, percent / 100)


def test_the_95_percent_regret_is_that_of_streams() -> None:
    scores = [score("a", regret=each / 100) for each in range(100)]
    assert summary(scores).regret_95.value == 0.94


# Policies compared.


def test_points_are_means_of_every_policy_with_equal_tasks() -> None:
    scores = [
        score("a", 1.0, 0.5), score("b", 0.5, 0.0), score("b", 0.0, 1.0),
        score("a", 0.25, 0.125, policy="q"),
    ]  # fmt: skip
    assert points(scores) == [Point("p", 0.625, 0.5), Point("q", 0.25, 0.125)]


def known(*pairs: tuple[float, float]) -> list[Point]:
    return [Point(chr(ord("a") + at), cost, regret) for at, (cost, regret) in enumerate(pairs)]


def test_the_envelope_holds_what_nothing_else_beats() -> None:
    some = known((0.5, 0.1), (0.1, 0.5), (0.3, 0.3), (0.4, 0.4), (0.6, 0.1), (0.3, 0.2))
    assert [each.policy for each in envelope(some)] == ["b", "f", "a"]
    assert [each.policy for each in envelope(reversed(some))] == ["b", "f", "a"]
    assert envelope([]) == []
    assert envelope(known((0.5, 0.5))) == known((0.5, 0.5))


def test_a_single_policy_is_its_own_envelope_even_where_it_found_nothing() -> None:
    assert envelope(known((0.5, INF))) == known((0.5, INF))
    assert [each.policy for each in envelope(known((0.1, INF), (0.2, 0.1)))] == ["a", "b"]


coordinates = st.integers(0, 4).map(lambda each: each / 4)


@given(pairs=st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=8))
def test_the_envelope_is_the_set_of_pareto_points(pairs: list[tuple[float, float]]) -> None:
    found = {(each.cost, each.regret) for each in envelope(known(*pairs))}
    best = {
        (cost, regret)
        for cost, regret in pairs
        if not any(
            other[0] <= cost and other[1] <= regret and other != (cost, regret) for other in pairs
        )
    }
    assert found == best


def test_cost_at_a_regret_is_that_of_the_cheapest_policy_within_it() -> None:
    some = known((0.5, 0.01), (0.2, 0.02), (0.3, 0.02), (0.1, 0.5))
    assert cost_at(some, 0.02) == some[1]
    assert cost_at(some, 0.019) == some[0]
    assert cost_at(some, 1.0) == some[3]
    assert cost_at(some, 0.001) is None
    assert cost_at([], 1.0) is None


def family_scores() -> list[Score]:
    """Cheap is good on sets x and y, and bad on z, where dear is needed."""
    cheap = {"x": (0.125, 0.0), "y": (0.25, 0.0), "z": (0.5, 1.0)}
    dear = {"x": (0.5, 0.0), "y": (0.75, 0.0), "z": (1.0, 0.0)}
    return [
        score("t", cost, regret, policy, source)
        for policy, table in (("cheap", cheap), ("dear", dear))
        for source, (cost, regret) in table.items()
    ]


def test_held_out_cost_is_that_of_the_policy_chosen_on_the_other_families() -> None:
    # at a regret of .25: without x or y the others make a mean of .5 with cheap, so dear is taken
    # (.5 and .75 on them); without z cheap is taken, which costs .5 there and misses 1
    found = held_out_cost_at(family_scores(), 0.25)
    assert found is not None
    assert [found.cost, found.regret] == pytest.approx([(0.5 + 0.75 + 0.5) / 3, 1 / 3])


def test_held_out_cost_weighs_tasks_and_not_families() -> None:
    more = [score("u", 0.125, 0.0, "cheap", "y"), score("u", 0.375, 0.0, "dear", "y")]
    found = held_out_cost_at([*family_scores(), *more], 0.5)
    # without x: cheap (mean of 0, 0, 1); without y: cheap (0, 1: .5 is within); without z: cheap
    assert found is not None
    assert found.cost == pytest.approx((0.125 + 0.25 + 0.125 + 0.5) / 4)
    assert found.regret == pytest.approx(1 / 4)


def test_a_family_may_join_several_sets() -> None:
    found = held_out_cost_at(family_scores(), 0.5, {"x": "easy", "y": "easy"})
    # without the easy ones only dear is good on z; without z cheap is
    assert found is not None
    assert [found.cost, found.regret] == pytest.approx([(0.5 + 0.75 + 0.5) / 3, 1 / 3])


def test_there_is_no_held_out_cost_where_some_family_has_no_policy() -> None:
    scores = family_scores()
    assert held_out_cost_at(scores, -1.0) is None
    assert held_out_cost_at([each for each in scores if each.source == "x"], 1.0) is None
    assert held_out_cost_at([each for each in scores if each.policy == "cheap"], 0.25) is None


def test_a_policy_without_scores_on_a_family_is_not_chosen_for_it() -> None:
    scores = [*family_scores(), score("t", 0.0, 0.0, "elsewhere", "x")]
    found = held_out_cost_at(scores, 0.25)
    assert found is not None
    assert [found.cost, found.regret] == pytest.approx([(0.5 + 0.75 + 0.5) / 3, 1 / 3])
