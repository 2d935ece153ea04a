"""Many policies on many streams: in order, on several cores, and refused before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.builders import late, refusal
from tests.replay.schedulers import recorded
from tune_es.replay import Cluster, InOrder, Run, Score, Task, TaskCurves, lab, replay, stream
from tune_es.replay.lab import judge
from tune_es.replay.policies import Candidate, candidate, candidates


def task(name: str, mode: str = "min", trials: int = 12, length: int = 8) -> TaskCurves:
    """Curves that fall at different speeds, and cross."""
    sign = 1 if mode == "min" else -1
    rows = [
        [
            sign * (at % 5 + 1) * math.exp(-step * (1 + at % 3) / 9)
            for step in range(length - at % 2)
        ]
        for at in range(trials)
    ]
    curves = recorded(
        rows, mode=mode, seconds=[[1.0 + at % 2] * len(row) for at, row in enumerate(rows)]
    )
    return replace(curves, task=replace(curves.task, name=name))


TASKS = [task("one"), task("two", "max", trials=7)]
PROMOTIONS = (
    "AdaptiveQuota",
    "AsyncHalving",
    "{stop: safe, promotion: {RungTable: {keep: {2: 3}}}}",
)
COMPILED = ("halving", "{Patience: {patience: 1}}", "median", *PROMOTIONS)
POLICIES = candidates(["full", *COMPILED])
CLUSTER = Cluster(3, startup_s=2.0)
RUNS: dict[str, Any] = {"trials": 9, "seeds": 7, "cluster": CLUSTER, "price_per_hour": 3600.0}


@pytest.fixture(scope="module")
def scores() -> list[Score]:
    return judge(TASKS, POLICIES, **RUNS)


def test_scores_come_task_by_task_then_seed_by_seed_then_policy_by_policy(
    scores: list[Score],
) -> None:
    assert [(each.task, each.seed, each.policy) for each in scores] == [
        (curves.task.name, seed, each.name)
        for curves in TASKS
        for seed in range(7)
        for each in POLICIES
    ]


def test_a_score_is_that_of_a_replay_of_its_stream(scores: list[Score]) -> None:
    for score in scores[:: len(POLICIES) + 1]:
        curves = next(each for each in TASKS if each.task.name == score.task)
        each = next(each for each in POLICIES if each.name == score.policy)
        drawn = stream(curves, 9, score.seed, CLUSTER)
        scheduler = each.make(curves.task, len(drawn.curves))
        run = replay(scheduler, drawn.curves, CLUSTER, score.seed)
        assert repr(drawn.score(run, each.name, 3600.0)) == repr(score)


def test_seconds_that_were_not_recorded_are_those_of_a_stream() -> None:
    """Where a limit in time stops a trial depends on the others of the stream then."""
    seconds = np.random.default_rng(0).choice([1.0, 4.0, math.nan], int(TASKS[0].starts[-1]))
    holed = [replace(TASKS[0], seconds=seconds)]
    policies = candidates(["{Budget: {seconds: 9}}", "halving", "AdaptiveQuota"])
    for score in judge(holed, policies, **{**RUNS, "trials": 5}):
        drawn = stream(holed[0], 5, score.seed, CLUSTER)
        each = next(each for each in policies if each.name == score.policy)
        run = replay(each.make(holed[0].task, 5), drawn.curves, CLUSTER)
        assert score.seconds == pytest.approx(run.seconds.sum())
        assert score.steps == run.steps.sum()
        assert score.makespan == pytest.approx(run.makespan / drawn.full_makespan)


def test_the_engine_is_for_what_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def counted(*of: Any) -> Run:
        asked.append(1)
        return replay(*of)

    monkeypatch.setattr(lab, "replay", counted)
    judge(TASKS, candidates(COMPILED), **RUNS)
    assert not asked
    judge(TASKS, candidates(["full"]), **RUNS)
    judge(TASKS, candidates(["halving"]), **{**RUNS, "cluster": Cluster(2, failure_rate=0.1)})
    assert len(asked) == 2 * 2 * 7


def test_full_costs_one_and_misses_nothing_and_the_others_cost_less(scores: list[Score]) -> None:
    full = [each for each in scores if each.policy == "full"]
    assert {(each.cost, each.regret, each.makespan, each.cost_seconds) for each in full} == {
        (1.0, 0.0, 1.0, 1.0)
    }
    assert all(each.money == pytest.approx(each.seconds) for each in scores)
    assert min(each.cost for each in scores if each.policy == "halving") < 0.8


def test_two_processes_give_the_scores_of_one(scores: list[Score]) -> None:
    done: list[int] = []
    apart = judge(TASKS, POLICIES, processes=2, on_done=done.append, **RUNS)
    assert repr(apart) == repr(scores)
    assert sum(done) == 2 * 7


def test_the_streams_done_are_counted() -> None:
    done: list[int] = []
    judge(TASKS, POLICIES[:1], trials=2, seeds=7, on_done=done.append)
    assert sum(done) == 14
    assert all(count > 0 for count in done)
    assert len(done) > 2


def test_fewer_seeds_are_the_first_ones(scores: list[Score]) -> None:
    fewer = judge(TASKS[:1], POLICIES, **{**RUNS, "seeds": 2})
    assert repr(fewer) == repr(scores[: len(fewer)])


def test_another_policy_beside_it_changes_no_score(scores: list[Score]) -> None:
    alone = judge(TASKS, POLICIES[1:2], **RUNS)
    assert repr(alone) == repr([each for each in scores if each.policy == "halving"])


def test_failures_follow_the_seed_and_are_the_same_for_every_policy() -> None:
    cluster = Cluster(2, failure_rate=0.1, max_failures=0)
    twice = [replace(candidate("full"), name=name) for name in ("one", "other")]
    found = judge(TASKS[:1], twice, trials=12, seeds=4, cluster=cluster)
    assert [each.failed for each in found[::2]] == [each.failed for each in found[1::2]]
    for score in found:
        drawn = stream(TASKS[0], 12, score.seed, cluster)
        run = replay(InOrder(), drawn.curves, cluster, score.seed)
        assert (score.failed, score.steps) == (len(run.failed), run.steps.sum())


def test_a_policy_hears_how_many_trials_will_come() -> None:
    heard: list[tuple[str, int]] = []

    def make(of: Task, trials: int) -> InOrder:
        heard.append((of.name, trials))
        return InOrder()

    judge(TASKS, [Candidate("curious", make)], trials=9, seeds=1)
    assert heard == [("one", 9), ("two", 7)]


def never(of: Task, trials: int) -> InOrder:
    raise AssertionError("something ran")


def untouched(name: str, tasks: list[TaskCurves] = TASKS, **more: Any) -> Callable[[], Any]:
    """A call in which a first policy would fail if anything ran before all is checked."""
    return late(judge, tasks, [Candidate("first", never), candidate(name)], seeds=1, **more)


@pytest.mark.parametrize("field", ["trials", "seeds", "processes"])
@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_counts_below_one_are_refused(field: str, value: Any) -> None:
    message = refusal(late(judge, TASKS, [Candidate("first", never)], **{field: value}))
    assert message.startswith(f"judge.{field} must be a whole number of at least 1")


def test_a_policy_that_reads_what_the_curves_lack_is_refused() -> None:
    text = "{stop: {OverfitGap: {train_metric: train_loss}}, other_metrics: {train_loss: min}}"
    message = refusal(untouched(text))
    assert "on task 'one'" in message
    assert "train_loss" in message
    assert "policy '{stop:" in message


def test_a_rule_that_judges_the_metric_of_another_task_is_refused() -> None:
    text = "{metric: loss, mode: min, stop: {Patience: {metric: loss}}}"
    message = refusal(untouched(text))
    assert "on task 'one'" in message
    assert "'loss'" in message


def test_stopping_parameters_of_the_recorded_sweep_are_not_those_of_a_policy() -> None:
    flat = recorded([[1.0] * 8] * 3, configs=[{"es": {"patience": 1}}, {"es/min_delta": 0.1}, {}])
    for name in ("Patience", "median"):
        (found,) = judge([flat], [candidate(name)], trials=3, seeds=1)
        assert (found.stopped, found.steps) == (0, 24)


def test_two_policies_of_one_name_are_refused() -> None:
    twice = [Candidate("first", never), Candidate("first", never)]
    assert "'first'" in refusal(late(judge, TASKS, twice))


def test_no_task_and_no_policy_are_refused() -> None:
    assert "each task once, and one at least" in refusal(late(judge, [], POLICIES))
    assert "each policy once" in refusal(late(judge, TASKS, []))
