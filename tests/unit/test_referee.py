"""The referee: admission, memory, ends and snapshots; the laws are in properties/."""

from __future__ import annotations

import math
import pickle
from typing import Any

import pytest

from tests.builders import refusal
from tune_es import (
    Action,
    BelowMedian,
    Cause,
    Decision,
    Observation,
    Patience,
    Policy,
    Referee,
    Target,
    Verdict,
)
from tune_es.packing import Ended

POLICY = Policy("loss", "min", stop=Patience(2), max_t=20)


def result(step: object, loss: object = 1.0) -> dict[str, object]:
    return {"training_iteration": step, "loss": loss}


def test_trials_are_judged_apart() -> None:
    referee = Referee(POLICY)
    for step in (1, 2, 3):
        flat = referee.report("flat", result(step))
        falling = referee.report("falling", result(step, 1.0 - 0.1 * step))
    assert (flat.stop, falling.stop) == (True, False)
    assert (flat.trial_id, flat.step, flat.best, flat.best_step) == ("flat", 3, 1.0, 1)


def test_a_trial_brings_its_own_parameters() -> None:
    referee = Referee(POLICY)
    assert referee.admit("patient", {"patience": 5}).criterion == Patience(5)
    assert referee.admit("plain").criterion == Patience(2)
    for step in range(1, 4):
        decisions = [referee.report(trial, result(step)) for trial in ("patient", "plain")]
    assert [each.stop for each in decisions] == [False, True]


def test_who_is_known_keeps_the_policy_of_the_first_admission() -> None:
    referee = Referee(POLICY)
    referee.admit("a", {"patience": 5})
    assert referee.admit("a", {"patience": 9}).criterion == Patience(5)
    assert referee.admit("a").criterion == Patience(5)
    referee.report("b", result(1))
    assert referee.admit("b", {"patience": 9}).criterion == Patience(2)


def test_a_parameter_that_is_none_is_refused_and_the_trial_not_taken_in() -> None:
    referee = Referee(POLICY)
    assert "did you mean 'patience'?" in refusal(referee.admit, "a", {"patiense": 3})
    assert referee.admit("a", {"patience": 5}).criterion == Patience(5)


@pytest.mark.parametrize("step", [None, "3", True, math.nan, [1]])
def test_a_result_without_a_step_is_refused_and_changes_nothing(step: object) -> None:
    referee = Referee(POLICY)
    referee.report("a", result(1))
    message = refusal(referee.report, "a", result(step))
    assert "result of trial a: 'training_iteration'" in message
    last = referee.last("a")
    assert last is not None
    assert last.step == 1


def test_a_result_without_the_metric_is_taken_and_stops_nothing() -> None:
    referee = Referee(POLICY)
    decisions = [referee.report("a", result(step, None)) for step in range(1, 9)]
    assert not any(each.stop for each in decisions)
    assert math.isnan(decisions[-1].best)


def test_the_last_decision_can_be_asked_for() -> None:
    referee = Referee(POLICY)
    assert referee.last("a") is None
    referee.admit("a")
    assert referee.last("a") is None
    decision = referee.report("a", result(1))
    assert referee.last("a") is decision


def test_a_stopped_trial_that_was_forgotten_stays_stopped() -> None:
    referee = Referee(POLICY)
    for step in (1, 2, 3):
        stop = referee.report("a", result(step))
    referee.forget("a")
    assert referee.last("a") is stop
    assert referee.report("a", result(3)) is stop
    again = referee.report("a", result(1, 0.0))
    assert (again.step, again.action, again.verdict.cause) == (1, Action.CONTINUE, None)
    assert referee.report("a", result(4, 0.0)) is stop
    assert referee.ended == {"a": stop}


def test_a_trial_that_ended_by_itself_may_start_again() -> None:
    referee = Referee(POLICY)
    referee.report("a", result(1, 0.5))
    referee.forget("a")
    again = referee.report("a", result(1, 0.75))
    assert (again.stop, again.best) == (False, 0.75)


def test_what_was_never_there_can_be_forgotten() -> None:
    referee = Referee(POLICY)
    referee.forget("nobody")
    referee.admit("a")
    referee.forget("a")
    assert referee.last("a") is None
    assert referee.ended == {}


def test_finished_trials_stay_the_peers_of_those_that_come_later() -> None:
    referee = Referee(Policy("score", "max", stop=BelowMedian(1, 2), nonfinite_patience=None))
    for trial, score in (("a", 0.9), ("b", 0.8)):
        referee.report(trial, {"training_iteration": 1, "score": score})
        referee.forget(trial)
    late = referee.report("c", {"training_iteration": 1, "score": 0.5})
    assert late.stop
    assert late.verdict.evidence["trials"] == 2


