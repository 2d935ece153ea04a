"""Law 4. The same step again changes nothing; an earlier step is a new life of the trial."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import SCORES, criterion_samples, policy_with
from tests.strategies import levels, rich_rules
from tune_es import BelowMedian, Criterion, Decision, Patience, Policy, Referee

SAMPLES = criterion_samples()
#: Reports of one trial in the order in which they arrive: steps come back after every crash.
reports = st.lists(st.tuples(st.integers(1, 8), levels | st.just(float("nan"))), max_size=20)


def result(step: float, score: float) -> dict[str, object]:
    """A result; the other metrics are made from the score."""
    row = {"score": score, "f1": score + step, "loss": 1 - score, "train": 2 - 0.05 * step}
    return {**row, "training_iteration": step, "time_total_s": 10.0 * step}


def fresh(policy: Policy, history: dict[int, float]) -> list[str]:
    """The decisions of a referee that never saw anything but this history."""
    referee = Referee(policy)
    return [repr(referee.report("trial", result(*each))) for each in sorted(history.items())]


@given(rule=rich_rules, arriving=reports)
def test_law_4_a_trial_is_judged_by_the_history_of_its_last_life(
    rule: Criterion, arriving: list[tuple[int, float]]
) -> None:
    referee, policy = Referee(policy_with(rule)), policy_with(rule)
    history: dict[int, float] = {}
    for step, score in arriving:
        decision = referee.report("trial", result(step, score))
        is_last = step == max(history, default=None)
        if step not in history or (repr(history[step]) != repr(score) and not is_last):
            history = {at: seen for at, seen in history.items() if at < step} | {step: score}
        decisions = dict(zip(sorted(history), fresh(policy, history), strict=True))
        assert repr(decision) == decisions[step]
        assert repr(referee.last("trial")) == decisions[max(history)]


@pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)
def test_law_4_every_result_reported_twice_is_as_good_as_once(criterion: Criterion) -> None:
    for scores in SCORES.values():
        once, twice = Referee(policy_with(criterion)), Referee(policy_with(criterion))
        for step, score in enumerate(scores, start=1):
            row = result(step, score) if score is not None else {"training_iteration": step}
            first, again = twice.report("trial", row), twice.report("trial", row)
            assert again is first
            assert repr(first) == repr(once.report("trial", row))


@given(
    rule=rich_rules,
    scores=st.lists(levels, min_size=2, max_size=15),
    back=st.integers(1, 14),
)
def test_law_4_a_replay_after_a_crash_gives_the_same_decisions(
    rule: Criterion, scores: list[float], back: int
) -> None:
    referee = Referee(policy_with(rule))
    said = [referee.report("trial", result(n, score)) for n, score in enumerate(scores, start=1)]
    start = max(0, len(scores) - back)
    again = [
        referee.report("trial", result(n, score))
        for n, score in enumerate(scores[start:], start=start + 1)
    ]
    assert again == said[start:]
    following = repr(referee.report("trial", result(len(scores) + 1, 0.0)))
    assert following == fresh(policy_with(rule), dict(enumerate([*scores, 0.0], start=1)))[-1]


lives = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(1, 5), levels), min_size=1, max_size=25
)


@given(arriving=lives, probe=levels)
def test_law_4_peers_see_the_last_life_of_a_trial(
    arriving: list[tuple[str, int, float]], probe: float
) -> None:
    policy = Policy("score", "max", stop=BelowMedian(grace_period=0, min_trials=1) | Patience(99))
    referee = Referee(policy)
    histories: dict[str, dict[int, float]] = {"a": {}, "b": {}, "c": {}}
    for trial, step, score in arriving:
        referee.report(trial, result(step, score))
        history = histories[trial]
        is_last = step == max(history, default=None)
        if step not in history or (history[step] != score and not is_last):
            histories[trial] = {at: seen for at, seen in history.items() if at < step}
            histories[trial][step] = score
    plain = Referee(policy)
    for trial, history in histories.items():
        for step, score in sorted(history.items()):
            plain.report(trial, result(step, score))
    assert probed(referee, probe) == probed(plain, probe)


def probed(referee: Referee, score: float) -> list[Decision]:
    """What a newcomer is told at every step: all that it can see of the others."""
    return [referee.report("newcomer", result(step, score)) for step in range(1, 6)]
