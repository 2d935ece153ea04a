"""The vectorised path stops every trial where the live objects do."""

from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.architecture.tree import ROOT
from tests.builders import refusal
from tests.replay.fast_cases import LONGEST, live_stops, policies, task_curves, trials_of
from tests.samples import MAX_T, SCORES, criterion_samples, observations, policy_with
from tune_es import (
    Adaptive,
    BelowMedian,
    Budget,
    Criterion,
    DecayingDelta,
    Divergence,
    Every,
    Patience,
    Plateau,
    Policy,
    Smoothed,
    Target,
    WindowGain,
)
from tune_es.records import Action
from tune_es.replay import Cluster, PolicyScheduler, TaskCurves, replay
from tune_es.replay.fast import Stops, has_kernel, stopping, stops
from tune_es.replay.fast.registry import KERNELS

NAN, INF = math.nan, math.inf
#: Stepped as it is: it hands on observations of some steps only.
WITHOUT_KERNEL = {"Cyclic"}

OWN_CURVE = {
    name: criterion for name, criterion in criterion_samples().items() if not criterion.uses_peers
}


def pairs(found: Stops) -> list[tuple[int, int]]:
    return list(zip(found.at.tolist(), found.causes.tolist(), strict=True))


def named(found: Stops) -> list[tuple[int, str | None]]:
    causes = [found.cause(trial) for trial in range(len(found))]
    return [
        (at, None if cause is None else cause.name)
        for at, cause in zip(found.at.tolist(), causes, strict=True)
    ]


@settings(max_examples=300)
@given(st.data(), task_curves())
def test_stops_are_those_of_the_live_objects(data: st.DataObject, curves: TaskCurves) -> None:
    policy = data.draw(policies(curves.task.mode))
    found = stops(policy, curves, step_s=2.5)
    assert pairs(found) == live_stops(policy, curves, step_s=2.5)


def sample_trials() -> TaskCurves:
    """The sample curves of the contract tests, with the other metrics they have there."""
    whole = [scores for scores in SCORES.values() if None not in scores]
    trials = [[score for score in scores if score is not None] for scores in whole]
    others: dict[str, list[list[float]]] = {"f1": [], "loss": [], "train": []}
    for scores in trials:
        seen = observations(scores)
        for name, columns in others.items():
            sign = seen[0].sign_of(name)
            columns.append([sign * each.values[name] for each in seen])
    return trials_of(*trials, mode="max", max_t=MAX_T, metrics=others)


@pytest.mark.parametrize("criterion", OWN_CURVE.values(), ids=OWN_CURVE)
def test_every_sample_stops_where_it_does_live(criterion: Criterion) -> None:
    policy, curves = policy_with(criterion), sample_trials()
    assert pairs(stops(policy, curves)) == live_stops(policy, curves)


def test_it_is_said_what_has_a_kernel() -> None:
    fast = {type(each) for each in OWN_CURVE.values() if has_kernel(each)}
    assert fast == set(KERNELS)
    slow = {type(each).__name__ for each in OWN_CURVE.values() if not has_kernel(each)}
    assert slow >= WITHOUT_KERNEL


@settings(max_examples=60)
@given(st.data(), task_curves(), st.sampled_from([1, 2]))
def test_stops_are_those_of_the_engine(
    data: st.DataObject, curves: TaskCurves, workers: int
) -> None:
    policy = data.draw(policies(curves.task.mode))
    run = replay(PolicyScheduler(policy), curves, Cluster(workers, step_s=2.5))
    stopped = {event.trial for event in run.events if event.action is Action.STOP}
    found = stops(policy, curves, step_s=2.5)
    assert found.evaluations.tolist() == run.reached.tolist()
    assert set(np.flatnonzero(found.at).tolist()) == stopped


