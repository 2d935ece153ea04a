"""What is counted of a sweep, by hand; and how few series that is."""

from __future__ import annotations

import math
import tracemalloc
from collections.abc import Sequence

import pytest

from tune_es import Cause, Patience, Policy
from tune_es.monitoring.meters import (
    BEST,
    JUDGED,
    METERS,
    MONEY_SAVED,
    MONEY_SPENT,
    PATIENCE,
    SECONDS_SAVED,
    SECONDS_SPENT,
    STEPS_SAVED,
    STEPS_SPENT,
    STOPS,
    Meter,
)
from tune_es.monitoring.tally import Series, Tally

PRICED = Policy(
    "loss", "min", stop=Patience(2), other_metrics={"val/f1": "max"}, max_t=10,
    price_per_hour=3600.0,
)  # fmt: skip


def feed(
    tally: Tally,
    trial_id: str,
    steps: Sequence[float],
    seconds: Sequence[object] = (),
    left: float | None = None,
) -> None:
    """Results at these steps, each of which took so long."""
    for at, step in enumerate(steps):
        result = {"time_this_iter_s": seconds[at]} if seconds else {}
        tally.result(trial_id, step, result, left)


def counts(tally: Tally) -> dict[Meter, float]:
    """What was counted, by meter."""
    found: dict[Meter, float] = {}
    for (meter, _), count in tally.counted().items():
        found[meter] = found.get(meter, 0.0) + count
    return found


def test_a_stopped_trial_has_saved_what_lacks_at_the_median_of_its_own_pace() -> None:
    tally = Tally(PRICED)
    feed(tally, "a", [1, 2, 3, 4], [1.0, 2.0, 3.0, 100.0])
    assert tally.stop("a", "STALLED", "Patience")
    assert counts(tally) == {
        STEPS_SPENT: 4, JUDGED: 4, SECONDS_SPENT: 106, MONEY_SPENT: 106,
        STOPS: 1, STEPS_SAVED: 6, SECONDS_SAVED: 15, MONEY_SAVED: 15,
    }  # fmt: skip


def test_what_was_counted_is_given_once() -> None:
    tally = Tally(PRICED)
    feed(tally, "a", [1, 2])
    assert counts(tally)[STEPS_SPENT] == 2
    feed(tally, "a", [3])
    assert counts(tally)[STEPS_SPENT] == 1
    assert counts(tally) == {}


def test_steps_that_come_again_do_not_count() -> None:
    tally = Tally(PRICED)
    feed(tally, "a", [1, 2, 3, 1, 2, 3, 4], [1.0] * 7)
    assert counts(tally) == {STEPS_SPENT: 4, JUDGED: 4, SECONDS_SPENT: 4, MONEY_SPENT: 4}


def test_after_a_restore_only_what_is_new_counts() -> None:
    tally = Tally(PRICED)
    tally.know("a", 3, {"loss": {"min": 0.2, "max": 0.9}, "val/f1": {"min": 0.1, "max": 0.7}})
    feed(tally, "a", [1, 2, 3, 4, 5])
    tally.stop("a", "STALLED", "Patience")
    assert counts(tally) == {STEPS_SPENT: 2, JUDGED: 2, STOPS: 1, STEPS_SAVED: 5}
    assert tally.stands([]) == {(BEST, ("loss",)): 0.2, (BEST, ("val/f1",)): 0.7}


def test_steps_may_be_anything_that_grows() -> None:
    tally = Tally(Policy("loss", "min", max_t=1000, time_attr="tokens"))
    feed(tally, "a", [100, 250.5], [1.0, 3.01])
    tally.stop("a", "REACHED", "Target")
    found = counts(tally)
    assert found[STEPS_SPENT] == 250.5
    assert found[STEPS_SAVED] == 749.5
    assert found[SECONDS_SAVED] == pytest.approx(749.5 * (0.01 + 0.02) / 2)


def test_who_ends_by_itself_or_at_the_end_of_its_budget_saves_nothing() -> None:
    tally = Tally(PRICED)
    for trial_id in ("ends", "exhausted"):
        feed(tally, trial_id, range(1, 11), [1.0] * 10)
    tally.end("ends")
    assert not tally.stop("exhausted", "EXHAUSTED", "Budget")
    found = counts(tally)
    assert found[STOPS] == 1
    assert STEPS_SAVED not in found


