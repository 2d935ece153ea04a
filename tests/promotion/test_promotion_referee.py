"""Law 8 with promotion, and what a referee answers to steps and trials that come again."""

from __future__ import annotations

import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import refusal
from tests.promotion.races import RULES, WAITING, streams
from tests.promotion.ticks import Sweep, fresh, ran, restored
from tune_es import Action, Patience, Policy, Referee, RungTable
from tune_es.promotion import PromotionRule

rules = st.sampled_from(sorted(RULES)).map(RULES.__getitem__)
waiting = st.sampled_from(sorted(WAITING)).map(WAITING.__getitem__)
workers = st.sampled_from([1, 2, 5, 30])


def started(
    curves: Sequence[Sequence[float]], rule: PromotionRule, number: int, known: bool = True
) -> tuple[Sweep, Referee]:
    sweep, referee = Sweep(curves, number), fresh(rule, len(curves) if known else None)
    sweep.begin(referee)
    return sweep, referee


@given(curves=streams, rule=rules, number=workers, known=st.booleans())
@settings(max_examples=40)
def test_law_8_a_race_restored_after_every_step_goes_on_unchanged(
    curves: list[list[float]], rule: PromotionRule, number: int, known: bool
) -> None:
    whole = ran(*started(curves, rule, number, known))
    assert ran(*started(curves, rule, number, known), between=restored) == whole


@given(
    curves=streams, rule=waiting, number=workers, crash=st.integers(0, 120), back=st.integers(0, 4)
)
@settings(max_examples=80)
def test_law_8_a_race_killed_at_any_moment_ends_as_if_never_killed(
    curves: list[list[float]], rule: PromotionRule, number: int, crash: int, back: int
) -> None:
    """Who ran goes through some steps again; a rule that waits does not see when they come."""
    whole = ran(*started(curves, rule, number))[-2:]
    sweep, referee = started(curves, rule, number)
    for _ in range(crash):
        if sweep.tick(referee) is None:
            break
    after = restored(referee)
    assert ran(sweep.killed(back, after), after)[-2:] == whole


@given(curves=streams, number=workers, crash=st.integers(0, 120), back=st.integers(0, 4))
@settings(max_examples=60)
def test_law_8_a_race_that_does_not_wait_ends_after_a_crash(
    curves: list[list[float]], number: int, crash: int, back: int
) -> None:
    sweep, referee = started(curves, RULES["asynchronous"], number)
    for _ in range(crash):
        if sweep.tick(referee) is None:
            break
    referee = restored(referee)
    after = sweep.killed(back, referee)
    ran(after, referee)
    assert not after.pending
    assert len({*after.over, *after.paused, *after.let_go}) == len(curves)


@given(curves=streams, rule=rules, number=workers, saved=st.integers(0, 60))
@settings(max_examples=40)
def test_law_8_what_follows_changes_no_snapshot_of_a_race(
    curves: list[list[float]], rule: PromotionRule, number: int, saved: int
) -> None:
    sweep, referee = started(curves, rule, number)
    for _ in range(saved):
        sweep.tick(referee)
    table, snapshot = pickle.dumps(sweep), referee.snapshot()
    whole = ran(sweep, referee)
    for _ in range(2):
        again: Sweep = pickle.loads(table)
        back = fresh(rule, None)
        back.restore(snapshot)
        assert ran(again, back) == whole


def waiting_pair() -> Referee:
    """Both have come to the rung at step 2, where one of them goes on: it is "b"."""
    referee = fresh(RungTable({2: 1}), 2)
    for name, value in (("a", 0.5), ("b", 0.4)):
        referee.admit(name)
        for step in (1, 2):
            tell(referee, name, step, value)
    return referee


def tell(referee: Referee, name: str, step: float, value: float) -> Action:
    return referee.report(name, {"value": value, "training_iteration": step}).action


def test_a_pause_that_is_reported_again_stays_one_until_the_trial_may_go_on() -> None:
    referee = fresh(RungTable({2: 1}), 3)
    for name in "abc":
        referee.admit(name)
    for name in "ab":
        assert [tell(referee, name, step, 0.5) for step in (1, 2)] == [
            Action.CONTINUE,
            Action.PAUSE,
        ]
    assert tell(referee, "a", 2, 0.5) is Action.PAUSE
    assert tell(referee, "a", 1, 0.5) is Action.CONTINUE
    for step in (1, 2):
        tell(referee, "c", step, 0.6)
    assert referee.choose([], ["a", "b", "c"]) == "a"
    assert tell(referee, "a", 2, 0.5) is Action.CONTINUE
    assert tell(referee, "b", 2, 0.5) is Action.PAUSE


