"""Smoothed, Cyclic, After, Every and PerMetric: rules around rules."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest

from tests.builders import curve, late, refusal, stop_at, stops, verdicts_on
from tune_es import (
    After,
    AnyOf,
    BelowMedian,
    Budget,
    Criterion,
    Cyclic,
    Divergence,
    Every,
    Exponential,
    MovingMean,
    MovingMedian,
    Patience,
    PerMetric,
    Plateau,
    Policy,
    Smoothed,
    Target,
)

NAN = math.nan
SPIKE = [1, 2, 9, 3, 4, 5, 6]
WAVES = [0.1, 0.5, 0.9, 0.2, 0.6, 1.0, 0.3, 0.7, 1.1]
STALLED = WAVES + [0.3, 0.7, 1.1] * 4


@pytest.mark.parametrize(
    ("rule", "scores", "stop"),
    [
        (Patience(3), SPIKE, 5),
        (Smoothed(Patience(3), MovingMedian(3)), SPIKE, None),
        (Smoothed(Patience(2), MovingMean(2)), [1, 3, 1, 3, 1, 3], 3),
        (Smoothed(Target(2.0), MovingMean(2)), [1, 3, 1], 1),
        (Smoothed(Target(2.5), MovingMean(2)), [1, 3, 1, 3], None),
        (Smoothed(Target(2.0), Exponential(0.5)), [1, 3], 1),
        (Smoothed(Target(2.1), Exponential(0.5)), [1, 3], None),
        (Smoothed(Patience(2), MovingMean(1)), [1, 2, 2, 2], 3),
        (Smoothed(Plateau(0.0, 2, 0), MovingMean(2)), [1, 3, 1, 3], 2),
        (Smoothed(Patience(2), MovingMean(2)), [1, NAN, NAN], 2),
        (Smoothed(Patience(2)), [NAN, NAN], 1),
    ],
)
def test_a_smoothed_rule_judges_the_smoothed_curve(
    rule: Criterion, scores: list[float], stop: int | None
) -> None:
    assert stop_at(rule, curve(*scores)) == stop


def two(a: Sequence[float], b: Sequence[float]) -> list[dict[str, float]]:
    return [{"a": x, "b": y} for x, y in zip(a, b, strict=True)]


def policy_on(stop: Criterion, b_mode: str = "max") -> Policy:
    return Policy("a", "max", stop=stop, other_metrics={"b": b_mode})


RISING, FLAT = [float(at) for at in range(8)], [1.0] * 8


@pytest.mark.parametrize(
    "wrap",
    [
        lambda rule: Smoothed(rule, MovingMean(2), metric="b"),
        lambda rule: Cyclic(rule, period=1, metric="b"),
        lambda rule: PerMetric(Smoothed(rule, MovingMean(2)), ("b",)),
        lambda rule: PerMetric(Cyclic(rule, period=1), ("b",)),
        lambda rule: After(0, Smoothed(rule, metric="b")),
    ],
)
def test_a_wrapper_that_names_a_metric_gives_its_rule_that_metric(
    wrap: Callable[[Criterion], Criterion],
) -> None:
    policy = policy_on(wrap(Patience(3)))
    assert stops(policy, two(RISING, FLAT)) == (4, "STALLED")
    assert stops(policy, two(FLAT, RISING)) is None
    falling = [-value for value in RISING]
    assert stops(policy_on(wrap(Patience(3)), "min"), two(FLAT, falling)) is None
    goal = policy_on(wrap(Target(-2.0)), "min")
    assert stops(goal, two(FLAT, falling)) in {(3, "REACHED"), (4, "REACHED"), (5, "REACHED")}


def test_the_best_of_a_decision_stays_the_raw_one() -> None:
    policy = Policy("a", "max", stop=Smoothed(Patience(3), MovingMean(3)))
    decision = policy.first_stop([0.0, 9.0, 0.0, 0.0, 0.0, 0.0])
    assert decision is not None
    assert (decision.best, decision.best_step) == (9.0, 2)
    assert decision.verdict.evidence["best"] == 4.5


@pytest.mark.parametrize(
    ("rule", "scores", "stop"),
    [
        (Patience(2), WAVES, 4),
        (Cyclic(Patience(2), period=3), WAVES, None),
        (Cyclic(Patience(2), period=3), STALLED, 14),
        (Cyclic(Patience(2), period=1), STALLED, 4),
        (Cyclic(Patience(1), period=3), [1, 2, 3, 1, 2, 3], 5),
        (Cyclic(Patience(1), period=3), [1, 2, 3, 1, 2, 4], None),
        (Cyclic(Target(3), period=2), [3, 1, 3, 1], None),
        (Cyclic(Target(3), period=2), [3, 3], 1),
        (Cyclic(Patience(1), period=2), [1, 2, NAN, 2], 3),
    ],
)
def test_a_cycle_is_judged_phase_by_phase(
    rule: Criterion, scores: list[float], stop: int | None
) -> None:
    assert stop_at(rule, curve(*scores)) == stop


def wavy(length: int, gain: float, period: int = 4) -> list[float]:
    return [math.sin(2 * math.pi * at / period) + gain * (at // period) for at in range(length)]


def test_a_period_is_found_and_the_history_judged_again_by_it() -> None:
    rule = Cyclic(Patience(4))
    assert stop_at(Patience(4), curve(*wavy(40, 0.01, period=8))) is not None
    said = verdicts_on(rule, curve(*wavy(80, 0.01, period=8)))
    assert said[-1].evidence["period"] == 8
    given = verdicts_on(Cyclic(Patience(4), period=8), curve(*wavy(80, 0.01, period=8)))
    assert repr(said[-1]) == repr(given[-1])


def test_a_found_period_stops_a_curve_whose_cycles_repeat() -> None:
    scores = wavy(64, 0.01, period=8) + [wavy(64, 0.01, period=8)[-8 + at % 8] for at in range(64)]
    late = [
        at for at, each in enumerate(verdicts_on(Cyclic(Patience(4)), curve(*scores))) if each.stop
    ]
    assert min(at for at in late if at >= 16) == 64 + 4 * 8 - 1


def test_without_a_clear_period_the_rule_judges_the_curve_as_it_is() -> None:
    rising = [0.1 * at for at in range(9)] + [0.0] * 9
    assert stop_at(Cyclic(Patience(4)), curve(*rising)) == stop_at(Patience(4), curve(*rising))


@pytest.mark.parametrize(
    ("rule", "scores", "stop"),
    [
        (After(5, Patience(1)), [3] * 6, 4),
        (After(0, Patience(1)), [3] * 6, 1),
        (After(99, Patience(1)), [3] * 6, None),
        (After(2.5, Target(1)), [3] * 6, 2),
        (Every(4, Patience(1)), [3] * 6, 3),
        (Every(1, Patience(1)), [3] * 6, 1),
        (Every(2, Target(3)), [3, 1, 3, 3], 3),
        (Every(2, Target(3)), [3, 1, 3, 1], None),
        (After(3, Every(2, Patience(1))), [3] * 6, 3),
    ],
)
def test_when_a_rule_may_speak(rule: Criterion, scores: list[float], stop: int | None) -> None:
    assert stop_at(rule, curve(*scores)) == stop


def test_after_is_in_steps_of_the_clock() -> None:
    assert stop_at(After(100, Patience(1)), curve(3, 3, 3, 3, first=40, spacing=40)) == 2


def test_every_counts_evaluations_and_not_results() -> None:
    """Evaluations at every second result must not be muted for ever."""
    seen = curve(*[score for _ in range(8) for score in (3, None)])
    assert stop_at(Every(2, Patience(1)), seen) == 2


@pytest.mark.parametrize(
    ("join", "a", "b", "stop"),
    [
        ("all", FLAT, RISING, None),
        ("all", FLAT, FLAT, 3),
        ("all", [1, 1, 1, 1, 2, 2, 2, 2], FLAT, 3),
        ("any", FLAT, RISING, 3),
        ("any", RISING, FLAT, 3),
        ("any", RISING, RISING, None),
        ("primary", FLAT, RISING, 3),
        ("primary", RISING, FLAT, None),
        (1, RISING, FLAT, 3),
        (2, RISING, FLAT, None),
        (2, FLAT, FLAT, 3),
    ],
)
def test_one_rule_on_several_metrics(
    join: str | int, a: list[float], b: list[float], stop: int | None
) -> None:
    policy = policy_on(PerMetric(Patience(2), metrics=("a", "b"), join=join))
    assert stops(policy, two(a, b)) == (None if stop is None else (stop, "STALLED"))


def test_each_metric_has_its_own_mode() -> None:
    rule = PerMetric(Patience(2), metrics=("a", "b"), join="any")
    assert stops(policy_on(rule, "min"), two(RISING, [-value for value in RISING])) is None
    assert stops(policy_on(rule, "min"), two(RISING, RISING)) == (3, "STALLED")


def test_each_metric_has_its_own_clock() -> None:
    rows: list[dict[str, float]] = [
        {"a": 1.0, "b": 1.0},
        {"a": 1.0},
        {"a": 1.0},
        {"a": 1.0, "b": 1.0},
    ]
    policy = policy_on(PerMetric(Patience(2), metrics=("a", "b")))
    assert stops(policy, rows) is None
    assert stops(policy, [*rows, {"a": 1.0, "b": 1.0}]) == (5, "STALLED")


def test_the_evidence_of_several_metrics_is_under_their_names() -> None:
    policy = policy_on(PerMetric(Patience(2), metrics=("a", "b")))
    decision = policy.first_stop(two(FLAT, FLAT))
    assert decision is not None
    assert decision.verdict.criterion == "Patience[a] & Patience[b]"
    assert decision.verdict.evidence["Patience[a].misses"] == 2
    assert decision.verdict.evidence["Patience[b].best"] == 1.0


def test_metrics_that_arrive_in_turn_can_still_agree() -> None:
    """`all` over metrics that are never in the same result must not mean never."""
    rows = [{"a": 1.0} if at % 2 else {"b": 1.0} for at in range(20)]
    assert stops(policy_on(PerMetric(Patience(2), metrics=("a", "b"))), rows) is not None


@pytest.mark.parametrize("wrap", [Smoothed, lambda rule: Cyclic(rule, metric="loss")])
def test_a_rule_about_the_other_trials_cannot_be_given_another_score(
    wrap: Callable[[Criterion], Criterion],
) -> None:
    """Its own smoothed score would be compared with the raw scores of the others."""
    assert "BelowMedian" in refusal(lambda: wrap(BelowMedian()))


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(Smoothed, MovingMean()), "Smoothed joins criteria such as Patience(5), got Moving"),
        (late(Smoothed, Patience(3), by=Patience(3)), "Smoothed.by must be a signal such as"),
        (late(Smoothed, "safe"), "got 'safe'"),
        (late(Cyclic, Patience(3), period=0), "Cyclic.period must be a whole number of at least"),
        (late(Cyclic, Patience(3), period=2.0), "got 2.0"),
        (late(Cyclic, 3), "Cyclic joins criteria such as Patience(5), got 3"),
        (late(After, -1, Patience(3)), "After.first_step must be a number at least 0, got -1"),
        (late(After, "5", Patience(3)), "got '5'"),
        (late(After, Patience(3), 5), "After.first_step must be a number at least 0, got Pat"),
        (late(Every, 0, Patience(3)), "Every.n must be a whole number of at least 1, got 0"),
        (late(Every, 2, "Patience"), "Every joins criteria such as Patience(5), got 'Patience'"),
        (
            late(PerMetric, Patience(3), ()),
            "PerMetric.metrics must be a list of at least 1 metric",
        ),
        (late(PerMetric, Patience(3), "loss"), "PerMetric.metrics must be a list"),
        (late(PerMetric, Patience(3), 5), "PerMetric.metrics must be a list"),
        (late(PerMetric, Patience(3), ("a",), "every"), "PerMetric.join must be a known name"),
        (late(PerMetric, Patience(3), ("a",), "al"), "did you mean 'all'?"),
        (late(PerMetric, Patience(3), ("a", "b"), None), "PerMetric.join"),
        (late(PerMetric, Patience(3), ("a", "b"), 1.5), "PerMetric.join"),
        (late(PerMetric, Patience(3), ("a", "b"), True), "PerMetric.join"),
        (late(PerMetric, Patience(3), ("a", "b"), 3), "at most the number of different"),
        (late(PerMetric, Patience(3), ("a", "b"), 0), "AtLeast.k must be a whole number"),
        (late(PerMetric, Budget(steps=3), ("a",)), "Budget has no metric of its own"),
        (late(PerMetric, Every(3, Patience(3)), ("a",)), "Every has no metric of its own"),
        (late(PerMetric, After(3, Patience(3)), ("a",)), "After has no metric of its own"),
        (late(PerMetric, Patience(2) | Divergence(), ("a",)), "AnyOf has no metric of its own"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)


def test_the_joined_rules_of_several_metrics_can_be_looked_at() -> None:
    rule = PerMetric(Patience(3), metrics=("a", "b"), join="any")
    assert rule.joined == AnyOf(Patience(3, metric="a"), Patience(3, metric="b"))
    assert rule.metric_names == {"a", "b"}


@pytest.mark.parametrize("rule", [After(4, Patience(1)), Every(4, Patience(1))], ids=repr)
def test_a_rule_that_may_not_speak_does_not_say_that_it_stops_now(rule: Criterion) -> None:
    left = [verdict.left for verdict in verdicts_on(rule, curve(3, 3, 3, 3))]
    assert left[1:3] == [None, None]
    assert left[3] == 0