@pytest.mark.parametrize(
    ("rule", "trial", "expected"),
    [
        (Patience(2), [0.9, 0.5, 0.6, 0.5, 0.4], (4, "STALLED")),
        (Patience(2), [3.0, 2.0, 1.0], (0, None)),
        (Patience(2, noise_factor=1.0), [5.0, 4, 3, 2, 1, 3, 1, 3, 1, 3], (7, "STALLED")),
        (Patience(2, min_delta=0.1, relative=True), [1.0, 0.95, 0.92, 0.5], (3, "STALLED")),
        (Patience(2, 2, 0.1, relative=True, baseline=5.0), [4.6, 4.6, 4.6], (2, "STALLED")),
        (Patience(9, stopping_threshold=1.0), [3.0, 1.0], (2, "REACHED")),
        (Patience(9, stopping_threshold=1.0), [3.0, -INF], (0, None)),
        (Patience(9, divergence_threshold=4.0), [3.0, 4.0, INF], (3, "HOPELESS")),
        (Patience(9, check_finite=True), [3.0, -INF], (2, "BROKEN")),
        (DecayingDelta(2, min_delta=1.0), [3.0, 2.9, 2.8, 0.1], (3, "STALLED")),
        (Adaptive.balanced(), [1.0] * 20, (7, "STALLED")),
        (WindowGain(2, 2, 0.1, relative=False), [1.0, 0.94, 0.88, 0.82, 0.8], (5, "STALLED")),
        (Plateau(0.01, window=3, grace_period=0), [2.0, 1.0, 1.0, 1.0], (4, "STALLED")),
        (Patience(9), [1.0, NAN, NAN, NAN], (4, "BROKEN")),
        (Patience(9), [1.0, *[301.0] * 5], (6, "HOPELESS")),
        (Divergence(1.0, patience=1), [1.0, 2.0, 2.5], (3, "HOPELESS")),
        (Target(0.5), [1.0, 0.5], (2, "REACHED")),
        (Budget(seconds=3), [1.0, 0.5, 0.4, 0.3], (3, "EXHAUSTED")),
        (Patience(1) & Target(0.5), [1.0, 1.0, 0.5, 0.5], (4, "REACHED")),
        (Every(3, Patience(1)), [1.0, 1.0, 0.9, 0.9, 0.9, 0.9], (6, "STALLED")),
        (Smoothed(Patience(2)), [1.0, 1.0, 1.0], (3, "STALLED")),
    ],
)  # fmt: skip
def test_known_answers(
    rule: Criterion, trial: Sequence[float], expected: tuple[int, str | None]
) -> None:
    policy = Policy("score", "min", stop=rule, max_t=LONGEST)
    assert named(stops(policy, trials_of(trial))) == [expected]


def test_a_trial_that_uses_up_its_budget_is_exhausted_and_a_shorter_one_is_not() -> None:
    policy = Policy("score", "min", stop=Patience(9), max_t=3)
    found = stops(policy, trials_of([3, 2, 1, 0], [3, 2], max_t=3))
    assert named(found) == [(3, "EXHAUSTED"), (0, None)]
    assert found.evaluations.tolist() == [3, 2]


def test_rows_beyond_the_budget_are_not_judged() -> None:
    policy = Policy("score", "min", stop=Patience(2))
    assert named(stops(policy, trials_of([1, 1, 1, 1], [1, 1, 1], max_t=2))) == [(0, None)] * 2


def test_a_mute_of_judgements_lets_broken_trials_end() -> None:
    policy = Policy("score", "min", stop=Patience(1), not_before=(2, 4), nonfinite_patience=0)
    found = stops(policy, trials_of([1, 1, 1, 1, 1], [1, 1, NAN]))
    assert named(found) == [(4, "STALLED"), (3, "BROKEN")]


def noisy_trials(steps: int, count: int) -> TaskCurves:
    """Long noisy curves with plateaus, jumps and gaps, from a seed."""
    draw = np.random.default_rng(7)
    trials = []
    for _ in range(count):
        at = np.arange(1, steps + 1)
        values = draw.uniform(0, 2) + at ** -draw.uniform(0.1, 2)
        values += draw.normal(0, 10 ** draw.uniform(-6, -1), steps)
        values[draw.random(steps) < draw.choice([0, 0.05])] = draw.choice([NAN, INF, 1e200, 0.0])
        trials.append(values.tolist())
    return trials_of(*trials, max_t=steps)


