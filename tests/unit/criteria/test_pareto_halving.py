"""Halving on several metrics: who is dominated, who ties, and who cannot be compared."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import late, refusal
from tests.strategies import wild
from tune_es import Cohort, Decision, Every, Observation, ParetoHalving, Policy, Referee
from tune_es.cohort.fronts import Stairs
from tune_es.criteria import After
from tune_es.monitoring import sentence

AB = ("a", "b")
MODES = {"a": "max", "b": "max", "c": "max"}
NAN, INF = math.nan, math.inf
Row = Mapping[str, float]


def referee_of(rule: ParetoHalving, modes: Mapping[str, str] = MODES) -> Referee:
    metric, *others = modes
    policy = Policy(
        metric,
        modes[metric],
        stop=rule,
        other_metrics={name: modes[name] for name in others},
        nonfinite_patience=None,
        explosion_factor=None,
    )
    return Referee(policy)


def judged(
    rule: ParetoHalving, trials: Mapping[str, Row | Sequence[Row]], modes: Mapping[str, str] = MODES
) -> dict[str, list[Decision]]:
    """Every trial in turn, from its first step to its last."""
    referee = referee_of(rule, modes)
    return {
        trial: [
            referee.report(trial, {**row, "training_iteration": step})
            for step, row in enumerate([rows] if isinstance(rows, Mapping) else rows, start=1)
        ]
        for trial, rows in trials.items()
    }


def in_batch(rule: ParetoHalving, points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each stays where all of them were heard before the first is judged."""
    cohort, signs = Cohort(), dict.fromkeys(rule.metrics, 1)
    seen = [
        Observation(str(at), 1, None, dict(zip(rule.metrics, point, strict=True)), signs)
        for at, point in enumerate(points)
    ]
    for each in seen:
        cohort.hear(each, rule.axes)
    judgements = (rule.step(rule.init(), each, cohort.peers(each.trial_id)) for each in seen)
    return [not verdict.stop for _, verdict in judgements]


def one_by_one(rule: ParetoHalving, points: Sequence[Sequence[float]]) -> list[bool]:
    """Whether each stays where it is judged among those that came before it."""
    rows = {str(at): dict(zip(rule.metrics, point, strict=True)) for at, point in enumerate(points)}
    said = judged(rule, rows, dict.fromkeys(rule.metrics, "max"))
    return [not decisions[0].stop for decisions in said.values()]


def staying(rule: ParetoHalving, points: Sequence[Sequence[float]]) -> list[int]:
    return [at for at, stays in enumerate(in_batch(rule, points)) if stays]


def on_the_front(points: Sequence[Sequence[float]]) -> list[bool]:
    return [
        not any(
            all(a >= b for a, b in zip(other, point, strict=True)) and other != point
            for other in points
        )
        for point in points
    ]


