"""A plateau brings a lower rate first, and a stop when there are no reductions left."""

from __future__ import annotations

import pytest

from tests.builders import NOBODY, curve, refusal, verdicts_on
from tune_es import (
    After,
    AnyOf,
    Criterion,
    Every,
    NonFinite,
    Patience,
    Policy,
    ReduceFirst,
    Smoothed,
    Target,
    fired_at,
)

FLAT = [0.5] * 12


def rates(criterion: Criterion, scores: list[float]) -> list[float]:
    return [round(verdict.rate, 9) for verdict in verdicts_on(criterion, curve(*scores))]


@pytest.mark.parametrize(
    ("rule", "stopped", "reduced"),
    [
        (ReduceFirst(Patience(2), times=1), 5, [2]),
        (ReduceFirst(Patience(2), times=2), 8, [2, 5]),
        (ReduceFirst(Patience(1), times=3), 7, [1, 3, 5]),
        (ReduceFirst(Patience(1), times=1, cooldown=4), 6, [1]),
        (ReduceFirst(Patience(3), times=1, cooldown=2), 7, [3]),
        (ReduceFirst(After(6, Patience(2)), times=1), 8, [5]),
    ],
)
def test_where_it_reduces_and_stops_on_a_flat_curve(
    rule: ReduceFirst, stopped: int, reduced: list[int]
) -> None:
    assert fired_at(rule, FLAT) == stopped
    found = rates(rule, FLAT)
    assert [at for at in range(1, len(found)) if found[at] < found[at - 1]] == reduced


def test_the_evidence_counts_the_reductions_and_the_rate_is_their_product() -> None:
    said = verdicts_on(ReduceFirst(Patience(1), times=2, factor=0.5), curve(*FLAT[:6]))
    assert [verdict.evidence["reductions"] for verdict in said] == [0, 1, 1, 2, 2, 2]
    assert [verdict.rate for verdict in said] == [1.0, 0.5, 0.5, 0.25, 0.25, 0.25]
    assert [verdict.stop for verdict in said] == [False] * 5 + [True]
    assert [verdict.left for verdict in said] == [None, None, None, None, 1, 0]


def test_after_a_reduction_the_best_of_before_is_forgotten() -> None:
    """The curve is worse than before and gets better: that is progress at the new rate."""
    scores = [0.9, 0.9, 0.1, 0.2, 0.3, 0.4, 0.4]
    assert fired_at(ReduceFirst(Patience(1), times=1), scores) == 6


def test_other_causes_stop_at_once() -> None:
    assert fired_at(ReduceFirst(Patience(1) | Target(0.9)), [0.1, 0.95]) == 1
    assert fired_at(ReduceFirst(NonFinite(0)), [0.1, float("nan")]) == 1


@pytest.mark.parametrize(
    "joined",
    [
        ReduceFirst(Patience(1)) | Target(0.9),
        ReduceFirst(Patience(1)) & Target(0.9),
        AnyOf(ReduceFirst(Patience(1)), Patience(9, metric="loss")),
        Every(1, ReduceFirst(Patience(1))),
        After(99, ReduceFirst(Patience(1))),
        Smoothed(ReduceFirst(Patience(1))),
    ],
)
def test_the_rate_is_heard_through_combinations_and_wrappers(joined: Criterion) -> None:
    assert joined.reduces
    assert rates(joined, FLAT[:5])[1:] == [0.1, 0.1, 0.01, 0.01]


def test_of_several_the_lowest_rate_counts_and_absence_changes_nothing() -> None:
    both = ReduceFirst(Patience(1), factor=0.5) | ReduceFirst(Patience(2), factor=0.2)
    assert rates(both, FLAT[:5]) == [1.0, 0.5, 0.2, 0.2, 0.2]
    seen = curve(0.5, 0.5, None, None)
    assert [verdict.rate for verdict in verdicts_on(both, seen)] == [1.0, 0.5, 0.5, 0.5]


def test_a_policy_tells_the_rate_and_goes_through_yaml() -> None:
    policy = Policy("loss", "min", stop=ReduceFirst(Patience(1), times=1))
    decision = policy.first_stop([0.5, 0.5, 0.5, 0.5])
    assert decision is not None
    assert (decision.step, decision.rate, decision.verdict.evidence["reductions"]) == (4, 0.1, 1)
    assert Policy.from_yaml(policy.to_yaml()) == policy


@pytest.mark.parametrize("rule", [Patience(2), Patience(2) | Target(0.9)])
def test_it_neither_reduces_nor_stops_before_the_last_drop_of_a_schedule(rule: Criterion) -> None:
    drops = (4, 8)
    inside = Policy("score", "max", stop=ReduceFirst(After(8, rule), times=1))
    around = Policy("score", "max", stop=ReduceFirst(rule, times=1), not_before=drops)
    assert Policy.from_yaml(around.to_yaml()) == around
    for policy in (inside, around):
        state, found = policy.init(), []
        for seen in curve(*FLAT):
            state, decision = policy.step(state, seen, NOBODY)
            found.append((decision.rate, decision.stop))
        assert found == [(1, False)] * 7 + [(0.1, False)] * 3 + [(0.1, True)] * 2


@pytest.mark.parametrize("bad", [{"times": 0}, {"factor": 1}, {"factor": 0}, {"cooldown": -1}])
def test_impossible_values_are_refused(bad: dict[str, float]) -> None:
    (name,) = bad
    assert f"ReduceFirst.{name} must be" in refusal(ReduceFirst, Patience(1), **bad)