LONG_RULES: list[Criterion] = [
    Adaptive.safe(),
    Adaptive.balanced(),
    Adaptive.aggressive(),
    Adaptive(2, 0.0, 0.07),
    Patience(4, min_delta=0.02, noise_factor=1.0),
]


@pytest.mark.parametrize("rule", LONG_RULES, ids=repr)
def test_long_curves_stop_alike(rule: Criterion) -> None:
    """Deep levels of the regression, and windows at which a share is rounded."""
    curves = noisy_trials(steps=300, count=25)
    policy = Policy("score", "min", stop=rule, max_t=300)
    found = pairs(stops(policy, curves))
    assert found == live_stops(policy, curves)
    assert len(set(found)) > 5


@pytest.mark.parametrize("threads", [1, 3, None])
def test_blocks_and_threads_change_nothing(
    threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = noisy_trials(steps=40, count=50)
    policy = Policy("score", "min", stop=Patience(3) | Budget(seconds=30), max_t=40)
    whole = pairs(stops(policy, curves))
    monkeypatch.setattr(stopping, "BLOCK_ROWS", 100)
    assert pairs(stops(policy, curves, threads=threads)) == whole


def test_no_trials_have_no_stops() -> None:
    policy = Policy("score", "min", stop=Patience(3))
    assert pairs(stops(policy, trials_of())) == []


def test_a_subclass_is_not_taken_for_its_parent() -> None:
    class Impatient(Patience):
        def init(self) -> Any:
            return super().init()._replace(misses=1)

    policy = Policy("score", "min", stop=Impatient(3))
    assert not has_kernel(policy.criterion)
    assert named(stops(policy, trials_of([NAN, 1.0, 1.0, 1.0, 1.0]))) == [(5, "STALLED")]


UNFIT = {
    "compares trials: replay it with the exact engine": Policy(
        "score", "min", stop=BelowMedian() | Patience(3)
    ),
    "'scores' is not recorded in task 'task'; did you mean 'score'? Valid: score": Policy(
        "scores", "min", stop=Patience(3)
    ),
    "Policy.mode is 'max', and the mode of 'score' in task 'task' is 'min'": Policy(
        "score", "max", stop=Patience(3)
    ),
    "Policy.time_attr must be 'training_iteration' where recorded curves are judged": Policy(
        "score", "min", stop=Patience(3), time_attr="epoch"
    ),
}


@pytest.mark.parametrize(("message", "policy"), UNFIT.items())
def test_a_policy_that_does_not_fit_is_refused(message: str, policy: Policy) -> None:
    assert message in refusal(stops, policy, trials_of([1.0]))


def test_numbers_out_of_range_are_refused() -> None:
    policy, curves = Policy("score", "min", stop=Patience(3)), trials_of([1.0])
    expected = "stops.threads must be a whole number of at least 1, got 0"
    assert refusal(stops, policy, curves, threads=0) == expected
    assert "stops.step_s must be a number above 0" in refusal(stops, policy, curves, step_s=0)


FORKED = """
import multiprocessing, sys
from tests.replay.test_fast_stops import noisy_trials, pairs
from tune_es import Patience, Policy
from tune_es.replay.fast import stopping, stops
stopping.BLOCK_ROWS = 100
curves, policy = noisy_trials(40, 20), Policy("score", "min", stop=Patience(3))
here = pairs(stops(policy, curves, threads=3))
with multiprocessing.get_context("fork").Pool(1) as pool:
    there = pool.apply(pairs, (stops(policy, curves, threads=2),))
    again = pool.apply_async(stops, (policy, curves), {"threads": 3}).get(timeout=300)
sys.exit(0 if here == there == pairs(again) else 1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has run threads")
def test_a_forked_process_goes_on_with_threads_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", FORKED], cwd=ROOT, check=False, timeout=300)
    assert done.returncode == 0