@pytest.mark.parametrize("arrival", [in_batch, one_by_one])
@pytest.mark.parametrize("correlation", [0.0, 0.7])
@pytest.mark.parametrize("metrics", [2, 3])
@pytest.mark.parametrize("trials", [9, 30, 100, 300])
def test_a_trial_on_the_pareto_front_is_kept_nine_times_in_ten(
    arrival: Callable[[ParetoHalving, Sequence[Sequence[float]]], list[bool]],
    correlation: float,
    metrics: int,
    trials: int,
) -> None:
    rule, draw = ParetoHalving(tuple(MODES)[:metrics]), random.Random(trials)
    kept, front, there = 0, 0, 0
    for _ in range(max(2, 180 // trials)):
        points = []
        for _ in range(trials):
            common = draw.random()
            own = ((1 - correlation) * draw.random() for _ in range(metrics))
            points.append([correlation * common + each for each in own])
        stay, best = arrival(rule, points), on_the_front(points)
        kept += sum(stay)
        there += sum(best)
        front += sum(is_best for is_best, stays in zip(best, stay, strict=True) if stays)
    assert front >= 0.9 * there
    if arrival is in_batch and trials >= 100:
        assert kept <= 0.36 * trials * max(2, 180 // trials)


@pytest.mark.parametrize("front_share", [0.0, 1.0])
@pytest.mark.parametrize("trials", [1, 2, 10, 100])
def test_a_trial_that_dominates_all_others_is_always_kept(trials: int, front_share: float) -> None:
    rule, draw = ParetoHalving(AB, reduction_factor=50, front_share=front_share), random.Random(1)
    for arrives_at in {0, trials // 2, trials - 1}:
        points = [[draw.random(), draw.random()] for _ in range(trials)]
        points[arrives_at] = [1.0, 1.0]
        assert in_batch(rule, points)[arrives_at]
        assert one_by_one(rule, points)[arrives_at]


def test_the_order_of_fronts_decides() -> None:
    points = [[1, 4], [4, 1], [3, 3], [2, 2], [1, 1], [0, 0], [0, 1], [1, 0], [0, 0]]
    assert staying(ParetoHalving(AB), points) == [0, 1, 2]
    assert staying(ParetoHalving(AB, reduction_factor=2), points) == [0, 1, 2, 3, 4]


def test_the_mode_of_each_metric_is_that_of_the_policy() -> None:
    trials = {"a": {"f1": 0.9, "loss": 0.1}, "b": {"f1": 0.8, "loss": 0.2}}
    rule = ParetoHalving(("f1", "loss"), reduction_factor=2)
    said = judged(rule, trials, {"f1": "max", "loss": "min"})
    assert said["b"][0].stop
    said = judged(rule, trials, {"f1": "max", "loss": "max"})
    assert not said["b"][0].stop
    said = judged(rule, trials, {"f1": "min", "loss": "max"})
    assert not said["b"][0].stop


def test_the_first_front_stays_whole_up_to_a_share_of_the_trials() -> None:
    points = [[at, 10 - at] for at in range(10)]
    assert len(staying(ParetoHalving(AB), points)) == 10
    assert len(staying(ParetoHalving(AB, front_share=0.6), points)) in range(6, 11)
    ends = staying(ParetoHalving(AB, reduction_factor=5, front_share=0), points)
    assert ends == [0, 9]


def test_crowding_prefers_the_ends_and_what_stands_alone() -> None:
    front = [[0.0, 10.0], [0.1, 9.9], [5.0, 5.0], [9.9, 0.1], [10.0, 0.0]]
    rule = ParetoHalving(AB, reduction_factor=5 / 3, front_share=0)
    assert staying(rule, front) == [0, 2, 4]
    assert staying(rule, [[1e6 * a, b] for a, b in front]) == [0, 2, 4]


def test_hypervolume_prefers_what_adds_most() -> None:
    front = [[0.0, 10.0], [4.0, 9.0], [4.2, 8.5], [9.0, 4.0], [10.0, 0.0]]
    rule = ParetoHalving(AB, reduction_factor=2.5, front_share=0, tie_break="hypervolume")
    assert staying(rule, front) == [1, 3]


@pytest.mark.parametrize("tie_break", ["crowding", "hypervolume"])
def test_a_range_that_no_float_holds_breaks_ties_as_a_small_one(tie_break: str) -> None:
    front = [[0.0, 10.0], [4.0, 9.0], [4.2, 8.5], [9.0, 4.0], [10.0, 0.0]]
    huge = [[(value - 5) * 3e307 for value in point] for point in front]
    rule = ParetoHalving(AB, reduction_factor=2.5, front_share=0, tie_break=tie_break)
    assert staying(rule, huge) == staying(rule, front)


@pytest.mark.parametrize("tie_break", ["crowding", "hypervolume"])
def test_a_weight_spreads_trials_along_a_metric_or_prefers_those_good_in_it(
    tie_break: str,
) -> None:
    front = [[at, 10 - at] for at in range(11)] if tie_break == "hypervolume" else [
        [0, 30], [1, 20], [2, 10], [12, 9], [22, 8], [32, 0]
    ]  # fmt: skip
    kept = {
        weight: staying(
            ParetoHalving(
                AB, 1, len(front) / 4, weights={"a": weight}, tie_break=tie_break, front_share=0
            ),
            front,
        )
        for weight in (0.1, 10)
    }
    assert sum(front[at][0] for at in kept[10]) > sum(front[at][0] for at in kept[0.1])


def test_a_metric_of_weight_0_breaks_no_ties_and_still_dominates() -> None:
    points = [[0, 9], [1, 8], [2, 7], [3, 6]]
    rule = ParetoHalving(AB, 1, 2, weights={"b": 0}, tie_break="hypervolume", front_share=0)
    assert 3 in staying(rule, points)
    assert len(in_batch(rule, points)) == 4
    dominated = [*points, [3, 5]]
    assert 4 not in staying(ParetoHalving(AB, 1, 1.25, weights={"b": 0}), dominated)


@pytest.mark.parametrize("tie_break", ["crowding", "hypervolume"])
def test_equal_trials_stay_or_go_together_whenever_they_came(tie_break: str) -> None:
    rule = ParetoHalving(AB, front_share=0, tie_break=tie_break)
    draw = random.Random(2)
    for _ in range(30):
        points = [[draw.randint(0, 3), draw.randint(0, 3)] for _ in range(12)]
        stays = in_batch(rule, points)
        by_point: dict[tuple[int, ...], set[bool]] = {}
        for point, each in zip(points, stays, strict=True):
            by_point.setdefault(tuple(point), set()).add(each)
        assert all(len(said) == 1 for said in by_point.values())
        turned = in_batch(rule, points[::-1])
        assert turned == stays[::-1]


def test_constraints_are_in_the_users_sign_and_come_first() -> None:
    modes = {"f1": "max", "ms": "min"}
    trials = {
        "within": {"f1": 0.5, "ms": 50},
        "over": {"f1": 0.9, "ms": 60},
        "far over": {"f1": 0.9, "ms": 100},
        "low": {"f1": 0.4, "ms": 10},
    }
    rule = ParetoHalving(("f1", "ms"), 1, 4, constraints={"ms": 50, "f1": 0.5})
    said = {name: each[0] for name, each in judged(rule, trials, modes).items()}
    assert [name for name, each in said.items() if each.stop] == ["over", "far over", "low"]
    misses = {
        name: each.verdict.evidence.get("violation") for name, each in said.items() if each.stop
    }
    assert misses == {"over": pytest.approx(0.2), "far over": 1, "low": pytest.approx(0.2)}
    assert said["far over"].verdict.evidence["rank"] == 3


def test_a_constraint_may_be_on_a_metric_that_is_not_compared() -> None:
    rule = ParetoHalving(AB, 1, 2, constraints={"c": 0})
    rows = {"x": {"a": 9, "b": 9, "c": -1}, "y": {"a": 1, "b": 1, "c": 0}}
    referee = referee_of(rule)
    said = [referee.report(t, {**rows[t], "training_iteration": 1}) for t in ("y", "x")]
    assert [each.stop for each in said] == [False, True]
    assert said[1].verdict.evidence["violation"] == 1
    assert rule.metric_names == {"a", "b", "c"}


def test_where_nobody_meets_a_constraint_the_least_miss_stays_and_equal_ones_together() -> None:
    rule = ParetoHalving(AB, 1, 3, constraints={"a": 10})
    assert staying(rule, [[5, 9], [8, 1], [8, 2], [8, 0], [1, 9], [8, 8]]) == [1, 2, 3, 5]


def test_a_value_that_is_not_finite_is_behind_all_and_nobodys_peer() -> None:
    row = {"a": 1.0, "b": 1.0}
    for bad in (NAN, INF, -INF):
        said = judged(ParetoHalving(AB), {"x": {**row, "a": bad}, "y": row, "z": row})
        assert [said[name][0].stop for name in "xyz"] == [False] * 3
        said = judged(ParetoHalving(AB), {"y": row, "z": {"a": 9, "b": bad}, "x": row})
        assert [said[name][0].stop for name in "yzx"] == [False, True, False]
        numbers = said["z"][0].verdict.evidence
        assert [numbers[name] for name in ("rank", "front", "trials")] == [2, 2, 2]


def test_the_last_value_counts_or_the_best() -> None:
    trials: dict[str, list[Row]] = {
        "x": [{"a": 1, "b": 1}] * 2,
        "y": [{"a": 5, "b": 0}, {"a": 0, "b": 5}],
    }
    z: list[Row] = [{"a": 0, "b": 0}, {"a": 2, "b": 2}]
    for by, stops in (("last", False), ("best", True)):
        said = judged(ParetoHalving(AB, 2, 3, by=by), {**trials, "z": z})
        assert said["z"][1].stop == stops
    nan: dict[str, list[Row]] = {**trials, "z": [{"a": 6, "b": 6}, {"a": NAN, "b": NAN}]}
    assert judged(ParetoHalving(AB, 2, 3), nan)["z"][1].stop
    assert not judged(ParetoHalving(AB, 2, 3, by="best"), nan)["z"][1].stop


def test_a_metric_that_a_result_lacks_keeps_its_value_and_all_have_to_be_there() -> None:
    ahead = [{"a": 5, "b": 5}] * 4
    behind: list[Row] = [{"a": 1}, {"c": 3}, {"b": 1}, {"a": 9}]
    said = judged(ParetoHalving(AB, 1, 2), {"x": ahead, "y": behind})["y"]
    assert [each.stop for each in said] == [False, False, True, False]
    assert dict(said[2].verdict.evidence)["a"] == 1
    assert judged(ParetoHalving(AB, 1, 2), {"x": ahead, "y": [{"a": 0}] * 4})["y"][3].stop is False


def test_rungs_are_those_of_successive_halving() -> None:
    leader, other = [{"a": 9, "b": 9}] * 12, [{"a": 1, "b": 1}] * 12
    said = judged(ParetoHalving(AB, 2, 2), {"leader": leader, "other": other})
    stops = [at for at, each in enumerate(said["other"], start=1) if each.stop]
    assert stops == [2, 4, 8]
    assert not any(each.stop for each in said["leader"])


def test_the_evidence_is_in_the_users_sign_and_reads_well() -> None:
    rule = ParetoHalving(("f1", "loss"), 1, 2, constraints={"loss": 1})
    rows = {"x": {"f1": 0.75, "loss": 0.25}, "y": {"f1": 0.5, "loss": 1.5}}
    said = judged(rule, rows, {"f1": "max", "loss": "min"})["y"][0]
    assert sentence(said) == (
        "hopeless: ParetoHalving (f1=0.5, loss=1.5, rung=1, front=2, rank=2, kept=1, trials=2, "
        "violation=0.5)"
    )


def test_inside_other_rules_it_sees_every_result_and_own_values_where_it_is_asked() -> None:
    for wrapped in (After(2, ParetoHalving(AB, 1, 2)), Every(2, ParetoHalving(AB, 1, 2))):
        referee = Referee(Policy("a", "max", stop=wrapped, other_metrics={"b": "max"}))
        for trial, value in (("x", 2.0), ("y", 1.0)):
            for step in (1, 2):
                row = {"a": value, "b": value, "training_iteration": step}
                decision = referee.report(trial, row)
        assert decision.stop
        assert decision.verdict.evidence["trials"] == 2


def test_a_rule_that_no_peer_was_recorded_for_stops_nobody() -> None:
    rule = ParetoHalving(AB)
    seen = Observation("x", 1, None, {"a": 1.0, "b": 1.0})
    _, verdict = rule.step(rule.init(), seen, Cohort().peers("x"))
    assert not verdict.stop
    assert verdict.evidence["trials"] == 1


hostile_rules = st.builds(
    ParetoHalving,
    st.sampled_from([AB, ("a", "b", "c")]),
    constraints=st.dictionaries(
        st.sampled_from("abc"), st.sampled_from([0.0, -0.0, 5e-324, -1e308, 1e308, 1.0])
    ),
    weights=st.sampled_from([{}, {"a": 1e308, "b": 5e-324}, {"a": 0, "b": 1e-308}]),
    tie_break=st.sampled_from(["crowding", "hypervolume"]),
    front_share=st.sampled_from([0.0, 0.5, 1.0]),
    by=st.sampled_from(["last", "best"]),
)
hostile_rows = st.fixed_dictionaries({}, optional=dict.fromkeys("abc", wild))


@settings(max_examples=300)
@given(rule=hostile_rules, rows=st.lists(hostile_rows, min_size=1, max_size=14))
def test_no_values_raise_and_every_number_of_a_place_is_sound(
    rule: ParetoHalving, rows: list[dict[str, float]]
) -> None:
    said = judged(rule, {str(at): [row, rows[-at]] for at, row in enumerate(rows)})
    for decision in (each for decisions in said.values() for each in decisions):
        numbers = decision.verdict.evidence
        if "rank" in numbers:
            assert 1 <= numbers["rank"] <= numbers["trials"]
            assert 1 <= numbers["kept"] <= numbers["trials"]
            assert 1 <= numbers["front"] <= numbers["trials"]
            assert not math.isnan(numbers.get("violation", 0.0))
            assert decision.stop == (numbers["rank"] > numbers["kept"])


def test_a_result_among_16_times_the_trials_looks_at_few_more_fronts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = [0]
    for name in ("beats", "replace"):
        plain: Callable[[Stairs, Any], Any] = getattr(Stairs, name)

        def counted(front: Stairs, given: Any, plain: Any = plain) -> Any:
            looks[0] += 1
            return plain(front, given)

        monkeypatch.setattr(Stairs, name, counted)
    spent, draw = {}, random.Random(0)
    referee = referee_of(ParetoHalving(AB))
    for trial in range(4000):
        looks[0] = 0 if trial in (150, 3900) else looks[0]
        row = {"a": draw.random(), "b": draw.random(), "training_iteration": 1}
        referee.report(str(trial), row)
        spent[trial] = looks[0]
    assert 0 < spent[3999] < 4 * spent[249]  # the square root of 16


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(ParetoHalving, ()), "metrics must be a list of at least 2 different metrics, got ()"),
        (late(ParetoHalving, "ab"), "got 'ab'"),
        (late(ParetoHalving, ("a",)), "got ('a',)"),
        (late(ParetoHalving, ("a", "a")), "got ('a', 'a')"),
        (late(ParetoHalving, ("a", 3)), "got ('a', 3)"),
        (late(ParetoHalving, AB, 0), "ParetoHalving.grace_period must be a number above 0, got 0"),
        (late(ParetoHalving, AB, 1, 1), "ParetoHalving.reduction_factor must be a number at least"),
        (late(ParetoHalving, AB, constraints=3), "constraints must map metrics to numbers, got 3"),
        (late(ParetoHalving, AB, constraints={"c": None}), "constraints[c] must be a number, got"),
        (late(ParetoHalving, AB, constraints={1: 1}), "constraints is named by strings, got 1"),
        (late(ParetoHalving, AB, weights={"c": 1}), "weights must be a known name, got 'c'"),
        (late(ParetoHalving, AB, weights={"a": -1}), "weights[a] must be a number at least 0"),
        (late(ParetoHalving, AB, weights={"a": 0, "b": 0}), "weights must leave a metric"),
        (late(ParetoHalving, AB, tie_break="crowd"), "did you mean 'crowding'?"),
        (
            late(ParetoHalving, tuple("abcde"), tie_break="hypervolume"),
            "'hypervolume' takes at most 4 metrics with a weight above 0, got 5; 'crowding' takes",
        ),
        (late(ParetoHalving, AB, by="worst"), "Valid: best, last"),
        (late(ParetoHalving, AB, front_share=1.5), "ParetoHalving.front_share must be a number"),
        (
            late(Policy, "a", "max", stop=ParetoHalving(("a", "bb")), other_metrics={"b": "min"}),
            "Policy.stop judges 'bb'",
        ),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)
