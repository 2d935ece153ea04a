"""Every number of the scorecard, worked out by hand on a stream or two."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import late, refusal
from tests.replay.schedulers import Chaos, OnlyNew, Planned, Rows, recorded
from tune_es import Action
from tune_es.replay import Cluster, InOrder, Score, Stream, TaskCurves, replay, stream
from tune_es.replay.scorecard import makespan

STOP, PAUSE = Action.STOP, Action.PAUSE
NAN, INF = math.nan, math.inf


def scored(
    curves: TaskCurves, stops: Sequence[int] = (), price: float | None = None, **cluster: Any
) -> Score:
    """The score of a sweep that stops every trial after so many steps; 0 is not at all."""
    plan = {(str(trial), step): STOP for trial, step in enumerate(stops)}
    where = Cluster(**{"workers": 1, **cluster})
    run = replay(Planned(plan), curves, where)
    return Stream(curves, 7, where).score(run, "planned", price)


def regret(values: Rows, stops: Sequence[int] = (), **more: Any) -> float:
    return scored(recorded(values, **more), stops).regret


def test_a_score_says_whose_it_is() -> None:
    score = scored(recorded([[1.0, 2.0]]))
    assert (score.source, score.task, score.seed, score.policy) == ("made", "task", 7, "planned")


def test_cost_is_steps_run_over_steps_of_everything_in_full() -> None:
    curves = recorded([[1] * 6, [1] * 2, [1] * 2])
    score = scored(curves, [1, 0, 1])
    assert (score.cost, score.steps, score.stopped) == (4 / 10, 4, 2)
    # not the mean of the trials' shares, which is (1/6 + 1 + 1/2) / 3
    assert score.cost != pytest.approx((1 / 6 + 1 + 1 / 2) / 3)


def test_steps_past_the_budget_are_no_cost_and_no_value() -> None:
    drawn = stream(recorded([[3, 2, 1], [3, 2, 1]], max_t=2), 2, 0)
    score = drawn.score(replay(InOrder(), drawn.curves), "full")
    assert (score.cost, score.steps, score.regret) == (1, 4, 0)


def test_cost_in_seconds_counts_start_up_and_resume_on_both_sides() -> None:
    curves = recorded([[1, 1], [1, 1]], seconds=[[2, 6], [1, 1]])
    score = scored(curves, [1, 0], startup_s=10)
    assert score.cost == 3 / 4
    assert score.seconds == 12 + 12
    assert score.cost_seconds == 24 / (18 + 12)
    where = Cluster(1, startup_s=10, resume_s=3)
    run = replay(Planned({("0", 1): PAUSE}), curves, where)
    paused = Stream(curves, 0, where).score(run, "pausing")
    assert (paused.cost, paused.seconds, paused.cost_seconds) == (1, 33, 33 / 30)


def test_steps_that_run_again_are_paid_again_and_failed_trials_are_not_stopped_ones() -> None:
    curves = recorded([[1] * 9] * 20)
    where = Cluster(4, failure_rate=0.15, max_failures=1, checkpoint_every=0)
    run = replay(Planned({("0", 1): STOP}), curves, where, seed=1)
    score = Stream(curves, 0, where).score(run, "failing")
    assert score.failed == len(run.failed) > 2
    assert 0 not in run.failed
    assert score.stopped == 1
    assert score.steps == run.steps.sum() > run.reached.sum()
    assert score.cost == score.steps / 180


@pytest.mark.parametrize(
    ("values", "stops", "expected"),
    [
        # best .1, last values .1, .5, .9: the median is .5
        ([[0.3, 0.1], [0.6, 0.5], [1.0, 0.9]], [0, 0, 0], 0.0),
        ([[0.3, 0.1], [0.6, 0.5], [1.0, 0.9]], [1, 0, 0], 0.2 / 0.4),
        ([[0.3, 0.1], [0.6, 0.5], [1.0, 0.9]], [1, 1, 1], 0.2 / 0.4),
        # the best value is one in between, and is found before the stop
        ([[0.1, 0.7], [0.6, 0.5], [1.0, 0.9]], [1, 1, 1], 0.0),
        # an even number of trials: between the middle two, .5 and .8
        ([[0.2, 0.1], [0.5, 0.5], [0.8, 0.8], [0.9, 0.9]], [1], 0.1 / 0.55),
        # more may be lost than the median is away
        ([[9.0, 1.0], [2.0, 2.0], [9.0, 1.5]], [1, 1, 1], 1.0 / 0.5),
    ],
)
def test_regret_is_what_is_missed_over_what_the_median_trial_misses(
    values: Rows, stops: list[int], expected: float
) -> None:
    assert regret(values, stops) == pytest.approx(expected)
    up = [[-value for value in row] for row in values]
    assert regret(up, stops, mode="max") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("values", "stops", "expected"),
    [
        # half end at the best value, so that the worst last value stands in: 4
        ([[0.0, 0.0], [1.0, 0.0], [4.0, 4.0]], [0, 1, 0], 0.0),
        ([[2.0, 0.0], [1.0, 0.0], [4.0, 4.0]], [1, 1, 1], 1.0 / 4.0),
        # all end there: the worst value of all
        ([[2.0, 0.0], [8.0, 0.0]], [1, 1], 2.0 / 8.0),
        ([[2.0, 0.0], [2.0, 0.0]], [1, 1], 1.0),
        # nothing to lose
        ([[3.0, 3.0], [3.0, 3.0]], [1, 1], 0.0),
    ],
)
def test_where_the_median_trial_misses_nothing_the_worst_one_stands_in(
    values: Rows, stops: list[int], expected: float
) -> None:
    assert regret(values, stops) == pytest.approx(expected)


@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_what_is_not_finite_is_the_worst_there_is(bad: float) -> None:
    for sign, mode in ((1, "min"), (-1, "max")):
        # last values .2, .4 and one that diverged: the median is .4, the best .1
        values = [[0.3 * sign, bad, 0.2 * sign], [0.1 * sign, 0.4 * sign], [0.5 * sign, bad]]
        assert regret(values, [1, 0, 0], mode=mode) == 0
        scale = 0.4 - 0.1
        more = [[0.3 * sign, bad, 0.2 * sign], [0.4 * sign, 0.1 * sign, 0.4 * sign], [bad, bad]]
        assert regret(more, [0, 1, 0], mode=mode) == pytest.approx(0.1 / scale)


def test_where_most_diverge_the_worst_finite_last_value_stands_in() -> None:
    values = [[0.3, 0.1], [0.6, 0.5], [NAN, NAN], [0.2, NAN], [NAN, INF]]
    assert regret(values, [1, 1]) == pytest.approx((0.2 - 0.1) / (0.5 - 0.1))


@pytest.mark.parametrize(
    ("values", "stops"),
    [([[NAN, 0.5], [INF, 0.6]], [1, 1]), ([[NAN, NAN], [-INF]], [0, 0])],
)
def test_regret_is_infinite_where_nothing_finite_was_found(values: Rows, stops: list[int]) -> None:
    test = [[0.1] * len(row) for row in values]
    score = scored(recorded(values, test_loss=test), stops)
    assert (score.regret, score.test_regret) == (INF, INF)


def test_a_sweep_that_ran_nothing_has_found_nothing() -> None:
    class Nothing(InOrder):
        def choose(self, pending: Any, paused: Any) -> None:
            return None

    curves = recorded([[1.0, 2.0]], test_loss=[[1.0, 2.0]])
    score = Stream(curves, 0, Cluster()).score(replay(Nothing(), curves), "nothing")
    assert (score.cost, score.seconds, score.steps, score.stopped) == (0, 0, 0, 1)
    assert (score.regret, score.test_regret) == (INF, INF)


# The test metric.


def test_test_regret_is_read_where_the_objective_was_best() -> None:
    curves = recorded(
        [[0.3, 0.1, 0.2], [0.5, 0.4, 0.6]], test_loss=[[0.6, 0.5, 0.3], [1, 0.2, 1.5]]
    )
    # the objective is best at .1, where the test loss is .5; the best is .2, last values .3 and 1.5
    assert scored(curves).test_regret == pytest.approx(0.3 / (0.9 - 0.2))
    # stopped at once, the objective is best at .3
    assert scored(curves, [1, 1]).test_regret == pytest.approx(0.4 / 0.7)
    assert scored(curves).regret == 0


def test_of_equal_values_the_first_row_is_chosen() -> None:
    curves = recorded([[0.5, 0.1, 0.1], [0.1, 0.9, 0.9]], test_loss=[[9, 3, 1], [5, 9, 9]])
    # rows of trial 0 come first: test loss 3; the best is 1, the median last value 5
    assert scored(curves).test_regret == pytest.approx((3 - 1) / (5 - 1))
    assert scored(curves, [1, 1]).test_regret == pytest.approx((5 - 1) / (5 - 1))


def test_the_test_metric_is_oriented_as_the_objective() -> None:
    test = [[0.7, 0.5], [0.9, 0.3]]
    curves = recorded([[0.8, 0.2], [0.6, 0.2]], mode="max", metric="eval_acc", test_acc=test)
    assert scored(curves).test_regret == pytest.approx((0.9 - 0.7) / (0.9 - 0.4))


def test_a_test_value_that_is_not_finite_is_infinitely_bad() -> None:
    curves = recorded([[0.1, 0.2], [0.5, 0.4]], test_loss=[[NAN, 0.3], [1.0, 0.2]])
    assert scored(curves).test_regret == INF
    assert scored(curves, [0, 0]).regret == 0


@pytest.mark.parametrize(
    ("metric", "more"),
    [
        ("val_loss", {}),
        ("val_loss", {"test_acc": [[0.1]]}),
        ("val_loss", {"test_loss": [[NAN]]}),
        ("loss", {"test_loss": [[0.1]]}),
    ],
)
def test_without_a_test_metric_there_is_no_test_regret(metric: str, more: Any) -> None:
    assert math.isnan(scored(recorded([[1.0]], metric=metric, **more)).test_regret)


# Time and money.


def test_makespan_is_a_share_of_the_full_sweeps_on_the_same_workers() -> None:
    curves = recorded([[1] * 4, [1] * 2, [1] * 2, [1] * 2])
    # in full on two workers: 0-4 and 0-2, 2-4, then 4-6; with trial 0 stopped at 1: 5
    score = scored(curves, [1], workers=2)
    assert score.makespan == pytest.approx(4 / 6)
    assert score.worker_use == pytest.approx(7 / (2 * 4))
    assert scored(curves, workers=2).makespan == 1
    assert scored(curves, workers=1).worker_use == 1


def test_a_start_up_is_part_of_the_makespan() -> None:
    curves = recorded([[1] * 4, [1] * 4])
    assert scored(curves, [1, 1], startup_s=6).makespan == pytest.approx(14 / 20)


def test_an_idle_worker_lowers_the_use() -> None:
    curves = recorded([[1] * 4, [1]])
    where = Cluster(2)
    run = replay(OnlyNew({("1", 1): STOP}), curves, where)
    assert Stream(curves, 0, where).score(run, "idle").worker_use == 5 / 8


def test_money_is_worker_hours_times_the_price() -> None:
    curves = recorded([[1, 1]], seconds=[[1800, 5400]])
    assert scored(curves, price=3.0).money == 6.0
    assert scored(curves, [1], price=3.0).money == 1.5
    assert scored(curves, price=0.0).money == 0
    assert math.isnan(scored(curves).money)


def test_stopped_counts_trials_that_did_not_run_to_their_end() -> None:
    curves = recorded([[1] * 3, [1] * 2, [1] * 3])
    # stopped at its last step is run to its end
    assert scored(curves, [3, 2, 1]).stopped == 1
    run = replay(OnlyNew({("0", 1): PAUSE}), curves)
    assert Stream(curves, 0, Cluster()).score(run, "given up").stopped == 1


@pytest.mark.parametrize(
    ("seconds", "workers", "expected"),
    [([], 2, 0), ([5], 3, 5), ([3, 1, 1, 2], 2, 4), ([1, 1, 1], 1, 3), ([4, 1, 1, 1, 3], 2, 6)],
)
def test_jobs_are_taken_in_order_by_the_worker_that_is_free(
    seconds: list[float], workers: int, expected: float
) -> None:
    assert makespan(np.array(seconds, dtype=float), workers) == expected


def test_seconds_of_zero_leave_no_shares_of_time() -> None:
    score = scored(recorded([[1.0, 1.0]], seconds=[[0, 0]]))
    assert (score.cost, score.regret, score.seconds) == (1, 0, 0)
    assert all(
        math.isnan(share) for share in (score.cost_seconds, score.makespan, score.worker_use)
    )


# Laws.

lists = st.lists(
    st.lists(st.integers(-20, 20).map(float) | st.sampled_from([NAN, INF]), min_size=1, max_size=6),
    min_size=1,
    max_size=8,
)


@given(
    values=lists,
    salt=st.integers(0, 50),
    scale=st.sampled_from([0.25, 2, 64]),
    shift=st.sampled_from([-3.0, 0.0, 100.0]),
)
def test_regret_does_not_depend_on_the_unit_and_the_zero_of_the_metric(
    values: Rows, salt: int, scale: float, shift: float
) -> None:
    moved = [[value * scale + shift for value in row] for row in values]
    found = [
        Stream(curves, 0, Cluster()).score(replay(Chaos(salt), curves), "some")
        for curves in (recorded(values, test_loss=values), recorded(moved, test_loss=moved))
    ]
    assert repr(found[0]) == repr(found[1])
    assert found[0].regret >= 0
    if any(math.isfinite(value) for row in values for value in row):
        assert found[0].test_regret == found[0].regret
    assert 0 <= found[0].cost <= 1


@given(values=lists, salt=st.integers(0, 50))
def test_regret_agrees_with_its_definition(values: Rows, salt: int) -> None:
    curves = recorded(values)
    run = replay(Chaos(salt), curves)
    seen = [
        value
        for row, reached in zip(values, run.reached.tolist(), strict=True)
        for value in row[:reached]
        if math.isfinite(value)
    ]
    found = Stream(curves, 0, Cluster()).score(run, "some").regret
    finite = [value for row in values for value in row if math.isfinite(value)]
    if not seen:
        assert found == INF
        return
    last = [row[-1] if math.isfinite(row[-1]) else INF for row in values]
    lost, scale = min(seen) - min(finite), float(np.median(last)) - min(finite)
    if 0 < scale < INF:
        assert found == pytest.approx(lost / scale)
    assert (found == 0) == (lost == 0)
    assert found < INF


# Streams.

MANY = recorded(
    [[float(at)] * (1 + at % 3) for at in range(30)], configs=[{"n": at} for at in range(30)]
)


def names(trials: int, seed: int, curves: TaskCurves = MANY) -> tuple[str, ...]:
    return stream(curves, trials, seed).curves.trial_ids


def test_a_stream_is_drawn_without_repetition_and_by_its_seed() -> None:
    assert names(10, 3) == names(10, 3)
    assert len({names(10, seed) for seed in range(20)}) == 20
    assert all(len(set(names(10, seed))) == 10 for seed in range(20))
    assert set(names(30, 0)) == set(MANY.trial_ids)
    assert names(99, 0) == names(30, 0) != MANY.trial_ids


def test_a_longer_stream_of_a_seed_begins_as_a_shorter_one() -> None:
    assert names(20, 5)[:10] == names(10, 5)


def test_every_trial_is_drawn_as_often_as_any_other() -> None:
    drawn = [name for seed in range(300) for name in names(10, seed)]
    counts = [drawn.count(name) for name in MANY.trial_ids]
    assert min(counts) > 60
    assert max(counts) < 140


def test_tasks_of_other_names_are_drawn_otherwise() -> None:
    other = replace(MANY, task=replace(MANY.task, name="other"))
    source = replace(MANY, task=replace(MANY.task, source="other"))
    assert len({names(10, 0, curves) for curves in (MANY, other, source)}) == 3


def test_a_drawn_trial_keeps_its_values_and_its_config() -> None:
    drawn = stream(MANY, 12, 1).curves
    for at, name in enumerate(drawn.trial_ids):
        assert drawn.values(at).tolist() == MANY.values(int(name)).tolist()
        assert drawn.configs[at] == {"n": int(name)}


@pytest.mark.parametrize("trials", [0, -1, 1.5])
def test_an_impossible_number_of_trials_is_refused(trials: Any) -> None:
    assert "stream.trials must be a whole number" in refusal(late(stream, MANY, trials, 0))


def test_a_stream_of_uncut_curves_or_of_none_is_refused() -> None:
    long, none = recorded([[1, 1, 1]], max_t=2), recorded([])
    for curves in (long, none):
        assert "Stream.curves of task 'task'" in refusal(late(Stream, curves, 0, Cluster()))
    assert "Stream.curves of task 'task'" in refusal(late(stream, none, 5, 0))
