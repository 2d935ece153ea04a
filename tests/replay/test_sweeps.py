"""Compiled sweeps are those of the engine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import refusal
from tests.promotion.streams import BROKEN, SHORT, TIED, made_stream
from tests.replay.swept import (
    check_sweep,
    clusters,
    comparing,
    own_rules,
    policy_for,
    promotions,
    streams,
)
from tune_es import (
    AdaptiveQuota,
    AsyncHalving,
    BelowMedian,
    BelowPercentile,
    Criterion,
    ParetoHalving,
    Patience,
    Policy,
    RungTable,
    SuccessiveHalving,
    TieBreak,
)
from tune_es.promotion import PromotionRule
from tune_es.replay import Cluster, TaskCurves, load_tasks, stream, task_curves
from tune_es.replay.fast.pool import Pool
from tune_es.replay.life import SAVED
from tune_es.replay.sweeps import can_sweep, run_swept, sweep_of

options = st.fixed_dictionaries(
    {
        "not_before": st.sampled_from([None, 3, (2, 4.5)]),
        "nonfinite_patience": st.sampled_from([None, 0, 2]),
        "explosion_factor": st.sampled_from([None, 1.5]),
        "price_per_hour": st.just(9.0),
    }
)


@given(streams(), own_rules, options, clusters)
@settings(max_examples=60)
def test_trials_that_are_judged_alone(
    curves: TaskCurves, rule: Criterion, more: dict[str, Any], cluster: Cluster
) -> None:
    check_sweep(policy_for(curves, rule, **more), curves, cluster)


@given(streams(), comparing, options, clusters)
@settings(max_examples=200)
def test_trials_that_are_compared(
    curves: TaskCurves, rule: Criterion, more: dict[str, Any], cluster: Cluster
) -> None:
    check_sweep(policy_for(curves, rule, **more), curves, cluster)


@given(streams(), promotions, st.just("none") | own_rules, options, clusters)
@settings(max_examples=200)
def test_trials_that_are_promoted(
    curves: TaskCurves,
    rule: PromotionRule,
    stop: Criterion | str,
    more: dict[str, Any],
    cluster: Cluster,
) -> None:
    check_sweep(policy_for(curves, stop, promotion=rule, **more), curves, cluster)


PROMOTIONS: dict[str, PromotionRule] = {
    "quota": AdaptiveQuota(),
    "small quota": AdaptiveQuota(c=0.1),
    "no pilot, no early ones": AdaptiveQuota(c=1, pilot=False, asynchronous=False),
    "late winners": AdaptiveQuota(c=1.2, growth=1.35, noise=4, flattening=0.6),
    "table": RungTable({2: 9, 7: 3, 20: 1}),
    "asynchronous": AsyncHalving(1, 2),
}


@pytest.mark.parametrize("rule", PROMOTIONS.values(), ids=PROMOTIONS)
def test_made_streams_are_promoted_alike(rule: PromotionRule) -> None:
    """Longer curves and more trials than the laws above draw, with ties and with what breaks."""
    parted = 0
    for seed in range(16):
        traits = [each for each, bit in ((TIED, 1), (BROKEN, 2), (SHORT, 4)) if seed & bit]
        rows, budget = made_stream(seed, *traits)
        curves = task_curves(rows, "value", "min", budget)
        cluster = Cluster((1, 3, 8, 70)[seed % 4], resume_s=0.25 * (seed % 3))
        reached = check_sweep(policy_for(curves, "none", promotion=rule), curves, cluster)
        parted += sum(map(int.__lt__, reached, map(len, rows)))
    assert parted > 100


RULES: dict[str, Criterion | str] = {
    "halving": SuccessiveHalving(1, 3),
    "halving and patience": SuccessiveHalving(2, 2) & Patience(3),
    "median or balanced": BelowMedian(5) | Patience(6),
    "percentile": BelowPercentile(30, 2),
    "safe": "safe",
}
RECORDED: list[dict[str, Any]] = [
    *({"stop": rule} for rule in RULES.values()),
    *({"stop": "none", "promotion": rule} for rule in PROMOTIONS.values()),
    {"stop": "safe", "promotion": PROMOTIONS["quota"]},
]


def recorded_tasks(shared: Path) -> list[TaskCurves]:
    folders = sorted(each for each in (shared / "curves").iterdir() if each.is_dir())
    return [task for folder in folders for task in load_tasks(folder)[:2]]


def test_recorded_trials_are_swept_alike(shared: Path) -> None:
    cheaper = 0
    for at, task in enumerate(recorded_tasks(shared)):
        for seed, more in enumerate(RECORDED[at % 2 :: 2]):
            curves = stream(task, 40, seed).curves
            policy = replace(policy_for(curves, "none"), other_metrics={}, **more)
            reached = check_sweep(policy, curves, Cluster((3, 8)[seed % 2], startup_s=seed % 3))
            cheaper += sum(reached) < curves.lengths.sum()
    assert cheaper > 40


@given(streams(), st.data(), clusters)
@settings(max_examples=40)
def test_streams_of_one_pool_are_swept_as_by_themselves(
    curves: TaskCurves, data: st.DataObject, cluster: Cluster
) -> None:
    rule = data.draw(promotions | comparing | own_rules)
    promotion = rule if isinstance(rule, PromotionRule) else None
    stop = "none" if isinstance(rule, PromotionRule) else rule
    policy = policy_for(curves, stop, promotion=promotion)
    pool = Pool(curves, cluster.step_s)
    chosen = data.draw(st.permutations(range(len(curves))))[: data.draw(st.integers(1, 30))]
    if not pool.is_whole:
        return
    of_pool = sweep_of(policy, pool, cluster)(np.array(chosen))
    alone = run_swept(policy, curves.chosen(chosen), cluster)
    assert of_pool.reached.tolist() == alone.reached.tolist()
    assert (of_pool.failed, of_pool.cut) == (alone.failed, alone.cut)
    assert of_pool.seconds == pytest.approx(alone.seconds)
    assert of_pool.makespan == pytest.approx(alone.makespan)


def test_recorded_seconds_are_laid_on_the_workers() -> None:
    plain = task_curves([[3, 2, 2, 2, 2], [3, 2, 1, 0, -1], [3, 3, 3, 3, 3]], "loss", "min")
    curves = replace(plain, seconds=np.arange(1.0, 16.0))
    policy = Policy("loss", "min", stop="patience", max_t=5).with_params({"patience": 2})
    run = run_swept(policy, curves, Cluster(2, startup_s=10))
    assert run.reached.tolist() == [4, 5, 3]
    assert run.seconds.tolist() == [20.0, 50.0, 46.0]
    assert run.makespan == 66.0


def test_later_trials_meet_those_that_were_stopped() -> None:
    """On one worker: 9 is alone, 5 beats it, 7 is behind 5 of two and goes, 4 stays."""
    curves = task_curves([[9.0, 9.0], [5.0, 5.0], [7.0, 7.0], [4.0, 4.0]], "loss", "min")
    policy = Policy("loss", "min", stop=SuccessiveHalving(1, 3), max_t=2)
    assert run_swept(policy, curves, Cluster(1)).reached.tolist() == [2, 2, 1, 2]


def test_a_trial_that_is_to_go_on_past_its_curve_is_cut() -> None:
    curves = task_curves([[1.0, 1.0], [2.0, 2.0, 2.0, 2.0], [3.0, 3.0]], "loss", "min", 4)
    policy = Policy("loss", "min", stop="none", promotion=RungTable({2: 2}), max_t=4)
    run = run_swept(policy, curves, Cluster(1))
    assert (run.reached.tolist(), run.cut) == ([2, 4, 2], (0,))


FITS = task_curves([[1.0, 2.0]], "loss", "min", 9, f1=[[1.0, 2.0]])
PARETO = ParetoHalving(("loss", "f1"))
QUOTA = {"stop": "none", "promotion": AdaptiveQuota()}
ENGINE: dict[str, tuple[dict[str, Any], Cluster, TaskCurves]] = {
    "workers are lost": ({"stop": "safe"}, Cluster(failure_rate=0.1), FITS),
    "a rule without a kernel": ({"stop": PARETO}, Cluster(), FITS),
    "one inside another": ({"stop": Patience(1) & PARETO}, Cluster(), FITS),
    "promotion beside peers": ({**QUOTA, "stop": "median"}, Cluster(), FITS),
    "ties are broken": ({**QUOTA, "ties": TieBreak("f1")}, Cluster(), FITS),
    "trials come one by one": (QUOTA, Cluster(ahead=3), FITS),
    "another budget": ({**QUOTA, "max_t": 7}, Cluster(), FITS),
    "another mode": ({**QUOTA, "mode": "max"}, Cluster(), FITS),
    "another metric promotes": (
        {**QUOTA, "metric": "f1", "other_metrics": {"loss": "min"}}, Cluster(), FITS
    ),
    "another clock": ({"stop": "median", "time_attr": "epoch"}, Cluster(), FITS),
    "pauses were recorded": (
        QUOTA,
        Cluster(),
        replace(FITS, metrics={**FITS.metrics, SAVED: np.array([1.0, 0.0])}),
    ),
    "another objective": ({"stop": "median", "metric": "lost"}, Cluster(), FITS),
}  # fmt: skip


@pytest.mark.parametrize("case", ENGINE)
def test_what_needs_the_engine(case: str) -> None:
    changed, cluster, curves = ENGINE[case]
    fields = {"metric": "loss", "mode": "min", "max_t": 9, "other_metrics": {"f1": "max"}}
    policy = Policy(**{**fields, **changed})
    assert not can_sweep(policy, curves, cluster)
    assert "is not compiled: use the engine" in refusal(run_swept, policy, curves, cluster)


@pytest.mark.parametrize("changed", [{"stop": "safe"}, {"stop": "median"}, QUOTA], ids=str)
def test_what_does_not(changed: dict[str, Any]) -> None:
    policy = Policy("loss", "min", max_t=9, **changed)
    assert can_sweep(policy, FITS, Cluster())


def test_subclasses_are_not_taken_for_their_parents() -> None:
    class Halving(SuccessiveHalving):
        pass

    class Quota(AdaptiveQuota):
        pass

    for more in ({"stop": Halving()}, {"stop": "none", "promotion": Quota()}):
        assert not can_sweep(Policy("loss", "min", max_t=9, **more), FITS, Cluster())
