"""Events put together: lives, pauses, losses, restores, and events that make no sense."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_es import Patience, Policy
from tune_es.monitoring import Experiment, Status, Why, summary
from tune_es.monitoring.story import Story

POLICY = Policy("loss", "min", stop=Patience(2), max_t=5)
STALLED = Why.of(POLICY.first_stop([0.5, 0.6, 0.7]))


def told(*events: dict[str, Any], policy: Policy | None = POLICY) -> Experiment:
    """The sweep that these events tell of, one a second."""
    story = Story(Path("sweep"))
    plain = None if policy is None else policy.to_dict()
    for at, event in enumerate([{"event": "sweep", "policy": plain}, *events]):
        story.take({"time": float(at), **event})
    return story.experiment("loss", "min")


def start(trial: str = "a") -> dict[str, Any]:
    return {"event": "start", "trial": trial}


def result(step: float, loss: float, trial: str = "a", **more: Any) -> dict[str, Any]:
    values = {"loss": loss}
    where = {"where": "node:1", "seconds": 2.0}
    return {"event": "result", "trial": trial, "step": step, "values": values, **where, **more}


def end(trial: str = "a", **more: Any) -> dict[str, Any]:
    return {"event": "end", "trial": trial, **more}


def test_a_trial_that_is_stopped_says_why() -> None:
    assert STALLED is not None
    why = STALLED.as_dict()
    experiment = told(start(), result(1, 0.5), result(2, 0.6), result(3, 0.7, why=why), end())
    (trial,) = experiment.trials
    assert (trial.status, trial.why) == (Status.STOPPED, STALLED)
    assert [*trial.values["loss"]] == [0.5, 0.6, 0.7]
    (span,) = trial.spans
    assert (span.start, span.end, span.ended, span.where) == (1.0, 5.0, "stopped", "node:1")
    assert (span.first, span.last) == (1, 3)


def test_who_came_to_the_end_of_the_budget_has_finished_and_so_has_who_ended_alone() -> None:
    full = Why(5, "EXHAUSTED", "Budget", {}, "budget used: Budget ()").as_dict()
    experiment = told(
        *(result(step, 0.1) for step in range(1, 5)), result(5, 0.1, why=full), end(),
        result(1, 0.2, "b"), end("b"),
        result(1, 0.2, "c", done=True), end("c"),
        result(1, 0.2, "d"), end("d", failed=True, error="boom"),
    )  # fmt: skip
    stands = [each.status for each in experiment.trials]
    assert stands == [Status.FINISHED, Status.FINISHED, Status.STOPPED, Status.FAILED]
    assert experiment.trials[3].error == "boom"


def test_an_earlier_step_is_a_new_life() -> None:
    experiment = told(
        start(), result(1, 0.5), result(2, 0.4, action="PAUSE"), start(), result(3, 0.3),
        start(), result(2, 0.45),
    )  # fmt: skip
    (trial,) = experiment.trials
    assert [*trial.steps] == [1, 2]
    assert [*trial.values["loss"]] == [0.5, 0.45]
    assert [*trial.pauses] == []
    assert [span.ended for span in trial.spans] == ["paused", "lost", "running"]


def test_a_trial_waits_where_it_was_paused() -> None:
    (trial,) = told(start(), result(1, 0.5), result(2, 0.4, action="PAUSE")).trials
    assert (trial.status, [*trial.pauses]) == (Status.PAUSED, [2])
    assert trial.spans[0].ended == "paused"


def test_a_sweep_that_begins_again_broke_off_when_it_was_last_heard_of() -> None:
    again = {"event": "sweep", "time": 100.0, "policy": POLICY.to_dict()}
    experiment = told(start(), result(1, 0.5), start("b"), again, start("b"))
    first, second = experiment.trials
    assert (first.status, second.status) == (Status.PENDING, Status.RUNNING)
    assert (first.spans[0].end, first.spans[0].ended) == (3.0, "lost")
    assert not experiment.is_over


def test_metrics_that_come_late_or_stay_away_are_nan() -> None:
    late = result(2, 0.4)
    late["values"] = {"f1": 0.9}
    (trial,) = told(result(1, 0.5), late).trials
    assert [math.isnan(each) for each in trial.values["loss"]] == [False, True]
    assert [math.isnan(each) for each in trial.values["f1"]] == [True, False]


def test_the_metric_of_the_policy_may_come_with_a_later_step() -> None:
    story, first = Story(Path("sweep")), result(1, 0.5)
    story.take({"time": 0.0, "event": "sweep", "policy": POLICY.to_dict()})
    story.take({"time": 1.0, **first, "values": {"train": 0.5}})
    assert "no trial has reported a finite loss" in summary(story.experiment())
    story.take({"time": 2.0, "event": "over"})
    with pytest.raises(ValueError, match="no result has a metric 'loss'"):
        story.experiment()


@pytest.mark.parametrize(
    ("metric", "mode", "said"),
    [
        (None, None, "must be given; metrics: loss"),
        ("los", "min", "no result has a metric 'los'; did you mean 'loss'"),
        ("loss", None, "the mode of 'loss' must be given, min or max"),
        ("loss", "minimum", "did you mean 'min'"),
    ],
)
def test_without_a_policy_the_metric_and_its_mode_are_asked_for(
    metric: str | None, mode: str | None, said: str
) -> None:
    story = Story(Path("sweep"))
    story.take({"time": 0.0, **result(1, 0.5)})
    with pytest.raises(ValueError, match=said):
        story.experiment(metric, mode)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
KEYS = ("time", "trial", "step", "values", "why", "action", "config", "name", "policy", "planned")
KINDS = ("sweep", "trial", "start", "result", "end", "over", "alive", "odd")
EVENTS = st.builds(
    lambda kind, more: {**more, "event": kind},
    st.sampled_from(KINDS),
    st.dictionaries(st.sampled_from((*KEYS, "seconds", "where", "left", "done")), ANYTHING),
)


@given(st.lists(EVENTS, max_size=12))
def test_no_event_raises_whatever_it_holds(events: list[dict[str, Any]]) -> None:
    story = Story(Path("sweep"))
    for event in events:
        story.take(event)
    experiment = story.experiment("loss", "min") if not _others(story) else None
    if experiment is not None:
        assert summary(experiment)


def _others(story: Story) -> bool:
    """True where results have metrics, and none is the loss: that is refused, and rightly."""
    names = {name for each in story._trials.values() for name in each.values}
    return bool(names) and "loss" not in names
