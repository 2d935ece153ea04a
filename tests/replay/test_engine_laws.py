"""Laws of a replay, and a slow simulator that counts ticks beside the fast one."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.schedulers import Chaos, Halving, Logged, recorded
from tests.strategies import leaves, levels
from tune_es import Action, BelowMedian, Criterion, Patience, Policy, SuccessiveHalving
from tune_es.replay import (
    Cluster,
    InOrder,
    PolicyScheduler,
    Run,
    Scheduler,
    Stream,
    TaskCurves,
    replay,
)
from tune_es.replay.scorecard import makespan

PEERS: dict[str, Criterion] = {
    "median": BelowMedian(1, 1),
    "halving": SuccessiveHalving(1, 2),
    "either": Patience(2) | BelowMedian(1, 1),
    "both": Patience(1) & SuccessiveHalving(1, 1.5),
}


def judging(stop: Criterion, mode: str = "min", max_t: float = 12) -> PolicyScheduler:
    return PolicyScheduler(Policy("val_loss", mode, stop=stop, max_t=max_t))


MAKERS: dict[str, Callable[[], Scheduler]] = {
    **{name: partial(judging, stop) for name, stop in PEERS.items()},
    "pausing": Halving,
    "chaos": lambda: Chaos(1),
    "in order": InOrder,
}

values = levels | st.sampled_from([math.nan, math.inf, 0.1])
#: Sums of these are exact in any order.
times = st.sampled_from([0.25, 0.5, 1.0, 1.5, 4.0])


@st.composite
def tasks(draw: st.DrawFn, least: int = 1) -> TaskCurves:
    """Curves of a few trials, with a time for every step."""
    lengths = draw(st.lists(st.integers(1, 9), min_size=least, max_size=7))
    return recorded(
        [draw(st.lists(values, min_size=size, max_size=size)) for size in lengths],
        seconds=[draw(st.lists(times, min_size=size, max_size=size)) for size in lengths],
        max_t=draw(st.integers(1, 9)),
    )


clusters = st.builds(
    Cluster,
    workers=st.integers(1, 4),
    startup_s=st.sampled_from([0.0, 0.5, 2.0]),
    resume_s=st.sampled_from([0.0, 0.25]),
    failure_rate=st.sampled_from([0.0, 0.0, 0.2]),
    max_failures=st.integers(0, 3),
    checkpoint_every=st.integers(0, 3),
    ahead=st.none() | st.integers(1, 3),
)


def same(one: Run, other: Run) -> bool:
    """NaN is nowhere in a run, so that repr tells two apart."""
    return repr(one) == repr(other)


def other_future(curves: TaskCurves, trial: int, step: int, future: list[float]) -> TaskCurves:
    """The curves with other values of one trial after a step."""
    rows = curves.rows(trial)
    column = curves.metrics["val_loss"].copy()
    column[rows.start + step : rows.stop] = future[: rows.stop - rows.start - step]
    return replace(curves, metrics={"val_loss": column})


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=40)
@given(data=st.data(), curves=tasks(2), cluster=clusters, seed=st.integers(0, 3))
def test_a_future_that_has_not_happened_changes_nothing(
    kind: str, data: st.DataObject, curves: TaskCurves, cluster: Cluster, seed: int
) -> None:
    trial = data.draw(st.integers(0, len(curves) - 1))
    step = data.draw(st.integers(0, int(curves.lengths[trial]) - 1))
    future = data.draw(st.lists(values, min_size=9, max_size=9))
    here, there = Logged(MAKERS[kind]()), Logged(MAKERS[kind]())
    run = replay(here, curves, cluster, seed)
    other = replay(there, other_future(curves, trial, step, future), cluster, seed)
    name = curves.trial_ids[trial]
    assert here.before(name, step + 1) == there.before(name, step + 1)
    reports = sum(call[0] == "report" for call in here.before(name, step + 1))
    assert run.events[:reports] == other.events[:reports]
    if reports == len(run.events):
        assert same(run, other)


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=15)
@given(curves=tasks(), cluster=clusters, seed=st.integers(0, 9))
def test_the_same_sweep_twice_is_the_same_sweep(
    kind: str, curves: TaskCurves, cluster: Cluster, seed: int
) -> None:
    before = {name: column.tobytes() for name, column in curves.metrics.items()}
    runs = [replay(MAKERS[kind](), curves, cluster, seed) for _ in range(2)]
    assert same(*runs)
    assert {name: column.tobytes() for name, column in curves.metrics.items()} == before


@pytest.mark.parametrize("kind", MAKERS)
@settings(max_examples=40)
@given(curves=tasks(), cluster=clusters, seed=st.integers(0, 9))
def test_nothing_is_lost_and_nobody_does_two_things_at_once(
    kind: str, curves: TaskCurves, cluster: Cluster, seed: int
) -> None:
    logged = Logged(MAKERS[kind]())
    run = replay(logged, curves, cluster, seed)
    by_trial = Counter(event.trial for event in run.events)
    lost = run.steps - [by_trial[trial] for trial in range(len(curves))]
    assert (lost >= 0).all()
    assert (lost <= cluster.max_failures + 1).all()
    assert cluster.failure_rate > 0 or not lost.any()
    assert set(run.failed) == set(np.flatnonzero(lost > cluster.max_failures).tolist())
    for trial in range(len(curves)):
        mine = [span for span in run.spans if span.trial == trial]
        assert run.seconds[trial] == sum(span.end - span.start for span in mine)
        steps = [event.step for event in run.events if event.trial == trial]
        assert run.reached[trial] == max(steps, default=0)
        assert all(after <= before + 1 for before, after in pairwise(steps))
        assert all(one.end <= two.start for one, two in pairwise(mine))
    for worker in range(cluster.workers):
        work = sorted(span[2:4] for span in run.spans if span.worker == worker)
        assert all(one[1] <= two[0] for one, two in pairwise(work))
    assert {span.worker for span in run.spans} <= set(range(cluster.workers))
    assert run.makespan == max((span.end for span in run.spans), default=0)
    assert [event.time for event in run.events] == sorted(event.time for event in run.events)
    assert [span.end for span in run.spans] == sorted(span.end for span in run.spans)
    assert len(set(run.cut)) == len(run.cut)
    for trial in run.cut:
        assert run.reached[trial] == curves.lengths[trial] < curves.task.max_t
        assert [each.action for each in run.events if each.trial == trial][-1] is Action.PAUSE
    ended = [name for name, _ in logged.named("end")]
    assert sorted(ended) == sorted(name for name, _ in logged.named("add"))
    assert len(logged.named("report")) == len(run.events)


@settings(max_examples=60)
@given(curves=tasks(), cluster=clusters)
def test_training_everything_costs_one_and_loses_nothing(
    curves: TaskCurves, cluster: Cluster
) -> None:
    cluster = replace(cluster, failure_rate=0.0)
    curves = curves.chosen(range(len(curves)))
    run = replay(InOrder(), curves, cluster)
    assert run.reached.tolist() == run.steps.tolist() == curves.lengths.tolist()
    assert run.makespan == makespan(run.seconds, cluster.workers)
    if np.isfinite(curves.metrics["val_loss"]).any():
        score = Stream(curves, 0, cluster).score(run, "full")
        assert (score.cost, score.regret, score.makespan, score.cost_seconds) == (1, 0, 1, 1)
        assert (score.stopped, score.failed) == (0, 0)
        assert 1 / cluster.workers <= score.worker_use <= 1


@pytest.mark.parametrize("kind", PEERS)
@settings(max_examples=30)
@given(curves=tasks(2), cluster=clusters, seed=st.integers(0, 3))
def test_a_maximum_is_the_minimum_of_the_negative(
    kind: str, curves: TaskCurves, cluster: Cluster, seed: int
) -> None:
    mirrored = replace(
        curves,
        task=replace(curves.task, mode="max"),
        metrics={"val_loss": -curves.metrics["val_loss"]},
    )
    runs = [
        replay(judging(PEERS[kind], mode), each, cluster, seed)
        for mode, each in (("min", curves), ("max", mirrored))
    ]
    assert same(*runs)


@settings(max_examples=60)
@given(
    rule=leaves, curves=tasks(), workers=st.integers(1, 5), startup=times, ahead=st.integers(1, 9)
)
def test_a_rule_that_sees_one_curve_stops_it_where_it_would_stop_alone(
    rule: Criterion, curves: TaskCurves, workers: int, startup: float, ahead: int
) -> None:
    policy = Policy("val_loss", "min", stop=rule, max_t=curves.task.max_t)
    stops = [policy.first_stop(curves.values(trial).tolist()) for trial in range(len(curves))]
    alone = [
        int(curves.lengths[at]) if stop is None else stop.step for at, stop in enumerate(stops)
    ]
    for cluster in (Cluster(1), Cluster(workers, startup_s=startup, ahead=ahead)):
        run = replay(PolicyScheduler(policy), curves, cluster)
        assert run.reached.tolist() == run.steps.tolist() == alone
        assert sum(event.action is Action.STOP for event in run.events) == sum(map(bool, stops))


@settings(max_examples=60)
@given(curves=tasks(), cluster=clusters, seed=st.integers(0, 5))
def test_a_trial_that_comes_back_is_decided_on_as_before(
    curves: TaskCurves, cluster: Cluster, seed: int
) -> None:
    cluster = replace(cluster, failure_rate=0.3, max_failures=5)
    scheduler = judging(PEERS["either"])
    run = replay(scheduler, curves, cluster, seed)
    said = dict[tuple[int, int], Action]()
    for event in run.events:
        assert said.setdefault((event.trial, event.step), event.action) is event.action
    assert scheduler.referee.judged == len(said)


def rungs_at(grace: int, factor: Fraction, step: int) -> int:
    """How many rungs are at or before a step."""
    count, rung = 0, Fraction(grace)
    while rung <= step:
        count, rung = count + 1, rung * factor
    return count


@settings(max_examples=60)
@given(
    curves=tasks(2),
    cluster=clusters,
    grace=st.integers(1, 3),
    factor=st.sampled_from(["1.4", "1.5", "2", "2.2", "3"]),
)
def test_successive_halving_in_a_sweep_follows_from_the_results_so_far(
    curves: TaskCurves, cluster: Cluster, grace: int, factor: str
) -> None:
    """Told again from the events alone, with fractions."""
    cluster = replace(cluster, failure_rate=0.0)
    rule = SuccessiveHalving(grace, float(factor))
    policy = Policy("val_loss", "min", stop=rule, nonfinite_patience=None, explosion_factor=None)
    best: dict[int, dict[int, float]] = {}
    for event in replay(PolicyScheduler(policy), curves, cluster).events:
        seen = curves.values(event.trial)[: event.step]
        finite = seen[np.isfinite(seen)]
        here = best.setdefault(event.step, {})
        mine = float(finite.min()) if len(finite) else math.inf
        others = list(here.values())
        if math.isfinite(seen[-1]):
            here[event.trial] = mine
        rungs = [rungs_at(grace, Fraction(factor), at) for at in (event.step - 1, event.step)]
        kept = math.ceil(Fraction(len(others) + 1) / Fraction(factor))
        rank = sum(other < mine for other in others)
        stops = rungs[0] < rungs[1] and math.isfinite(mine) and rank >= kept
        assert event.action is (Action.STOP if stops else Action.CONTINUE)


# The oracle: time goes by in ticks, workers are asked one after the other what they have done.


class _Job(NamedTuple):
    trial: int
    began: int
    order: int


class Ticking:
    """Slow and obvious: every worker counts down its seconds, which are whole numbers."""

    def __init__(
        self, scheduler: Scheduler, curves: TaskCurves, cluster: Cluster, lost: list[set[int]]
    ) -> None:
        self.scheduler, self.curves, self.cluster, self.lost = scheduler, curves, cluster, lost
        count = len(curves)
        self.coming = list(range(count))
        self.pending, self.paused = list[int](), list[int]()
        self.failed, self.cut = list[int](), list[int]()
        self.left = dict[_Job, int]()
        self.now = self.given = 0
        self.step, self.saved, self.retries = [0] * count, [0] * count, [0] * count
        self.steps, self.seconds, self.reached = [0] * count, [0] * count, [0] * count
        self.events = list[tuple[int, int, int, Action]]()

    def run(self) -> Ticking:
        self.hand_out()
        while self.left:
            self.now += 1
            for job in self.left:
                self.left[job] -= 1
                self.seconds[job.trial] += 1
            over = [job for job, left in self.left.items() if not left]
            for job in sorted(over, key=lambda each: (each.began, each.order)):
                self.ends(job)
                self.hand_out()
        for trial in self.paused + self.pending:
            self.scheduler.end(str(trial), failed=False)
        return self

    def hand_out(self) -> None:
        while len(self.left) < self.cluster.workers:
            while self.coming and len(self.pending) < (self.cluster.ahead or math.inf):
                self.scheduler.add(str(self.coming[0]), {})
                self.pending.append(self.coming.pop(0))
            if not self.pending and not self.paused:
                return
            names = [[str(trial) for trial in some] for some in (self.pending, self.paused)]
            chosen = self.scheduler.choose(*names)
            if chosen is None:
                return
            trial = int(chosen)
            (self.pending if trial in self.pending else self.paused).remove(trial)
            if self.step[trial] == self.curves.lengths[trial]:
                self.cut.append(trial)
                self.scheduler.end(chosen, failed=False)
                continue
            cost = self.cluster.resume_s if self.step[trial] else self.cluster.startup_s
            self.begin(trial, int(cost))

    def begin(self, trial: int, wait: int) -> None:
        assert self.curves.seconds is not None
        length = int(self.curves.seconds[self.curves.rows(trial)][self.step[trial]])
        self.given += 1
        self.steps[trial] += 1
        self.left[_Job(trial, self.now + wait, self.given)] = wait + length

    def ends(self, job: _Job) -> None:
        del self.left[job]
        trial = job.trial
        if self.steps[trial] in self.lost[trial]:
            self.retries[trial] += 1
            if self.retries[trial] > self.cluster.max_failures:
                self.failed.append(trial)
                self.scheduler.end(str(trial), failed=True)
            else:
                self.step[trial] = self.saved[trial]
                self.pending.append(trial)
            return
        at = self.step[trial] = self.step[trial] + 1
        if self.cluster.checkpoint_every and at % self.cluster.checkpoint_every == 0:
            self.saved[trial] = at
        self.reached[trial] = max(self.reached[trial], at)
        value = float(self.curves.values(trial)[at - 1])
        assert self.curves.seconds is not None
        spent = float(self.curves.seconds[self.curves.rows(trial)][:at].sum())
        result = {"val_loss": value, "training_iteration": at, "time_total_s": spent}
        action = self.scheduler.report(str(trial), result)
        self.events.append((self.now, trial, at, action))
        if action is Action.PAUSE and at < self.curves.task.max_t:
            self.saved[trial] = at
            self.paused.append(trial)
        elif action is Action.STOP or at == self.curves.lengths[trial]:
            self.scheduler.end(str(trial), failed=False)
        else:
            self.begin(trial, 0)


def lost_attempts(trials: int, rate: float, seed: int) -> list[set[int]]:
    """Which of its steps every trial loses, counted as they are run: seen on long curves.

    A trial's failures are its own, so that they are the same in any other sweep.
    """
    cluster = Cluster(failure_rate=rate, max_failures=10**6)
    run = replay(InOrder(), recorded([[0.0] * 90] * trials), cluster, seed)
    lost = []
    for trial in range(trials):
        ends = [span.step for span in run.spans if span.trial == trial][:-1]
        lost.append({step + at for at, step in enumerate(ends, start=1)})
    return lost


@st.composite
def ticking_tasks(draw: st.DrawFn) -> TaskCurves:
    lengths = draw(st.lists(st.integers(1, 7), min_size=1, max_size=6))
    return recorded(
        [draw(st.lists(levels, min_size=size, max_size=size)) for size in lengths],
        seconds=[
            draw(st.lists(st.integers(1, 4).map(float), min_size=size, max_size=size))
            for size in lengths
        ],
    )


ticking_clusters = st.builds(
    Cluster,
    workers=st.integers(1, 4),
    startup_s=st.integers(0, 3).map(float),
    resume_s=st.integers(0, 3).map(float),
    failure_rate=st.sampled_from([0.0, 0.15]),
    max_failures=st.integers(0, 3),
    checkpoint_every=st.integers(0, 3),
    ahead=st.none() | st.integers(1, 3),
)


@settings(max_examples=200)
@given(
    curves=ticking_tasks(),
    cluster=ticking_clusters,
    seed=st.integers(0, 20),
    make=st.sampled_from(sorted(MAKERS)) | st.integers(0, 200),
)
def test_the_engine_does_what_the_slow_one_does(
    curves: TaskCurves, cluster: Cluster, seed: int, make: Any
) -> None:
    build = MAKERS[make] if isinstance(make, str) else lambda: Chaos(make)
    lost = [set[int]() for _ in curves.trial_ids]
    if cluster.failure_rate:
        lost = lost_attempts(len(curves), cluster.failure_rate, seed)
    fast, slow = Logged(build()), Logged(build())
    run = replay(fast, curves, cluster, seed)
    oracle = Ticking(slow, curves, cluster, lost).run()
    assert fast.calls == slow.calls
    assert [tuple(event) for event in run.events] == oracle.events
    assert run.reached.tolist() == oracle.reached
    assert run.steps.tolist() == oracle.steps
    assert run.seconds.tolist() == oracle.seconds
    assert (list(run.failed), run.makespan) == (oracle.failed, oracle.now)
    assert list(run.cut) == oracle.cut
