"""Law 3. No short circuit; `|` and `&` are commutative, associative and idempotent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, shown, verdicts_on, walked
from tests.samples import CURVES, criterion_samples
from tests.strategies import curves, finite_curves, gappy_curves, rules, sample_criteria
from tune_es import AllOf, AnyOf, AtLeast, Cause, Criterion, Observation, Peers, Target, Verdict

SAMPLES = criterion_samples()
JOINED = {name: each for name, each in SAMPLES.items() if isinstance(each, (AnyOf, AllOf, AtLeast))}


@dataclass(frozen=True)
class Witness(Criterion):
    """Writes down all that it sees, and stops at every ``n``-th."""

    n: int
    seen: list[float | None] = field(default_factory=list, compare=False, repr=False)

    def init(self) -> int:
        return 0

    def step(self, state: int, observation: Observation, peers: Peers) -> tuple[int, Verdict]:
        self.seen.append(observation.score)
        cause = None if (state + 1) % self.n else Cause.REACHED
        return state + 1, self.verdict(cause, {"seen": state + 1})


@pytest.mark.parametrize("join", [AnyOf, AllOf, partial(AtLeast, 1), partial(AtLeast, 2)])
@given(scores=gappy_curves)
def test_law_3_no_part_is_spared_an_observation(
    join: Callable[..., Criterion], scores: list[float | None]
) -> None:
    """Not when another part has fired, and not when another cannot."""
    witnesses = [Witness(n) for n in (1, 2, 3, 99)]
    nested = Witness(4) | Witness(5)
    verdicts_on(join(*witnesses, nested), curve(*scores))
    everyone = [*witnesses, *(part for part in nested.parts if isinstance(part, Witness))]
    assert [repr(each.seen) for each in everyone] == [repr(scores)] * 6


def assert_parts_see_everything(joined: Criterion, seen: list[Observation]) -> None:
    alone = [walked(part, seen) for part in joined.parts]
    for at, ((inner, _), _) in enumerate(walked(joined, seen)):
        assert [*map(repr, inner)] == [repr(path[at][0]) for path in alone]


@given(scores=gappy_curves, one=rules, other=rules)
def test_law_3_a_part_knows_what_it_would_know_alone(
    scores: list[float | None], one: Criterion, other: Criterion
) -> None:
    for joined in (AnyOf(one, other, Target(-9.0)), AllOf(one, other), AtLeast(1, one, other)):
        assert_parts_see_everything(joined, curve(*scores, max_t=24))


@pytest.mark.parametrize("joined", JOINED.values(), ids=JOINED)
def test_law_3_parts_of_the_samples_know_what_they_would_know_alone(joined: Criterion) -> None:
    for seen in CURVES.values():
        assert_parts_see_everything(joined, seen)


def says(part: Criterion, seen: list[Observation]) -> list[bool]:
    """Whether a part alone is for a stop; one that finds nothing to judge keeps its last say."""
    said, last = [], False
    for verdict in verdicts_on(part, seen):
        last = verdict.stop if verdict.heard else last
        said.append(last)
    return said


@given(rule=st.lists(rules, min_size=1, max_size=3), scores=curves)
def test_law_3_a_quorum_of_the_different_parts_decides(
    rule: list[Criterion], scores: list[float]
) -> None:
    seen = curve(*scores)
    parts = AtLeast(1, *rule).criteria
    votes = [sum(column) for column in zip(*(says(part, seen) for part in parts), strict=True)]
    for k in range(1, len(parts) + 1):
        said = verdicts_on(AtLeast(k, *parts), seen)
        assert [each.stop for each in said if each.heard] == [
            vote >= k for vote, each in zip(votes, said, strict=True) if each.heard
        ]
        assert not any(each.stop for each in said if not each.heard)


@given(one=rules, other=rules, scores=finite_curves)
def test_law_3_any_and_all_are_or_and_and(
    one: Criterion, other: Criterion, scores: list[float]
) -> None:
    seen = curve(*scores)
    ones, others = verdicts_on(one, seen), verdicts_on(other, seen)
    pairs = [(a.stop, b.stop) for a, b in zip(ones, others, strict=True)]
    assert [each.stop for each in verdicts_on(one | other, seen)] == [a or b for a, b in pairs]
    assert [each.stop for each in verdicts_on(one & other, seen)] == [a and b for a, b in pairs]


def assert_the_same(one: Criterion, other: Criterion, scores: list[float]) -> None:
    assert one == other
    assert repr(one) == repr(other)
    seen = curve(*scores, max_t=24)
    assert shown(verdicts_on(one, seen)) == shown(verdicts_on(other, seen))


@given(a=sample_criteria | rules, b=sample_criteria | rules, scores=curves)
def test_law_3_commutative(a: Criterion, b: Criterion, scores: list[float]) -> None:
    assert_the_same(a | b, b | a, scores)
    assert_the_same(a & b, b & a, scores)


@given(a=rules, b=rules, c=rules, scores=curves)
def test_law_3_associative(a: Criterion, b: Criterion, c: Criterion, scores: list[float]) -> None:
    assert_the_same((a | b) | c, a | (b | c), scores)
    assert_the_same((a & b) & c, a & (b & c), scores)


@given(a=sample_criteria | rules, b=rules, scores=curves)
def test_law_3_idempotent(a: Criterion, b: Criterion, scores: list[float]) -> None:
    assert_the_same(a | a, a, scores)
    assert_the_same(a & a, a, scores)
    assert_the_same((a | b) | a, a | b, scores)
    assert_the_same(a & (b & a), b & a, scores)
