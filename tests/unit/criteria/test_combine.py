"""`|`, `&` and at-least-k: who fires, and whose evidence is shown."""

from __future__ import annotations

import math
from collections.abc import Callable
from operator import and_, or_

import pytest

from tests.builders import curve, late, refusal, stop_at, stops, verdicts_on
from tune_es import (
    AllOf,
    AnyOf,
    AtLeast,
    Budget,
    Cause,
    Criterion,
    Divergence,
    GeneralizationLoss,
    NonFinite,
    Patience,
    Plateau,
    Policy,
    SuccessiveHalving,
    Target,
)
from tune_es.cohort import Cohort
from tune_es.records import Observation

FLAT = [0.5] * 8


@pytest.mark.parametrize(
    ("rule", "scores", "stop"),
    [
        (Patience(2) | Target(0.9), [0.5, 0.95], 1),
        (Patience(2) | Target(0.9), FLAT, 2),
        (Patience(1) & Patience(3), FLAT, 3),
        (Patience(2) & Target(0.9), [0.9, 0.95, 0.95, 0.95], 3),
        (Patience(2) & Target(0.9), [0.9, 0.8, 0.8, 0.8], None),
        (AtLeast(1, Patience(1), Patience(3)), FLAT, 1),
        (AtLeast(2, Patience(1), Patience(3), Target(0.9)), FLAT, 3),
        (AtLeast(2, Patience(1), Target(0.9), Target(0.5)), FLAT, 1),
        (AtLeast(3, Patience(1), Patience(3), Target(0.9)), FLAT, None),
        ((Patience(1) & Target(0.4)) | Target(0.9), FLAT, 1),
        ((Patience(1) | Patience(5)) & Patience(3), FLAT, 3),
    ],
)
def test_when_it_stops(rule: Criterion, scores: list[float], stop: int | None) -> None:
    assert stop_at(rule, curve(*scores)) == stop


#: Rules of every cause, each of which fires on the last of these observations.
SEEN = curve(1.0, -3.0, -3.0, -3.0)
FIRING: dict[Cause, Criterion] = {
    Cause.REACHED: Target(-5.0),
    Cause.EXHAUSTED: Budget(steps=1),
    Cause.OVERFIT: GeneralizationLoss(),
    Cause.STALLED: Patience(2),
    Cause.HOPELESS: Divergence(0.5, patience=2),
}
PRECEDENCE = list(FIRING)


@pytest.mark.parametrize("first", range(len(PRECEDENCE)))
def test_of_several_causes_the_first_names_the_decision(first: int) -> None:
    causes = PRECEDENCE[first:]
    rule = AnyOf(*(FIRING[cause] for cause in reversed(causes)))
    verdict = verdicts_on(rule, SEEN)[-1]
    assert verdict.cause is causes[0]
    assert verdict.criterion == FIRING[causes[0]].label
    assert verdict.evidence == verdicts_on(FIRING[causes[0]], SEEN)[-1].evidence


def test_broken_comes_before_everything() -> None:
    rule = AnyOf(NonFinite(0), Budget(steps=1), Patience(1))
    assert verdicts_on(rule, curve(1.0, math.nan))[-1].cause is Cause.BROKEN


def test_together_the_evidence_of_each_is_under_its_name() -> None:
    verdict = verdicts_on(Patience(2) & Target(0.5), curve(*FLAT))[2]
    assert verdict.criterion == "Target & Patience"
    assert verdict.cause is Cause.REACHED
    assert verdict.evidence == {
        "Patience.value": 0.5, "Patience.best": 0.5, "Patience.misses": 2, "Patience.limit": 2,
        "Target.value": 0.5, "Target.target": 0.5, "Target.hits": 3,
    }  # fmt: skip
    assert verdict.left == 0


def test_two_of_one_name_are_told_apart() -> None:
    evidence = verdicts_on(Patience(1) & Patience(2), curve(*FLAT))[2].evidence
    assert evidence["Patience.limit"] == 1
    assert evidence["Patience'.limit"] == 2


