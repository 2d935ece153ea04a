"""The cohort: best-so-far scores by step."""

from __future__ import annotations

import math
import pickle
from collections.abc import Sequence

import pytest

from tune_es import Cohort, Observation
from tune_es.cohort import Axes, Order


def cohort_of(**trials: Sequence[float | None]) -> Cohort:
    """Each trial with its scores at steps 1, 2, 3, ..."""
    cohort = Cohort()
    for trial, scores in trials.items():
        for step, score in enumerate(scores, start=1):
            cohort.record(trial, step, score)
    return cohort


def test_scores_are_best_so_far() -> None:
    cohort = cohort_of(a=[1, 3, 2])
    assert [list(cohort.row(step)) for step in (1, 2, 3)] == [[1], [3], [3]]
    assert [cohort.score("a", step) for step in (0, 1, 2, 3, 4)] == [None, 1, 3, 3, None]


@pytest.mark.parametrize("score", [None, math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_ranked(score: float | None) -> None:
    cohort = cohort_of(a=[1, score, 0], b=[2, 2, 2])
    assert list(cohort.row(2)) == [2]
    assert list(cohort.row(3)) == [1, 2]


@pytest.mark.parametrize(
    ("others", "median"),
    [([1], 1), ([1, 2], 1.5), ([3, 1, 2], 2), ([4, 1, 2, 3], 2.5), ([1, 1, 5], 1), ([], None)],
)
def test_the_median_leaves_the_trial_out(others: list[float], median: float | None) -> None:
    for own in (-9, 1, 2, 9):
        cohort = cohort_of(me=[own], **{f"t{at}": [score] for at, score in enumerate(others)})
        assert cohort.peers("me").median(1) == median
        assert cohort.peers("me").count(1) == len(others)
        outsider = cohort_of(**{f"t{at}": [score] for at, score in enumerate(others)}).peers("me")
        assert outsider.median(1) == median


@pytest.mark.parametrize(("score", "rank"), [(9, 0), (3, 0), (2.5, 1), (2, 1), (1, 2), (0, 3)])
def test_a_rank_counts_who_is_strictly_better(score: float, rank: int) -> None:
    cohort = cohort_of(a=[1], b=[2], c=[3], me=[score])
    assert cohort.peers("me").rank(1, score) == rank
    assert cohort.peers("nobody").rank(1, 2) == 1 + (score > 2)


def test_trials_meet_at_equal_steps_whatever_their_type() -> None:
    cohort = Cohort()
    cohort.record("a", 2, 1.0)
    cohort.record("b", 2.0, 3.0)
    cohort.record("c", 2.5, 5.0)
    assert list(cohort.row(2)) == [1.0, 3.0]
    assert cohort.peers("a").median(2) == 3.0


def test_a_trial_at_a_step_again_replaces_itself() -> None:
    cohort = cohort_of(a=[5, 6, 7])
    cohort.record("a", 2, 1)
    assert [list(cohort.row(step)) for step in (1, 2, 3)] == [[5], [5], []]
    cohort.record("a", 2, 8)
    assert list(cohort.row(2)) == [8]
    cohort.record("a", 1, 2)
    assert [list(cohort.row(step)) for step in (1, 2)] == [[2], []]


def test_a_trial_at_a_step_again_without_a_score_leaves_it() -> None:
    cohort = cohort_of(a=[5, 6])
    cohort.record("a", 2, None)
    assert [list(cohort.row(step)) for step in (1, 2)] == [[5], []]


def test_a_cut_takes_the_step_and_what_follows() -> None:
    cohort = cohort_of(a=[1, 2, 3], b=[1, 2, 3])
    cohort.cut("a", 2)
    assert [list(cohort.row(step)) for step in (1, 2, 3)] == [[1, 1], [2], [3]]
    cohort.cut("nobody", 0)
    cohort.cut("a", 9)
    assert list(cohort.row(1)) == [1, 1]


def test_a_copy_is_its_own() -> None:
    cohort = cohort_of(a=[1, 2])
    for twin in (cohort.copy(), pickle.loads(pickle.dumps(cohort))):
        twin.record("b", 1, 5)
        twin.cut("a", 2)
        assert list(twin.row(1)) == [1, 5]
    assert [list(cohort.row(step)) for step in (1, 2)] == [[1], [2]]


def test_asking_changes_nothing() -> None:
    cohort = Cohort()
    peers = cohort.peers("a")
    assert (peers.count(3), peers.rank(3, 0.0), peers.median(3)) == (0, 0, None)
    assert list(cohort.row(3)) == []
    cohort.record("b", 3, 1.0)
    assert peers.count(3) == 1


LAST, BEST = Axes(("f1", "loss"), "last"), Axes(("f1", "loss"), "best")


def heard(*rows: tuple[str, float, dict[str, float]]) -> Cohort:
    """Trial, step and oriented values of every result, on both axes."""
    cohort = Cohort()
    for trial, step, values in rows:
        cohort.hear(Observation(trial, step, values.get("f1"), values), (LAST, BEST))
    return cohort


def test_a_vector_is_the_last_or_the_best_of_each_metric() -> None:
    cohort = heard(
        ("a", 1, {"f1": 0.5}),
        ("a", 2, {"loss": -3.0}),
        ("a", 3, {"f1": 0.25, "loss": -1.0}),
        ("a", 4, {"train": 7.0}),
        ("a", 5, {"f1": math.nan}),
    )
    last, best = cohort.vectors(LAST), cohort.vectors(BEST)
    assert [last.at("a", step) for step in (2, 3, 5)] == [(0.5, -3), (0.25, -1), (-math.inf, -1)]
    assert [best.at("a", step) for step in (2, 3, 5)] == [(0.5, -3), (0.5, -1), (0.5, -1)]
    assert [last.at("a", step) for step in (0, 4, 6)] == [None] * 3
    assert last.at("b", 1) is None
    assert cohort.score("a", 3) == 0.5


def test_a_ranking_goes_on_with_those_that_came_and_is_made_anew_where_one_comes_again() -> None:
    order = Order(2)
    cohort = heard(("a", 1, {"f1": 1.0, "loss": 1.0}), ("b", 1, {"f1": 2.0, "loss": 2.0}))
    peers = cohort.peers("a")
    assert peers.ranking(LAST, order, 1, (1.0, 1.0)).fronts.sizes == [1, 1]
    again = Observation("b", 1, 0.0, {"f1": 0.0, "loss": 3.0})
    cohort.hear(again, (LAST,))
    assert peers.ranking(LAST, order, 1, (1.0, 1.0)).fronts.sizes == [2]
    twin = cohort.copy()
    twin.hear(Observation("c", 1, 0.0, {"f1": 9.0, "loss": 9.0}), (LAST,))
    assert twin.peers("a").ranking(LAST, order, 1, (1.0, 1.0)).fronts.sizes == [1, 2]
    assert peers.ranking(LAST, order, 1, (1.0, 1.0)).fronts.sizes == [2]
    cohort.cut("b", 0)
    assert peers.ranking(LAST, order, 1, (1.0, 1.0)).fronts.sizes == [1]


def test_a_trial_is_ranked_by_the_vector_it_asks_for() -> None:
    cohort = heard(("a", 1, {"f1": 1.0, "loss": 1.0}), ("b", 1, {"f1": 2.0, "loss": 2.0}))
    for trial, vector, front in (("a", (3.0, 3.0), 1), ("c", (1.5, 1.5), 2), ("b", (0.0, 0.0), 2)):
        ranking = cohort.peers(trial).ranking(LAST, Order(2), 1, vector)
        assert ranking.place(vector).front == front
        assert ranking.place(vector).trials == (3 if trial == "c" else 2)
    assert cohort.peers("a").ranking(LAST, Order(2), 1, (1.0, 1.0)).fronts.sizes == [1, 1]


def test_a_trial_that_retires_stays_for_its_peers_on_every_axis() -> None:
    cohort = heard(("a", 1, {"f1": 0.5, "loss": -3.0}), ("b", 1, {"f1": 0.25, "loss": -1.0}))
    cohort.retire("a")
    assert (list(cohort.row(1)), cohort.score("a", 1)) == ([0.25, 0.5], None)
    assert cohort.vectors(LAST).at("a", 1) is None
    assert cohort.peers("b").count(1) == 1