def test_trials_with_a_rule_of_their_own_are_peers_too() -> None:
    referee = Referee(Policy("score", "max", stop=BelowMedian(1, 1)))
    referee.admit("own", {"stop": {"Patience": {"patience": 9}}})
    referee.report("own", {"training_iteration": 1, "score": 0.9})
    assert referee.report("other", {"training_iteration": 1, "score": 0.5}).stop


def test_the_last_step_again_gives_what_it_gave_whatever_it_reports() -> None:
    """Ray hands a stopper the last result twice, the second time with `done` and more in it."""
    referee = Referee(POLICY)
    first = referee.report("a", result(1, 0.5))
    assert referee.report("a", {**result(1, 0.5), "done": True}) is first
    assert referee.report("a", result(1, 0.1)) is first


def test_a_replay_gives_what_it_gave_and_a_new_life_starts_where_it_differs() -> None:
    referee = Referee(POLICY)
    said = [
        referee.report("a", result(step, loss)) for step, loss in ((1, 3.0), (2, 2.0), (3, 1.0))
    ]
    assert referee.report("a", result(1, 3.0)) is said[0]
    assert referee.last("a") is said[2]
    new = referee.report("a", result(2, 2.5))
    assert (new.best, new.best_step) == (2.5, 2)
    assert referee.last("a") is new


def test_a_step_between_known_ones_is_a_new_life() -> None:
    referee = Referee(POLICY)
    for step in (1, 3, 5):
        referee.report("a", result(step, 10.0 - step))
    between = referee.report("a", result(2, 9.5))
    assert (between.best, between.best_step) == (9.0, 1)
    last = referee.last("a")
    assert last is not None
    assert last.step == 2


def test_nan_reported_again_is_the_same_number() -> None:
    referee = Referee(POLICY)
    said = [referee.report("a", result(step, math.nan)) for step in (1, 2)]
    assert referee.report("a", result(1, math.nan)) is said[0]


def test_observations_may_come_without_a_result() -> None:
    referee = Referee(POLICY)
    decision = referee.observe(Observation("a", 1, -0.5, {"loss": -0.5}, {"loss": -1}, -1, 20))
    assert decision.best == 0.5


def test_a_snapshot_of_another_layout_is_refused() -> None:
    referee = Referee(POLICY)
    snapshot = referee.snapshot()
    for layout in (0, 99, None):
        assert "Referee snapshot layout must be" in refusal(
            referee.restore, {**snapshot, "layout": layout}
        )
    assert "got None" in refusal(referee.restore, {})


def test_a_referee_and_its_snapshot_can_be_pickled() -> None:
    referee = Referee(POLICY)
    referee.report("a", result(1))
    twins = [pickle.loads(pickle.dumps(referee)), _restored(referee)]
    assert [twin.last("a") for twin in twins] == [referee.last("a")] * 2
    following = referee.report("a", result(2))
    assert [twin.report("a", result(2)) for twin in twins] == [following] * 2


def _restored(referee: Referee) -> Referee:
    fresh = Referee(referee.policy)
    fresh.restore(pickle.loads(pickle.dumps(referee.snapshot())))
    return fresh


def test_restoring_drops_what_was_there() -> None:
    old, new = Referee(POLICY), Referee(POLICY)
    old.report("a", result(1))
    new.report("b", result(1))
    new.restore(old.snapshot())
    assert new.last("b") is None
    assert new.last("a") == old.last("a")


def test_clock_and_bill_are_no_part_of_what_is_compared() -> None:
    referee = Referee(Policy("score", "max", stop=Target(9), price_per_hour=1.0))
    rows: list[dict[str, Any]] = [
        {"training_iteration": step, "score": 0.5, "time_total_s": 10.0 * step} for step in (1, 2)
    ]
    first, _ = (referee.report("a", row) for row in rows)
    assert referee.report("a", {**rows[0], "time_total_s": 99.0}) is first


def test_the_latest_step_again_with_other_numbers_stands_still() -> None:
    referee = Referee(POLICY)

    def stands_still(step: int, loss: float) -> bool:
        observation = POLICY.read("a", result(step, loss)).observation
        assert observation is not None
        return referee.stands_still(observation)

    assert not stands_still(1, 1.0)
    referee.report("a", result(1, 1.0))
    assert [stands_still(1, 1.0), stands_still(1, 0.5), stands_still(2, 0.5)] == [
        False,
        True,
        False,
    ]


def test_a_last_word_that_cannot_be_pickled_by_name_is_kept_as_it_is() -> None:
    class Share(float):
        """Of a class that another process cannot import."""

    verdict = Verdict(True, "Own", Cause.REACHED, {"share": Share(0.5)})
    ended = Ended()
    ended.add(Decision("a", 3, Action.STOP, verdict, best=0.5))
    again = Ended(ended.saved())
    assert ("a" in again, "b" in again, len(again), list(again)) == (True, False, 1, ["a"])
    assert again["a"].verdict == verdict