def test_an_end_that_is_told_twice_counts_once() -> None:
    tally = Tally(PRICED)
    feed(tally, "a", [1])
    assert [tally.stop("a", "STALLED", "Patience") for _ in range(2)] == [True, False]
    assert counts(tally) == {STEPS_SPENT: 1, JUDGED: 1, STOPS: 1, STEPS_SAVED: 9}


@pytest.mark.parametrize("seconds", [None, "3", math.nan, math.inf, -1.0, 0.0, True])
def test_seconds_that_are_none_are_left_out(seconds: object) -> None:
    tally = Tally(PRICED)
    feed(tally, "a", [1, 2], [seconds, seconds])
    tally.stop("a", "STALLED", "Patience")
    assert counts(tally) == {STEPS_SPENT: 2, JUDGED: 2, STOPS: 1, STEPS_SAVED: 8}


@pytest.mark.parametrize("step", [None, math.nan, math.inf, -1.0, 0.0])
def test_a_step_that_is_none_counts_nothing(step: float | None) -> None:
    tally = Tally(PRICED)
    tally.result("a", step, {"loss": 0.5}, None)
    assert counts(tally) == {}


def test_without_a_price_or_a_budget_there_is_no_money_and_nothing_saved() -> None:
    tally = Tally(Policy("loss", "min", stop=Patience(2)))
    feed(tally, "a", [1], [2.0])
    assert tally.stop("a", "STALLED", "Patience")
    assert counts(tally) == {STEPS_SPENT: 1, JUDGED: 1, SECONDS_SPENT: 2, STOPS: 1}


def test_the_best_is_that_of_each_metric_in_its_own_mode() -> None:
    tally = Tally(PRICED)
    rows = [(0.5, 0.3), (0.4, 0.6), (math.nan, math.inf), (None, "x"), (0.7, 0.5)]
    for step, (loss, f1) in enumerate(rows, start=1):
        tally.result("a", step, {"loss": loss, "val": {"f1": f1}}, None)
    assert tally.stands([]) == {(BEST, ("loss",)): 0.4, (BEST, ("val/f1",)): 0.6}


def test_the_patience_left_is_that_of_trials_that_run() -> None:
    tally = Tally(PRICED)
    lefts = {"a": 1, "b": 5, "c": 3, "paused": 0, "never": math.inf, "silent": None}
    for trial_id, left in lefts.items():
        feed(tally, trial_id, [1], left=left)
    running = ["a", "b", "c", "never", "silent", "unheard of"]
    assert tally.stands(running) == {(PATIENCE, ("min",)): 1, (PATIENCE, ("median",)): 3}
    assert tally.stands(["silent"]) == {}


def test_a_policy_that_is_known_later_changes_nothing_that_was_counted() -> None:
    tally = Tally(None)
    tally.result("a", 1, {"loss": 0.5}, None, judged=False)
    tally.follow(PRICED)
    tally.result("a", 1, {"loss": 0.5}, None)
    tally.result("a", 2, {"loss": 0.4}, None)
    tally.stop("a", "STALLED", "Patience")
    assert counts(tally) == {STEPS_SPENT: 2, JUDGED: 1, STOPS: 1, STEPS_SAVED: 8}


def test_ten_thousand_trials_are_few_series_and_little_memory() -> None:
    tally, seen = Tally(PRICED), set[Series]()
    causes, criteria = [each.name for each in Cause], ["Patience", "Budget", "NonFinite"]
    tracemalloc.start()
    for number in range(10_000):
        trial_id = f"trial {number}"
        for step in range(1, 4):
            row = {"loss": 1 / (number + step), "val/f1": 0.5, "time_this_iter_s": 1.0}
            tally.result(trial_id, step, row, left=number)
        if number % 100 == 0:
            seen |= {*tally.counted(), *tally.stands([trial_id])}
        tally.stop(trial_id, causes[number % 6], criteria[number % 3])
    seen |= tally.counted().keys()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    stops = {series for series in seen if series[0] is STOPS}
    assert len(stops) <= len(causes) * len(criteria)
    assert len(seen - stops) == 11  # 7 counters, 2 metrics, 2 of patience
    assert held < 500_000


def test_names_are_those_that_prometheus_takes() -> None:
    names = [each.name for each in METERS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("tune_es_") for name in names)
    assert all(name.replace("_", "").isalnum() and name.islower() for name in names)
    assert all(each.meaning for each in METERS)
