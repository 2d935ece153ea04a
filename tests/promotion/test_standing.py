"""What promotion knows of a trial: known answers, worked out by hand. Higher is better."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from tune_es.promotion import Standing, Track

NAN, INF = math.nan, math.inf


def track(*scores: float | None, spacing: int = 1) -> Track:
    made = Track("a")
    for at, score in enumerate(scores, start=1):
        made.record(at * spacing, score)
    return made


#: scores, spacing: best, gain, noise.
KNOWN: dict[str, tuple[Sequence[float | None], int, tuple[float, float, float]]] = {
    "one step": ([3], 1, (3, 0, 0)),
    "two steps": ([3, 5], 1, (5, 2, 0)),
    "odd: half of 3 is 2": ([1, 4, 6], 1, (6, 2, 0)),
    "even": ([1, 3, 2, 5], 1, (5, 2, 2 * 1 / 3)),
    "odd: half of 5 is 3": ([1, 3, 2, 5, 4], 1, (5, 2, 2 * (1 + 1) / 4)),
    "the best stays when the curve falls": ([5, 4, 3, 1], 1, (5, 0, 2 * (1 + 1 + 2) / 3)),
    "five differences, not six": ([9, 0, 1, 1, 1, 1, 1], 1, (9, 0, 0)),
    "the fifth difference counts": ([0, 9, 0, 1, 1, 1, 1], 1, (9, 0, 2 * 9 / 5)),
    "every third step: half of 9 is 5": ([1, 2, 4], 3, (4, 3, 0)),
    "every fourth step: half of 4 is before the first": ([7], 4, (7, 0, 0)),
    "NaN between": ([1, NAN, 4, 3], 1, (4, 3, 2 * 1 / 1)),
    "absent": ([1, None, 4, 3], 1, (4, 3, 2 * 1 / 1)),
    "infinite values are no best": ([1, INF, 2], 1, (2, 1, 0)),
    "nothing finite at half": ([NAN, NAN, 2, 3], 1, (3, 0, 0)),
    "all NaN": ([NAN, NAN], 1, (-INF, 0, 0)),
}


@pytest.mark.parametrize(("scores", "spacing", "known"), KNOWN.values(), ids=KNOWN)
def test_best_gain_and_noise(
    scores: Sequence[float | None], spacing: int, known: tuple[float, float, float]
) -> None:
    standing = track(*scores, spacing=spacing).standing()
    assert standing.step == len(scores) * spacing
    assert (standing.best, standing.gain, standing.noise) == pytest.approx(known)


@pytest.mark.parametrize(
    ("scores", "alive"),
    [([], False), ([1], True), ([1, NAN], False), ([NAN, 1], True), ([1, INF], False)],
)
def test_a_trial_lives_while_its_last_score_is_finite(scores: list[float], alive: bool) -> None:
    assert track(*scores).is_alive == alive


def test_a_trial_that_starts_again_is_cut_back() -> None:
    again = track(1, 2, 9, 4)
    again.record(3, 2.5)
    assert again == track(1, 2, 2.5)
    again.record(2, 5)
    assert again == track(1, 5)
    again.record(1, NAN)
    assert (again.step, again.is_alive, again.best_at(1)) == (1, False, -INF)


def test_the_best_at_a_step_between_reports_is_that_of_the_report_before() -> None:
    sparse = track(3, 5, spacing=4)
    assert [sparse.best_at(step) for step in (3, 4, 7, 8, 99)] == [-INF, 3, 3, 5, 5]


def standing(best: float, gain: float = 0, noise: float = 0, step: float = 4) -> Standing:
    return Standing("a", step, best, gain, noise)


#: Of 16 steps 4 have run: two doublings are left.
REACH = [
    ("nothing gained, nothing lost", standing(1), standing(1), True),
    ("behind without a gain", standing(1), standing(1.25), False),
    ("two doublings", standing(1, gain=0.5), standing(2), True),
    ("just out of reach", standing(1, gain=0.5), standing(2.001), False),
    ("later there is less to come", standing(1, gain=0.5, step=8), standing(2), False),
    ("own noise twice", standing(1, noise=0.125), standing(1.25), True),
    ("the noise of the leader", standing(1, noise=0.125), standing(1.5, noise=0.25), True),
    ("the larger, not the sum", standing(1, noise=0.125), standing(1.75, noise=0.25), False),
    ("both", standing(1, 0.5, 0.125), standing(2.5, noise=0.25), True),
    ("at the end only noise counts", standing(1, gain=9, step=16), standing(1.5), False),
]


@pytest.mark.parametrize(
    ("mine", "leader", "can"), [row[1:] for row in REACH], ids=[row[0] for row in REACH]
)
def test_who_can_catch_the_leader(mine: Standing, leader: Standing, can: bool) -> None:
    assert mine.can_catch(leader, max_t=16) == can
