"""Law 6. Peers exclude the trial itself; record first, then judge."""

from __future__ import annotations

import math
import statistics

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import levels
from tune_es import BelowMedian, Cohort, Policy, Referee

TRIALS = "abcd"
scores = levels | st.sampled_from([math.nan, math.inf])
#: Who reports next; every trial reports its steps 1, 2, 3, ... in order.
turns = st.lists(st.tuples(st.sampled_from(TRIALS), scores), max_size=30)


@given(turns=turns, score=levels)
def test_law_6_a_cohort_shows_a_trial_what_it_would_be_without_it(
    turns: list[tuple[str, float]], score: float
) -> None:
    cohort, without = Cohort(), {trial: Cohort() for trial in TRIALS}
    steps = dict.fromkeys(TRIALS, 0)
    for trial, value in turns:
        steps[trial] += 1
        cohort.record(trial, steps[trial], value)
        for other in TRIALS:
            if other != trial:
                without[other].record(trial, steps[trial], value)
    for trial in TRIALS:
        mine, others = cohort.peers(trial), without[trial].peers("nobody")
        for step in range(10):
            assert mine.count(step) == others.count(step)
            assert mine.median(step) == others.median(step)
            assert mine.rank(step, score) == others.rank(step, score)


@given(turns=turns)
def test_law_6_the_median_rule_compares_with_the_others_as_they_stand(
    turns: list[tuple[str, float]],
) -> None:
    referee = Referee(Policy("score", "max", stop=BelowMedian(0, 1), nonfinite_patience=None))
    seen: dict[str, list[float]] = {trial: [] for trial in TRIALS}
    for trial, value in turns:
        seen[trial].append(value)
        step = len(seen[trial])
        others = [
            max(filter(math.isfinite, rows[:step]))
            for other, rows in seen.items()
            if other != trial and len(rows) >= step and math.isfinite(rows[step - 1])
        ]
        own = max(filter(math.isfinite, seen[trial]), default=None)
        verdict = referee.report(trial, {"training_iteration": step, "score": value}).verdict
        assert verdict.evidence["trials"] == len(others)
        if others and own is not None:
            assert verdict.evidence["median"] == statistics.median(others)
            assert verdict.stop == (own < statistics.median(others))
        else:
            assert not verdict.stop


@given(values=st.lists(levels, max_size=20), tries=st.integers(1, 3))
def test_law_6_a_trial_alone_has_no_peers_however_often_it_starts_again(
    values: list[float], tries: int
) -> None:
    policy = Policy("score", "max", stop=BelowMedian(0, 1), nonfinite_patience=None)
    referee = Referee(policy)
    for attempt in range(tries):
        for step, value in enumerate(values, start=1):
            decision = referee.report(
                "only", {"training_iteration": step, "score": value - attempt}
            )
            assert not decision.stop
            assert decision.verdict.evidence.get("trials", 0) == 0
        referee.forget("only")


@given(first=levels, second=levels)
def test_law_6_a_score_counts_for_others_from_the_moment_it_is_judged(
    first: float, second: float
) -> None:
    """Even the score for which its trial is stopped."""
    policy = Policy("score", "max", stop=BelowMedian(0, 1), nonfinite_patience=None)
    referee = Referee(policy)
    referee.report("a", {"training_iteration": 1, "score": first})
    stopped = referee.report("b", {"training_iteration": 1, "score": second})
    assert stopped.stop == (second < first)
    third = referee.report("c", {"training_iteration": 1, "score": -9.0})
    assert third.verdict.evidence["trials"] == 2
    assert third.verdict.evidence["median"] == (first + second) / 2
