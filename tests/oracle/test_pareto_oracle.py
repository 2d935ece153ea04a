"""Fronts and ties kept up to date, against sorting everything every time."""

from __future__ import annotations

import math
import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracle.pareto_oracle import Slow, alone, fronts_of, textbook_crowding
from tests.strategies import bad, levels
from tune_es import ParetoHalving, Policy, Referee
from tune_es.cohort import Order, Ranking
from tune_es.cohort.fronts import Fronts
from tune_es.criteria.ties import MARGIN, TIES, crowding, hypervolume

MODES = {"a": "max", "b": "min", "c": "max"}
SIGNS = {"a": 1, "b": -1, "c": 1}


def clouds(dimensions: int) -> st.SearchStrategy[list[tuple[float, ...]]]:
    """Points on a coarse grid, where equal points and equal coordinates are the rule."""
    return st.lists(st.tuples(*[levels] * dimensions), min_size=1, max_size=14)


@pytest.mark.parametrize("dimensions", [2, 3, 4])
@given(data=st.data())
def test_fronts_are_those_of_a_full_sort_after_every_point(
    dimensions: int, data: st.DataObject
) -> None:
    points = data.draw(clouds(dimensions))
    fronts = Fronts(dimensions)
    for at, point in enumerate(points, start=1):
        fronts.add(point)
        expected = fronts_of(points[:at])
        assert [fronts.find(each) + 1 for each in points[:at]] == expected
        assert fronts.sizes == [expected.count(front) for front in range(1, max(expected) + 1)]
        assert len(fronts) == at
    for front in range(len(fronts.sizes)):
        members = [each for each, its in zip(points, expected, strict=True) if its == front + 1]
        counted = {each: members.count(each) for each in members}
        assert fronts.points(front) == counted
        assert list(fronts.points(front)) == sorted(counted)


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("correlation", [-1, 0, 1])
def test_fronts_of_many_points(dimensions: int, correlation: int) -> None:
    draw, points = random.Random(correlation), []
    for _ in range(250):
        level = draw.random()
        second = correlation * level + 0.3 * draw.random()
        points.append((level, second, draw.random())[:dimensions])
    fronts = Fronts(dimensions)
    for point in points:
        fronts.add(point)
    assert [fronts.find(point) + 1 for point in points] == fronts_of(points)


bounded = st.tuples(st.integers(0, 2), levels, st.sampled_from([0.5, 1.0]))


@given(
    points=clouds(3),
    bounds=st.lists(bounded, max_size=2).map(tuple),
    seed=st.integers(0, 99),
)
def test_a_ranking_does_not_depend_on_the_order_of_arrival(
    points: list[tuple[float, ...]], bounds: tuple[tuple[int, float, float], ...], seed: int
) -> None:
    order = Order(2, bounds)
    one, other = Ranking(order), Ranking(order)
    for point in points:
        one.add(point)
    for point in random.Random(seed).sample(points, len(points)):
        other.add(point)
    for point in points:
        place = one.place(point)
        assert place == other.place(point)
        if not place.violation:
            front = one.fronts.points(place.front - 1)
            assert list(front.items()) == list(other.fronts.points(place.front - 1).items())


@given(
    seed=st.integers(0, 9999),
    size=st.integers(1, 9),
    weights=st.sampled_from([(1.0, 1.0, 1.0), (1.0, 0.5, 0.25), (0.0, 1.0, 1.0)]),
)
def test_crowding_is_that_of_the_textbook_where_no_value_is_shared(
    seed: int, size: int, weights: tuple[float, ...]
) -> None:
    draw = random.Random(seed)
    points = [(draw.random(), draw.random(), draw.random()) for _ in range(size)]
    assert crowding(points, weights) == pytest.approx(textbook_crowding(points, weights))


@pytest.mark.parametrize("dimensions", [2, 3, 4])
@settings(max_examples=40)
@given(data=st.data())
def test_what_a_point_adds_to_the_volume_is_what_inclusion_and_exclusion_say(
    dimensions: int, data: st.DataObject
) -> None:
    points = data.draw(clouds(dimensions).map(lambda cloud: cloud[:7]))
    members = sorted({p for p, front in zip(points, fronts_of(points), strict=True) if front == 1})
    weights = data.draw(st.permutations([1.0, 2.0, 3.0, 0.0][:dimensions]))
    counted = [weight for weight in weights if weight]
    boxes = []
    for point in members:
        box = []
        for axis, weight in enumerate(weights):
            low, high = (pick(each[axis] for each in members) for pick in (min, max))
            share = (point[axis] - low) / (high - low) if high > low else 0.0
            bent = (share + MARGIN) / (1 + MARGIN)
            box += [bent ** (weight * len(counted) / sum(counted))] if weight else []
        boxes.append(tuple(box))
    assert hypervolume(members, weights) == pytest.approx(alone(boxes), abs=1e-9)


