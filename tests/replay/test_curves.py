"""Recorded trials of a task: what fits together, and what a budget cuts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import late, refusal
from tests.replay.schedulers import recorded
from tune_es.replay import Task, task_curves

THREE = recorded(
    [[1, 2, 3], [4], [5, 6]],
    seconds=[[10, 20, 30], [40], [50, 60]],
    order=[[1, 4, 6], [2], [3, 5]],
    configs=[{"n": 0}, {"n": 1}, {"n": 2}],
    test_loss=[[0.1, 0.2, 0.3], [0.4], [0.5, 0.6]],
)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"mode": "minimum"}, "did you mean 'min'?"),
        ({"metric": ""}, "Metric.name"),
        ({"max_t": 0}, "Task.max_t must be a whole number of at least 1, got 0"),
        ({"max_t": 2.5}, "Task.max_t"),
    ],
)
def test_an_impossible_task_is_refused(wrong: dict[str, Any], said: str) -> None:
    fields: dict[str, Any] = {"metric": "loss", "mode": "min", "max_t": 3, **wrong}
    assert said in refusal(late(Task, "set", "task", **fields))


def test_higher_is_better_after_the_sign() -> None:
    assert [Task("set", "task", "m", mode, 1).sign for mode in ("min", "max")] == [-1, 1]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            {"metrics": {"val_los": np.zeros(6)}},
            "no column for its objective: did you mean 'val_los'",
        ),
        ({"metrics": {"val_loss": np.zeros(5)}}, "['val_loss']"),
        ({"seconds": np.zeros(7)}, "['seconds']"),
        ({"order": np.zeros(1)}, "['order']"),
        ({"starts": np.array([0, 3, 6])}, "do not fit"),
        ({"starts": np.array([1, 3, 4, 6])}, "do not fit"),
        ({"starts": np.array([0, 3, 3, 6])}, "trial '1' of task 'task' has no rows"),
        ({"trial_ids": ("a", "b", "a")}, "has trial 'a' twice"),
        ({"configs": [{}]}, "1 configs for 3 trials"),
        ({"seconds": np.array([1, 1, -0.5, 1, 1, 1])}, "negative seconds"),
    ],
)
def test_columns_that_do_not_fit_are_refused(wrong: dict[str, Any], said: str) -> None:
    message = refusal(late(replace, THREE, **wrong))
    assert "task 'task'" in message
    assert said in message


def test_a_time_that_was_not_recorded_is_no_fault() -> None:
    assert len(replace(THREE, seconds=np.array([1, math.nan, 1, 1, math.nan, 1]))) == 3


def test_values_are_those_within_the_budget() -> None:
    short = replace(THREE, task=replace(THREE.task, max_t=2))
    assert (len(short), short.lengths.tolist()) == (3, [2, 1, 2])
    assert [short.values(trial).tolist() for trial in range(3)] == [[1, 2], [4], [5, 6]]
    assert short.values(2, "test_loss").tolist() == [0.5, 0.6]
    assert [short.rows(trial) for trial in range(3)] == [slice(0, 2), slice(3, 4), slice(4, 6)]


def test_chosen_trials_keep_their_columns_in_the_order_asked_for() -> None:
    short = replace(THREE, task=replace(THREE.task, max_t=2)).chosen([2, 0])
    assert short.trial_ids == ("2", "0")
    assert short.starts.tolist() == [0, 2, 4]
    assert short.metrics["val_loss"].tolist() == [5, 6, 1, 2]
    assert short.metrics["test_loss"].tolist() == [0.5, 0.6, 0.1, 0.2]
    assert short.seconds is not None
    assert short.order is not None
    assert short.seconds.tolist() == [50, 60, 10, 20]
    assert short.order.tolist() == [3, 5, 1, 4]
    assert list(short.configs) == [{"n": 2}, {"n": 0}]
    assert short.task.max_t == 2


def test_what_was_not_recorded_is_not_there_after_a_choice() -> None:
    one = task_curves([[1, 2], [3]], "loss", "min").chosen([1])
    assert (one.seconds, one.order, list(one.configs)) == (None, None, [])
    assert len(one.chosen([])) == 0


@given(
    lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    max_t=st.integers(1, 6),
    data=st.data(),
)
def test_a_chosen_trial_is_the_trial_itself(
    lengths: list[int], max_t: int, data: st.DataObject
) -> None:
    curves = recorded(
        [[at + step / 8 for step in range(n)] for at, n in enumerate(lengths)], max_t=max_t
    )
    picked = data.draw(st.permutations(range(len(lengths))))[: data.draw(st.integers(0, 6))]
    some = curves.chosen(picked)
    assert some.trial_ids == tuple(str(at) for at in picked)
    for at, trial in enumerate(picked):
        assert some.values(at).tolist() == curves.values(trial).tolist()
    again = some.chosen(range(len(some)))
    assert again.metrics["val_loss"].tolist() == some.metrics["val_loss"].tolist()


@pytest.mark.parametrize(
    ("metric", "columns", "expected"),
    [
        ("val_loss", {"test_loss": 0.5}, "test_loss"),
        ("eval_acc", {"test_acc": 0.5, "test_loss": 0.5}, "test_acc"),
        ("val_loss", {"test_acc": 0.5}, None),
        ("val_loss", {"test_loss": math.nan}, None),
        ("loss", {"test_loss": 0.5}, None),
        ("train_loss", {"test_loss": 0.5}, None),
        ("val_val_x", {"test_val_x": 0.5}, "test_val_x"),
        ("loss_val_", {"test_loss_val_": 0.5}, None),
    ],
)
def test_the_test_metric_is_the_one_beside_the_objective(
    metric: str, columns: dict[str, float], expected: str | None
) -> None:
    more = {name: [[value]] for name, value in columns.items()}
    curves = task_curves([[1.0]], metric, "min", None, "made", "task", **more)
    assert curves.test_metric == expected


def test_curves_from_lists_have_the_longest_as_their_budget() -> None:
    assert task_curves([[1], [1, 2, 3]], "loss", "min").task == Task(
        "made", "task", "loss", "min", 3
    )
    assert task_curves([[1], [1, 2, 3]], "loss", "min", max_t=2).task.max_t == 2
    assert len(task_curves([], "loss", "min")) == 0


def test_lists_that_do_not_fit_are_refused() -> None:
    assert "Task.max_t" in refusal(late(task_curves, [[1, 2]], "loss", "min", max_t=0))
    message = refusal(late(task_curves, [[1, 2], [3]], "loss", "min", acc=[[1], [2, 3]]))
    assert "'acc'" in message
    assert "'loss'" in message
    assert "has no rows" in refusal(late(task_curves, [[1], []], "loss", "min"))
