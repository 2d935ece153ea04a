"""A real sweep, recorded and replayed: the simulated cluster decides as the live one did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from tests.ray.sweeps import Row, Sweep, fit, run, runs
from tests.ray.trainables import losses
from tune_es import BelowMedian, Patience, Policy, SuccessiveHalving, Target
from tune_es.ray import EarlyStoppingScheduler
from tune_es.records import Action
from tune_es.replay import Cluster, PolicyScheduler, TaskCurves, load_tasks, replay
from tune_es.replay.imports import from_ray
from tune_es.replay.storage import save_curve_set

LENGTH = 8
#: Step times differ, so that trials overtake each other in the live sweep.
PACE = {"quick": 0.01, "slow": 0.05, "middling": 0.03}


def falling(start: float, end: float, flat_from: int = LENGTH) -> list[float]:
    """A loss that falls evenly and then stays."""
    slope = (start - end) / (LENGTH - 1)
    return [start - slope * min(step, flat_from) for step in range(LENGTH)]


CURVES: dict[str, list[float]] = {
    f"{pace} {kind}": curve
    for pace in PACE
    for kind, curve in {
        "good": falling(0.9, 0.2),
        "poor": falling(0.95, 0.7),
        "stalls": falling(0.9, 0.5, flat_from=2),
        "worse": falling(0.5, 0.9),
    }.items()
}


def space(**params: Any) -> Mapping[str, Any]:
    """One trial a curve, with stopping parameters of its own where given."""
    rows = [
        run(name, curve, pause_s=PACE[name.split()[0]], **params) for name, curve in CURVES.items()
    ]
    return runs(*rows)


def last_steps(sweep: Sweep) -> dict[str, int]:
    return {name: sweep.steps(name) for name in CURVES}


def imported(
    sweep: Sweep, storage: Path, metric: str | None = None, mode: str | None = None
) -> TaskCurves:
    """The sweep's folder as a curve set, saved and loaded again; ours names its metric itself."""
    (experiment,) = {Path(each.path).parent for each in sweep.results}
    save_curve_set(from_ray(experiment, metric, mode), storage / "set")
    (curves,) = load_tasks(storage / "set")
    return curves


def names_of(curves: TaskCurves) -> list[str]:
    return [config["run/name"] for config in curves.configs]


@pytest.fixture(scope="module")
def in_full(tmp_path_factory: pytest.TempPathFactory) -> TaskCurves:
    """Every curve to its end, recorded without a scheduler of ours."""
    storage = tmp_path_factory.mktemp("full")
    return imported(fit(losses, space(), storage), storage, "loss", "min")


@pytest.mark.parametrize("stop", [Patience(2), Patience(3) | Target(0.45)], ids=["one", "two"])
def test_stops_replayed_on_full_curves_are_those_of_a_live_sweep(
    in_full: TaskCurves, tmp_path: Path, stop: Any
) -> None:
    policy = Policy("loss", "min", stop=stop, max_t=LENGTH)
    live = last_steps(fit(losses, space(), tmp_path, scheduler=EarlyStoppingScheduler(policy)))
    reached = replay(PolicyScheduler(policy), in_full, Cluster(2)).reached.tolist()
    assert dict(zip(names_of(in_full), reached, strict=True)) == live
    assert set(reached) > {LENGTH}


@pytest.mark.parametrize(
    "stop",
    [BelowMedian(2, 2), SuccessiveHalving(1, 2), Patience(2) | BelowMedian(3, 3)],
    ids=["median", "halving", "both"],
)
def test_rules_that_compare_trials_decide_alike_in_the_recorded_order(
    tmp_path: Path, stop: Any
) -> None:
    policy = Policy("loss", "min", stop=stop, max_t=LENGTH)
    sweep = fit(losses, space(), tmp_path, scheduler=EarlyStoppingScheduler(policy))
    curves = imported(sweep, tmp_path)
    replayed = replay(PolicyScheduler(policy), curves, Cluster(len(CURVES)), recorded_order=True)
    assert (curves.task.metric, curves.task.mode, curves.task.max_t) == ("loss", "min", LENGTH)
    names = names_of(curves)
    assert [(names[event.trial], event.step) for event in replayed.events] == judged(sweep)
    assert stopped(replayed.events, names) == {
        name: sweep.steps(name) for name in CURVES if sweep.es(name)["code"]
    }
    assert {sweep.es(name)["cause"] for name in CURVES} > {"HOPELESS"}


def judged(sweep: Sweep) -> list[tuple[str, int]]:
    """Every result of the sweep in the order in which it was judged."""
    rows: list[tuple[float, str, int]] = [
        (row["es"]["order"], name, row["training_iteration"])
        for name in CURVES
        for row in sweep.rows(name)
    ]
    assert sorted(order for order, _, _ in rows) == list(range(1, len(rows) + 1))
    return [(name, step) for _, name, step in sorted(rows)]


def stopped(events: Any, names: list[str]) -> dict[str, int]:
    return {names[each.trial]: each.step for each in events if each.action is Action.STOP}


def test_a_trials_own_parameters_are_replayed_with_it(tmp_path: Path) -> None:
    policy = Policy("loss", "min", stop=Patience(2), max_t=LENGTH)
    own = {**space(), "es": {"patience": tune.sample_from(lambda _: 5)}}
    sweep = fit(losses, own, tmp_path, scheduler=EarlyStoppingScheduler(policy))
    curves = imported(sweep, tmp_path)
    assert curves.configs[0]["es/patience"] == 5
    live = [sweep.steps(name) for name in names_of(curves)]
    cluster = Cluster(len(CURVES))
    as_live = replay(PolicyScheduler(policy, own_params=True), curves, cluster)
    assert as_live.reached.tolist() == live
    assert replay(PolicyScheduler(policy), curves, cluster).reached.tolist() != live


def test_a_restored_trial_is_recorded_once(tmp_path: Path) -> None:
    row: Row = run(
        "dies", CURVES["quick good"], crash_before=5, marks=str(tmp_path / "marks"), saves=False
    )
    sweep = fit(losses, runs(row), tmp_path, metric="loss", mode="min", max_failures=1)
    steps = [each["training_iteration"] for each in sweep.rows("dies")]
    assert steps == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]
    curves = imported(sweep, tmp_path, "loss", "min")
    assert curves.values(0).tolist() == pytest.approx(CURVES["quick good"])
    assert curves.configs[0]["run/saves"] is False