@pytest.mark.parametrize("tie_break", TIES)
@given(points=clouds(3), seed=st.integers(0, 99))
def test_ties_are_broken_alike_whatever_the_scale_of_a_metric(
    tie_break: str, points: list[tuple[float, ...]], seed: int
) -> None:
    members = sorted({p for p, front in zip(points, fronts_of(points), strict=True) if front == 1})
    scaled = [(8.0 * a, b / 4, c - 2.0) for a, b, c in members]
    weights = [0.5, 1.0, 2.0]
    found = TIES[tie_break](members, weights)
    assert TIES[tie_break](scaled, weights) == found
    assert TIES[tie_break](members, [8 * weight for weight in weights]) == found


values = st.dictionaries(st.sampled_from("abc"), levels, max_size=3) | st.fixed_dictionaries(
    dict.fromkeys("abc", levels | bad)
)
#: Who reports which step; steps stay, grow or fall back, and each has some of the metrics.
logs = st.lists(st.tuples(st.sampled_from("tuvwx"), st.integers(1, 5), values), max_size=30)
rules = st.builds(
    ParetoHalving,
    st.just(("a", "b")),
    grace_period=st.integers(1, 2),
    reduction_factor=st.sampled_from([1.5, 2.0, 3.0]),
    constraints=st.sampled_from([{}, {}, {"c": 0.0}, {"a": 0.25, "b": -0.5}]),
    weights=st.sampled_from([{}, {"a": 2.0}, {"b": 0.0}]),
    front_share=st.sampled_from([1.0, 0.5, 0.0]),
    by=st.sampled_from(["last", "best"]),
)


def referee_of(rule: ParetoHalving) -> Referee:
    others = {name: MODES[name] for name in "bc"}
    return Referee(Policy("a", "max", rule, others, nonfinite_patience=None, explosion_factor=None))


@settings(max_examples=300)
@given(rule=rules, log=logs)
def test_the_rule_says_what_its_slow_reading_says(
    rule: ParetoHalving, log: list[tuple[str, int, dict[str, float]]]
) -> None:
    referee, slow = referee_of(rule), Slow(rule, SIGNS)
    for trial, step, row in log:
        decision = referee.report(trial, {**row, "training_iteration": step})
        oriented = {name: SIGNS[name] * value for name, value in row.items()}
        if not slow.hear(trial, step, oriented):
            continue
        evidence = decision.verdict.evidence
        assert ("rank" in evidence) == slow.is_judged(trial, step)
        if "rank" in evidence:
            stop, numbers = slow.verdict(trial, step)
            assert {name: evidence[name] for name in numbers} == numbers
            assert decision.stop == stop
        else:
            assert not decision.stop


@given(rule=rules, log=logs, crash=st.integers(0, 30))
def test_a_sweep_goes_on_from_a_snapshot_as_if_it_had_never_been_interrupted(
    rule: ParetoHalving, log: list[tuple[str, int, dict[str, float]]], crash: int
) -> None:
    whole, first, second = referee_of(rule), referee_of(rule), referee_of(rule)
    said = [repr(whole.report(t, {**row, "training_iteration": step})) for t, step, row in log]
    heard = [repr(first.report(t, {**row, "training_iteration": s})) for t, s, row in log[:crash]]
    saved = pickle.dumps(first.snapshot())
    later = [repr(first.report(t, {**row, "training_iteration": s})) for t, s, row in log[crash:]]
    second.restore(pickle.loads(saved))
    again = [repr(second.report(t, {**row, "training_iteration": s})) for t, s, row in log[crash:]]
    assert heard + later == heard + again == said


@given(rule=rules, log=logs)
def test_every_part_of_a_log_leaves_what_its_last_lives_would(
    rule: ParetoHalving, log: list[tuple[str, int, dict[str, float]]]
) -> None:
    referee, plain, slow = referee_of(rule), referee_of(rule), Slow(rule, SIGNS)
    for trial, step, row in log:
        referee.report(trial, {**row, "training_iteration": step})
        slow.hear(trial, step, row)
    for trial, history in slow.histories.items():
        for step, row in sorted(history.items()):
            plain.report(trial, {**row, "training_iteration": step})
    newcomer = {"a": 0.0, "b": 0.0, "c": 0.0}
    for step in range(1, 6):
        told = [
            repr(each.report("newcomer", {**newcomer, "training_iteration": step}))
            for each in (referee, plain)
        ]
        assert told[0] == told[1]


def test_a_trial_that_is_no_peer_is_placed_all_the_same() -> None:
    ranking = Ranking(Order(2))
    for point in ((0.0, 1.0), (1.0, 0.0), (-1.0, -1.0), (-math.inf, 9.0)):
        ranking.add(point)
    place = ranking.place((-math.inf, 9.0))
    assert (place.front, place.ahead, place.trials) == (3, 3, 4)
    assert ranking.place((1.0, 0.0)).trials == 3