def test_while_waiting_the_verdict_is_of_the_part_that_will_decide() -> None:
    seen = curve(*FLAT[:2])
    either = verdicts_on(Patience(3) | Patience(5), seen)[-1]
    both = verdicts_on(Patience(3) & Patience(5), seen)[-1]
    two = verdicts_on(AtLeast(2, Patience(3), Patience(5), Patience(7)), seen)[-1]
    assert (either.left, either.evidence["limit"]) == (2, 3)
    assert (both.left, both.evidence["limit"]) == (4, 5)
    assert (two.left, two.evidence["limit"]) == (4, 5)


def test_what_waits_for_others_is_no_stop() -> None:
    verdict = verdicts_on(Patience(1) & Target(9), curve(*FLAT))[-1]
    assert not verdict.stop
    assert verdict.cause is None


def test_they_are_sets() -> None:
    a, b, c = Patience(2), Target(0.9), Plateau()
    assert AnyOf(a, b, c).criteria == AnyOf(c, AnyOf(b, a), a).criteria
    assert (a | b | c) == AnyOf(c, b, a)
    assert (a & b & c) == AllOf(c, b, a)
    assert (a | a) is a
    assert AnyOf(a, a).criteria == (a,)
    assert (a & (b | c)).parts == AllOf(b | c, a).parts
    assert AtLeast(1, a, b, a).criteria == AtLeast(1, b, a).criteria
    assert AtLeast(1, AtLeast(1, a, b), c) != AtLeast(1, a, b, c)


def test_what_is_joined_can_be_read() -> None:
    """The text of a rule is an expression that makes it again."""
    names = {kind.__name__: kind for kind in (AllOf, AnyOf, AtLeast, Patience, Target, Plateau)}
    for rule in (
        Patience(2) | Target(1),
        Patience(2) & Target(1),
        AtLeast(1, Plateau(), Target(1)),
    ):
        assert eval(repr(rule), {**names}) == rule


def test_what_they_read_is_what_their_parts_read() -> None:
    rule = Patience(2, metric="a") | (Patience(0.25, metric="b") & Target(1))
    assert rule.metric_names == {"a", "b"}
    assert rule.needs_max_t
    assert not rule.uses_peers


def test_parts_of_different_metrics_that_arrive_in_turn_can_still_agree() -> None:
    rule = Patience(2, metric="a") & Patience(2, metric="b")
    policy = Policy("a", "max", stop=rule, other_metrics={"b": "max"})
    rows = [{"a": 1.0} if at % 2 else {"b": 1.0} for at in range(20)]
    assert stops(policy, rows) is not None


def test_what_one_part_heard_the_whole_has_heard() -> None:
    rule = AnyOf(Patience(1, metric="unknown"), SuccessiveHalving())
    said = rule.step(rule.init(), Observation("", 1, 0.5, {}, {}, max_t=9), Cohort().peers(""))[1]
    assert (said.heard, said.stop) == (True, False)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (late(AnyOf), "AnyOf.criteria must hold at least 1 criterion, got none"),
        (late(AllOf), "AllOf.criteria must hold at least 1 criterion"),
        (
            late(AnyOf, Patience(2), "Target"),
            "AnyOf joins criteria such as Patience(5), got 'Tar",
        ),
        (late(or_, Patience(2), 3), "AnyOf joins criteria such as Patience(5), got 3"),
        (late(and_, Patience(2), None), "AllOf joins criteria such as Patience(5), got None"),
        (late(AtLeast, 0, Patience(2)), "AtLeast.k must be a whole number of at least 1, got 0"),
        (late(AtLeast, 1.0, Patience(2)), "got 1.0"),
        (late(AtLeast, 3, Patience(2), Target(1)), "number of different criteria (2), got 3"),
        (late(AtLeast, 2, Patience(2), Patience(2)), "number of different criteria (1), got 2"),
        (late(AtLeast, Patience(2), Patience(3)), "AtLeast.k must be a whole number"),
    ],
)
def test_what_is_refused(build: Callable[[], Criterion], words: str) -> None:
    assert words in refusal(build)
