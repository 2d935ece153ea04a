"""A real sweep, recorded and replayed: the simulated cluster decides as the live one did."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.search import Searcher

from tests.ray import killed_promotion as killed
from tests.ray.drivers import run_until_killed
from tests.ray.sweeps import Row, Sweep, fit, run, runs, within
from tests.ray.trainables import SavedLosses, losses
from tune_es import (
    AdaptiveQuota,
    AsyncHalving,
    BelowMedian,
    Criterion,
    Patience,
    Policy,
    RungTable,
    SuccessiveHalving,
    Target,
)
from tune_es.monitoring import columns
from tune_es.promotion import PromotionRule
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


# Under promotion.

#: Some that begin well end badly; "3" leads and fails, "6" has no finite value, "9" stalls.
RACE: dict[str, list[float]] = {
    f"{at}": falling(1.0 - 0.02 * (at * 3 % 20), 0.1 + 0.03 * (at * 7 % 20)) for at in range(18)
}
RACE["3"] = falling(0.2, 0.05)
RACE["6"] = [math.nan] * LENGTH
RACE["9"] = [0.5, 0.15, *[0.15] * (LENGTH - 2)]


class Told(PolicyScheduler):
    """Notes everything that the callback would write into a result."""

    def __init__(self, policy: Policy, trials: int) -> None:
        super().__init__(policy, trials=trials)
        self.words: list[tuple[str, int, Row]] = []

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        action = super().report(trial_id, result)
        decision = self.referee.last(trial_id)
        self.words.append((trial_id, result["training_iteration"], columns(decision)))
        return action


def as_text(words: Row) -> Row:
    return {key: str(word) for key, word in words.items()}


def live_words(sweep: Sweep) -> list[tuple[str, int, Row]]:
    """What was said of every result, in order; Ray's table loses none, its JSON does."""
    rows = []
    for each in sweep.results:
        text = Path(each.path, "progress.csv").read_text()
        for row in csv.DictReader(text.splitlines()):
            words = {key[3:]: word for key, word in row.items() if key.startswith("es/")}
            rows.append(((each.config or {})["run"]["name"], int(row["training_iteration"]), words))
    return sorted(rows, key=lambda row: int(row[2]["order"]))


def check_alike(policy: Policy, sweep: Sweep, storage: Path) -> TaskCurves:
    """Every result gets the decision it got live, and nobody else goes on."""
    curves = imported(sweep, storage)
    again = Told(policy, len(curves))
    replayed = replay(again, curves, Cluster(2), recorded_order=True)
    names = dict(zip(curves.trial_ids, (each["run/name"] for each in curves.configs), strict=True))
    said = [
        (names[trial], step, {**words, "order": at})
        for at, (trial, step, words) in enumerate(again.words, start=1)
    ]
    assert [(name, step, as_text(words)) for name, step, words in said] == live_words(sweep)
    assert replayed.cut == ()
    assert replayed.reached.tolist() == curves.lengths.tolist()
    return curves


def race(saves: int = 1, **of_some: Row) -> list[Row]:
    return [
        run(name, curve, saves=saves, **of_some.get(f"of_{name}", {}))
        for name, curve in RACE.items()
    ]


@pytest.mark.parametrize(
    ("rule", "trainable", "saves", "stop"),
    [
        (AdaptiveQuota(max_regret=0.005), losses, 1, "none"),
        (RungTable({1: 9, 3: 4, 5: 2}), losses, 2, Patience(2)),
        (AsyncHalving(1, 2), SavedLosses, 1, "none"),
        (AdaptiveQuota(), losses, 0, "none"),
    ],
    ids=["quota", "table, saved now and then", "asynchronous", "quota, never saved"],
)
def test_a_sweep_with_promotion_is_decided_alike_from_its_record(
    tmp_path: Path, rule: PromotionRule, trainable: Any, saves: int, stop: Criterion | str
) -> None:
    policy = Policy("loss", "min", stop=stop, max_t=LENGTH, promotion=rule)
    with within(180):
        space = runs(*race(saves))
        sweep = fit(trainable, space, tmp_path, scheduler=EarlyStoppingScheduler(policy))
    curves = check_alike(policy, sweep, tmp_path)
    assert len(set(curves.lengths.tolist())) > 2


class Listed(Searcher):
    """Suggests the runs one by one; Ray gives the trials of a searcher random ids."""

    def __init__(self, rows: list[Row]) -> None:
        super().__init__("loss", "min")
        self.rows = rows

    def suggest(self, trial_id: str) -> Any:
        return {"run": self.rows.pop(0)} if self.rows else Searcher.FINISHED

    def on_trial_complete(self, trial_id: str, result: Any = None, error: bool = False) -> None:
        """Nothing is learnt."""

    def save(self, checkpoint_path: str) -> None:
        """Nothing to save."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing to restore."""


def test_so_is_one_of_a_searcher_in_which_the_leader_dies(tmp_path: Path) -> None:
    """For good, so that it is no mark to catch any more; another one is tried again."""
    policy = Policy("loss", "min", stop="none", max_t=LENGTH, promotion=AdaptiveQuota())
    dies = {"crash_before": 3, "marks": str(tmp_path / "marks")}
    with within(180):
        sweep = fit(
            losses,
            {},
            tmp_path,
            scheduler=EarlyStoppingScheduler(policy),
            search_alg=Listed(race(of_3={**dies, "crashes": 2}, of_5=dies)[:8]),
            num_samples=8,
            max_failures=1,
        )
    curves = check_alike(policy, sweep, tmp_path)
    assert names_of(curves) == list(RACE)[:8]
    assert curves.metrics["es/failed"].sum() == 1
    assert sum(error is not None for error in sweep.errors) == 1


@pytest.mark.chaos
def test_so_is_one_whose_driver_was_killed_while_trials_were_paused(
    ray_address: str, tmp_path: Path
) -> None:
    run_until_killed("killed_promotion", ray_address, str(tmp_path))
    with within(180):
        again = tune.Tuner.restore(
            str(tmp_path / "sweep"), trainable=losses, param_space=killed.space(tmp_path)
        )
        sweep = Sweep(again.fit())
    policy = Policy("loss", "min", stop="none", max_t=killed.LENGTH, promotion=killed.TABLE)
    curves = imported(sweep, tmp_path)
    run = replay(PolicyScheduler(policy, trials=killed.EXPECTED), curves, recorded_order=True)
    assert dict(zip(names_of(curves), run.reached.tolist(), strict=True)) == killed.REACHED
    assert run.cut == ()