def test_a_pause_says_which_rule_and_rung() -> None:
    referee = fresh(RungTable({2: 1}), 3)
    tell(referee, "a", 1, 0.5)
    decision = referee.report("a", {"value": 0.4, "training_iteration": 2})
    verdict = decision.verdict
    assert (decision.action, decision.stop, verdict.stop) == (Action.PAUSE, False, False)
    assert (verdict.criterion, verdict.cause, dict(verdict.evidence)) == (
        "RungTable",
        None,
        {"rung": 2},
    )
    assert (decision.best, decision.best_step) == (0.4, 2)


def test_who_was_let_go_stays_so_whatever_it_reports_or_asks() -> None:
    referee = waiting_pair()
    assert referee.choose([], ["a", "b"]) in ("b", None)
    assert list(referee.let_go) == ["a"]
    referee.forget("a")
    for late in (referee, restored(referee)):
        late.admit("a", {"nonfinite_patience": 3})
        assert tell(late, "a", 3, 0.0) is not Action.CONTINUE
        tell(late, "b", 3, 0.4)
        assert late.choose([], ["a"]) is None
        assert list(late.let_go) == ["a"]


def test_a_stop_of_the_policy_at_a_rung_stays_a_stop_and_takes_no_place() -> None:
    """ "b" is ahead, comes last, and is stopped where it comes to the rung: "a" goes on."""
    policy = Policy("value", "min", stop=Patience(1), max_t=9, promotion=RungTable({2: 1}))
    referee = Referee(policy, 2)
    assert [tell(referee, "a", step, 1 - step / 10) for step in (1, 2)] == [
        Action.CONTINUE,
        Action.PAUSE,
    ]
    assert [tell(referee, "b", step, 0.1) for step in (1, 2)] == [Action.CONTINUE, Action.STOP]
    referee.forget("b")
    assert list(referee.let_go) == []
    assert referee.choose([], ["a"]) == "a"
    assert tell(referee, "b", 3, 0.0) is Action.STOP


def test_other_numbers_after_a_crash_are_a_new_life_in_the_race() -> None:
    referee = fresh(RungTable({3: 1}), 2)
    for step in (1, 2, 3):
        tell(referee, "a", step, 0.1)
    for step, value in ((1, 0.9), (2, 0.8), (3, 0.7)):
        tell(referee, "a", step, value)
    for step in (1, 2, 3):
        tell(referee, "b", step, 0.5)
    referee.choose([], ["a", "b"])
    assert list(referee.let_go) == ["a"]


@pytest.mark.parametrize(
    "params", [{"promotion": None}, {"promotion": "AsyncHalving"}, {"keep": {2: 9}}, {"c": 3}]
)
def test_promotion_is_common_to_the_sweep(params: dict[str, object]) -> None:
    referee = fresh(RULES["quota"], 3)
    assert next(iter(params)) in refusal(referee.admit, "a", params)
    assert referee.admit("a", {"stop": {"Patience": {"patience": 2}}}).promotion == RULES["quota"]


def test_without_promotion_the_oldest_comes_first_and_nobody_is_let_go() -> None:
    referee = Referee(Policy("value", "min", stop="none", max_t=9), 2)
    assert referee.choose(["a", "b"], ["c"]) == "a"
    assert referee.choose([], ["c", "d"]) == "c"
    assert referee.choose([], []) is None
    assert list(referee.let_go) == []


@given(
    curves=streams,
    rule=waiting,
    number=workers,
    saved=st.integers(0, 60),
    lost=st.integers(0, 30),
    back=st.integers(0, 3),
)
@settings(max_examples=60)
def test_law_8_a_race_whose_snapshot_is_older_than_its_trials_ends(
    curves: list[list[float]], rule: PromotionRule, number: int, saved: int, lost: int, back: int
) -> None:
    """Steps, pauses and ends after the snapshot are never reported; ends are told on restoring."""
    sweep, referee = started(curves, rule, number)
    for _ in range(saved):
        sweep.tick(referee)
    old = restored(referee)
    for _ in range(lost):
        sweep.tick(referee)
    for name in [*sweep.over, *sweep.let_go]:
        old.forget(name)
    after = sweep.killed(back, old)
    ran(after, old)
    assert not after.pending
    assert not after.paused
    assert {*after.over, *after.let_go} == set(sweep.step)


@given(curves=streams, number=workers, spacing=st.sampled_from([2, 3, 7, 1000]))
@settings(max_examples=60)
def test_reports_every_few_steps_decide_as_reports_every_step(
    curves: list[list[float]], number: int, spacing: int
) -> None:
    """Adaptive quotas count evaluations, whatever they are called: epochs, batches or tokens."""
    rule = RULES["quota"]
    whole = ran(*started(curves, rule, number))[-2:]
    sweep, referee = Sweep(curves, number, spacing), fresh(rule, len(curves), spacing)
    sweep.begin(referee)
    assert ran(sweep, referee)[-2:] == whole
