"""The cohort's sorted rows against sorting every time."""

from __future__ import annotations

import math
import statistics

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import levels
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
