"""The trials at a rung as they are counted and ranked one by one, beside all of them at once."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_es import TieBreak
from tune_es.promotion import Rung, Standing
from tune_es.promotion.field import Field
from tune_es.promotion.ties import Score, best, leader_of, ranked

BUDGET = 16.0
#: Shares, so that ties have a width; few different ones, so that many are equal.
SHARES = st.sampled_from([0.0, 0.2, 0.25, 0.3, 0.5, 0.51, 0.6, 0.9, -math.inf]) | st.floats(0, 1)
TIES = [None, TieBreak("loss"), TieBreak("loss", n_val=20), TieBreak(("loss", "f1"), 400, 3)]


def by_gain(standing: Standing) -> float:
    return standing.best + standing.gain / 2


def half(standing: Standing) -> float:
    return standing.half


SCORES: list[Score] = [best, by_gain, half]


@st.composite
def trials(draw: st.DrawFn) -> list[Standing]:
    def one(name: str, *others: Standing) -> Standing:
        best, half = sorted((draw(SHARES), draw(SHARES)), reverse=True)
        gain = best - half if math.isfinite(half) else 0.0
        return Standing(name, 4, best, gain, draw(st.sampled_from([0.0, 0.1])), half, others)

    names = [str(at) for at in range(draw(st.integers(1, 30)))]
    return [one(name, one(name), one(name)) for name in names]


def whole(field: Field, here: Sequence[Standing], ties: TieBreak | None) -> Rung:
    return Rung(4, BUDGET, len(here), here, field.leader, field.let_go, ties)


@given(standings=trials(), first=st.integers(1, 9), gone=st.integers(0, 9), data=st.data())
@pytest.mark.parametrize("ties", TIES, ids=str)
def test_a_field_that_grows_is_one_that_is_made_at_once(
    ties: TieBreak | None, standings: list[Standing], first: int, gone: int, data: st.DataObject
) -> None:
    let_go, here = standings[:gone], standings[gone:]
    if not here:
        return
    numbered = data.draw(st.permutations([*enumerate(here)]))
    seen = sorted(numbered[:first])
    field = Field(seen, let_go, [], BUDGET, ties)
    for number, standing in [*numbered[first:], (-1, None)]:
        known = [one for _, one in seen]
        rung = whole(field, known, ties)
        assert field.here == known
        assert field.leader == leader_of([*known, *let_go], ties)
        for score in SCORES:
            assert field.top(score, len(known)) == ranked(known, ties, score)
            assert field.ranks(score, known) == rung.ranks(score, known)
        for count in (1, 3):
            limit = field.moved_at_most(half, count)
            assert field.moved(half, count) == rung.moved(half, count) <= limit + 1e-9
        assert field.catching(2.0) == rung.catching(2.0)
        assert field.behind(2.0) == rung.behind(2.0)
        if standing is None:
            return
        before, everyone = field.leader, [*known, *let_go, standing]
        seen = sorted([*seen, (number, standing)])
        if field.is_led_by(standing):
            field = Field(seen, let_go, [], BUDGET, ties)
        else:
            assert leader_of(everyone, ties) == before
            field.add(number, standing)
