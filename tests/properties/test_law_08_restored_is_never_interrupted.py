"""Law 8. Snapshot, pickle, restore, go on = never interrupted."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.samples import SCORES, criterion_samples, policy_with
from tests.strategies import levels, rich_rules
from tune_es import BelowMedian, Criterion, Decision, Policy, Referee

TRIALS = "abc"
PARAMS = {"c": {"nonfinite_patience": 0, "not_before": 3}}
values = levels | st.just(math.nan)
#: Who reports which step, crashes of trials included.
reports = st.tuples(st.sampled_from(TRIALS), st.integers(1, 6), values)
logs = st.lists(reports, max_size=30)
SAMPLES = criterion_samples()


def result(step: float, score: float) -> dict[str, object]:
    row = {"score": score, "f1": score + step, "loss": 1 - score, "train": 2 - 0.05 * step}
    return {**row, "training_iteration": step, "time_total_s": 10.0 * step}


def policy_among_peers(rule: Criterion) -> Policy:
    return policy_with(rule | BelowMedian(grace_period=3, min_trials=1))


def started(policy: Policy) -> Referee:
    referee = Referee(policy)
    for trial in TRIALS:
        referee.admit(trial, PARAMS.get(trial))
    return referee


def restored(referee: Referee) -> Referee:
    """What a new process makes of a referee: the policy from the script, the rest from disk."""
    saved = pickle.dumps((referee.policy, referee.snapshot()))
    policy, snapshot = pickle.loads(saved)
    fresh = Referee(policy)
    fresh.restore(snapshot)
    return fresh


def judged(referee: Referee, log: list[tuple[str, int, float]]) -> list[str]:
    return [repr(referee.report(trial, result(step, score))) for trial, step, score in log]


@given(rule=rich_rules, log=logs, crash=st.integers(0, 30))
def test_law_8_a_sweep_killed_at_any_point_goes_on_unchanged(
    rule: Criterion, log: list[tuple[str, int, float]], crash: int
) -> None:
    policy = policy_among_peers(rule)
    referee = started(policy)
    said = judged(referee, log[:crash])
    said += judged(restored(referee), log[crash:])
    assert said == judged(started(policy), log)


@given(rule=rich_rules, log=logs)
def test_law_8_a_sweep_killed_after_every_result_goes_on_unchanged(
    rule: Criterion, log: list[tuple[str, int, float]]
) -> None:
    policy = policy_among_peers(rule)
    referee, said = started(policy), []
    for trial, step, score in log[:12]:
        referee = restored(referee)
        said.append(repr(referee.report(trial, result(step, score))))
    assert said == judged(started(policy), log[:12])


@given(rule=rich_rules, log=logs, saved=st.integers(0, 30))
def test_law_8_a_sweep_that_lost_its_last_results_hears_them_again(
    rule: Criterion, log: list[tuple[str, int, float]], saved: int
) -> None:
    """The snapshot is older than the crash: what came after it is reported a second time."""
    policy = policy_among_peers(rule)
    referee = started(policy)
    judged(referee, log[:saved])
    snapshot = pickle.dumps(referee.snapshot())
    judged(referee, log[saved:])
    fresh = Referee(policy)
    fresh.restore(pickle.loads(snapshot))
    assert judged(fresh, log[saved:]) == judged(started(policy), log)[saved:]


@given(rule=rich_rules, log=logs, saved=st.integers(0, 30))
def test_law_8_a_snapshot_is_not_changed_by_what_follows(
    rule: Criterion, log: list[tuple[str, int, float]], saved: int
) -> None:
    referee = started(policy_among_peers(rule))
    judged(referee, log[:saved])
    snapshot = referee.snapshot()
    before = pickle.dumps(copy.deepcopy(snapshot))
    judged(referee, log[saved:])
    referee.forget("a")
    twins = [Referee(referee.policy), Referee(referee.policy)]
    twins[0].restore(snapshot)
    judged(twins[0], log[saved:])
    twins[1].restore(pickle.loads(before))
    again = Referee(referee.policy)
    again.restore(snapshot)
    assert judged(again, log) == judged(twins[1], log)


@given(log=st.lists(reports, min_size=4, max_size=20), saved=st.integers(0, 4))
def test_law_8_holds_for_what_the_others_did(log: list[tuple[str, int, float]], saved: int) -> None:
    """Every verdict of this policy tells how many others were at the step, and their median."""
    policy = Policy("score", "max", stop=BelowMedian(0, 1), nonfinite_patience=None)
    referee = Referee(policy)
    judged(referee, log[:saved])
    snapshot = referee.snapshot()
    kept = pickle.dumps(snapshot)
    whole = judged(referee, log[saved:])
    for state in (snapshot, pickle.loads(kept)):
        back = Referee(policy)
        back.restore(state)
        assert judged(back, log[saved:]) == whole


@pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)
def test_law_8_holds_for_every_sample_on_every_curve(criterion: Criterion) -> None:
    policy = policy_with(criterion)
    for scores in SCORES.values():
        log = [("a", n, score) for n, score in enumerate(scores, start=1) if score is not None]
        middle = len(log) // 2
        referee = started(policy)
        said = judged(referee, log[:middle]) + judged(restored(referee), log[middle:])
        assert said == judged(started(policy), log)


def test_law_8_what_has_ended_stays_ended() -> None:
    referee = started(policy_with(SAMPLES["Patience-1"]))
    log = [("a", step, 0.5) for step in range(1, 6)]
    last = judged(referee, log)[-1]
    referee.forget("a")
    back = restored(referee)
    assert repr(back.last("a")) == last
    assert isinstance(back.last("a"), Decision)
    assert back.last("b") is None
    assert back.admit("c").nonfinite_patience == 0
