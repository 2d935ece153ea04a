"""A criterion tried out on a list of scores."""

from __future__ import annotations

from tune_es import Budget, Patience, Target, fired_at
from tune_es.curve import verdicts


def test_fired_at_is_an_index_from_zero() -> None:
    assert fired_at(Target(3), [3]) == 0
    assert fired_at(Target(3), [1, 2, 3]) == 2
    assert fired_at(Target(3), [1, 2]) is None
    assert fired_at(Target(3), []) is None


def test_steps_are_counted_from_one() -> None:
    assert fired_at(Budget(steps=3), [0, 0, 0, 0]) == 2


def test_every_score_has_a_verdict_beyond_the_stop() -> None:
    said = verdicts(Patience(1), [1, 1, 2, 2])
    assert [each.stop for each in said] == [False, True, False, True]


def test_a_share_needs_max_t() -> None:
    assert fired_at(Patience(0.5, at_least=1), [1.0] * 9, max_t=6) == 3
