"""The cohort's sorted rows against sorting every time."""

from __future__ import annotations

import math
import pickle
import statistics
from itertools import product

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.strategies import levels, moderate
from tune_es import Cohort

TRIALS = "abcde"
scores = levels | st.sampled_from([None, math.nan, math.inf, -math.inf])
#: Steps grow, stay or fall back; a fall back is a new life, cut there first.
events = st.lists(st.tuples(st.sampled_from(TRIALS), st.integers(0, 6), scores), max_size=40)


class Slow:
    """Every score ever kept, in a list; sorted when asked."""

    def __init__(self) -> None:
        self.kept: dict[str, list[tuple[int, float]]] = {trial: [] for trial in TRIALS}

    def record(self, trial: str, step: int, score: float | None) -> None:
        self.cut(trial, step)
        if score is not None and math.isfinite(score):
            self.kept[trial].append((step, score))

    def cut(self, trial: str, step: int) -> None:
        self.kept[trial] = [row for row in self.kept[trial] if row[0] < step]

    def row(self, trial: str, step: int) -> list[float]:
        """The best so far of every other trial that reported at this step."""
        return sorted(
            max(score for at, score in rows if at <= step)
            for other, rows in self.kept.items()
            if other != trial and any(at == step for at, _ in rows)
        )


@given(events=events, asked=levels)
def test_a_cohort_ranks_as_sorting_does(
    events: list[tuple[str, int, float | None]], asked: float
) -> None:
    cohort, slow = Cohort(), Slow()
    for trial, step, score in events:
        cohort.record(trial, step, score)
        slow.record(trial, step, score)
    for trial in TRIALS:
        peers = cohort.peers(trial)
        for step in range(8):
            row = slow.row(trial, step)
            assert peers.count(step) == len(row)
            assert peers.median(step) == (statistics.median(row) if row else None)
            assert peers.rank(step, asked) == sum(score > asked for score in row)


@given(events=events, rests=st.sets(st.integers(0, 39)), copied=st.sets(st.integers(0, 39)))
def test_what_a_trial_reported_is_there_after_a_rest(
    events: list[tuple[str, int, float | None]], rests: set[int], copied: set[int]
) -> None:
    rested, always = Cohort(), Cohort()
    for at, each in enumerate(events):
        rested.record(*each)
        always.record(*each)
        if at in rests:
            rested.rest(each[0])
        if at in copied:
            rested = pickle.loads(pickle.dumps(rested.copy()))
    for trial, step in product(TRIALS, range(8)):
        assert list(rested.row(step)) == list(always.row(step))
        assert rested.score(trial, step) == always.score(trial, step)


@given(events=events, trial=st.sampled_from(TRIALS), step=st.integers(0, 7))
def test_a_cut_forgets_the_end_of_one_trial_alone(
    events: list[tuple[str, int, float | None]], trial: str, step: int
) -> None:
    cohort, slow = Cohort(), Slow()
    for each in events:
        cohort.record(*each)
        slow.record(*each)
    copied = cohort.copy()
    rows = [list(copied.row(at)) for at in range(8)]
    cohort.cut(trial, step)
    slow.cut(trial, step)
    assert [list(cohort.row(at)) for at in range(8)] == [slow.row("nobody", at) for at in range(8)]
    assert [list(copied.row(at)) for at in range(8)] == rows


@example(others=[-1e308, 1e308, 1e308], percent=25.0, own=None)
@example(others=[1e308, 1e308], percent=50.0, own=1e308)
@example(others=[5e-324, 0.0], percent=75.0, own=-5e-324)
@given(
    others=st.lists(levels | moderate, min_size=1, max_size=12),
    percent=st.floats(0, 100) | st.sampled_from([0.0, 25.0, 50.0, 100.0]),
    own=st.none() | levels,
)
def test_a_percentile_is_that_of_numpy(
    others: list[float], percent: float, own: float | None
) -> None:
    cohort = Cohort()
    for trial, score in enumerate(others):
        cohort.record(str(trial), 1, score)
    cohort.record("me", 1, own)
    halves = [score / 2 for score in others]  # numpy's interpolation overflows where ours does not
    expected = 2 * float(np.percentile(halves, percent))
    found = cohort.peers("me").percentile(1, percent)
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)
    if len(set(others)) == 1:
        assert found == others[0]
