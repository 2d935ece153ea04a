"""Searchers beside the scheduler, and stopping parameters that come from a trial's config."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch

from tests.ray.sweeps import Recorder, Sweep, fit, run, runs, warned, within
from tests.ray.trainables import losses, rows
from tune_es import Patience, Policy
from tune_es.ray import EarlyStoppingScheduler

CURVE = [5, 4, 3, 2, *[2.5] * 12]
POLICY = Policy("loss", "min", stop=Patience(2), max_t=15)


def steps_by_es(sweep: Sweep) -> list[tuple[Any, int]]:
    """What each trial brought under ``es``, and the step at which it was stopped."""
    found = [(last["config"]["es"], last["training_iteration"]) for last in sweep.lasts]
    return sorted(found, key=repr)


def stop_step(params: Mapping[str, Any]) -> float:
    decision = POLICY.with_params(params).first_stop(CURVE)
    assert decision is not None
    return decision.step


def test_optuna_suggests_stopping_parameters_inside_a_limiter(tmp_path: Path) -> None:
    points = [{"es/patience": patience} for patience in (2, 4, 6)]
    search = OptunaSearch(points_to_evaluate=points, metric="loss", mode="min")
    sweep = fit(
        losses,
        {"run": run("one", CURVE), "es": {"patience": tune.choice([2, 4, 6])}},
        tmp_path,
        search_alg=ConcurrencyLimiter(search, max_concurrent=2),
        scheduler=EarlyStoppingScheduler(POLICY),
        num_samples=3,
    )
    assert steps_by_es(sweep) == [({"patience": patience}, 4 + patience) for patience in (2, 4, 6)]


def test_each_trial_of_a_grid_is_judged_by_its_own_parameters(tmp_path: Path) -> None:
    each: list[Any] = [
        {},
        {"patience": 3},
        {"stop": {"Target": {"value": 3.5}}},
        {"max_t": 2},
        {"patience": 9, "max_t": 7},
        "safe",
    ]
    sweep = fit(
        losses,
        {"run": run("one", CURVE), "es": tune.grid_search(each)},
        tmp_path,
        scheduler=EarlyStoppingScheduler(POLICY),
    )
    wanted = [(es, stop_step({"stop": es} if isinstance(es, str) else es)) for es in each]
    assert steps_by_es(sweep) == sorted(wanted, key=repr)
    assert len({step for _, step in wanted}) > 3


def test_domains_of_ray_give_parameters_under_a_flat_key(tmp_path: Path) -> None:
    sweep = fit(
        losses,
        {"run": run("one", CURVE), "es/patience": tune.randint(2, 6)},
        tmp_path,
        scheduler=EarlyStoppingScheduler(POLICY),
        num_samples=4,
    )
    for last in sweep.lasts:
        assert last["training_iteration"] == 4 + last["config"]["es/patience"]


@pytest.mark.parametrize(
    ("es", "message"),
    [
        ({"patiense": 3}, r"es\.patiense is no stopping parameter; did you mean 'patience'"),
        ({"patience": 0}, r"Patience\.patience must be .*at least 1.*got 0"),
        ({"stop": "save"}, r"stop names no criterion 'save'; did you mean 'safe'"),
        (7, r"config\['es'\] must map stopping parameters to values, or name a rule, got 7"),
    ],
)
def test_a_bad_parameter_in_the_first_trial_is_an_error_before_anything_runs(
    tmp_path: Path, es: object, message: str
) -> None:
    recorder = Recorder()
    with within(180), pytest.raises(ValueError, match=rf"^trial \w+: {message}"):
        fit(
            losses,
            {"run": run("one", CURVE), "es": es},
            tmp_path,
            scheduler=EarlyStoppingScheduler(POLICY),
            callbacks=[recorder],
        )
    assert recorder.events == []


def test_a_bad_parameter_in_a_later_trial_is_a_warning(tmp_path: Path) -> None:
    each: list[Any] = [{"patience": 4}, {"patiense": 4}, {"patience": "4"}, [4]]
    with warned() as messages:
        sweep = fit(
            losses,
            {"run": run("one", CURVE), "es": tune.grid_search(each)},
            tmp_path,
            scheduler=EarlyStoppingScheduler(POLICY),
        )
    assert steps_by_es(sweep) == sorted([(es, 8 if es == each[0] else 6) for es in each], key=repr)
    assert len(messages) == 3
    assert all(message.endswith("; it gets the policy of the sweep") for message in messages)
    assert "did you mean 'patience'" in messages[0]
    assert "got '4'" in messages[1]
    assert "config['es'] must map" in messages[2]


class After(tune.Stopper):
    """Ends the whole sweep after some results."""

    def __init__(self, results: int) -> None:
        self.left = results

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        self.left -= 1
        return False

    def stop_all(self) -> bool:
        return self.left <= 0


def test_a_stopper_that_ends_everything_ends_it_cleanly(tmp_path: Path) -> None:
    recorder = Recorder()
    sweep = fit(
        losses,
        runs(*(run(name, [5, 4, 3], pause_s=0.05) for name in "abc")),
        tmp_path,
        scheduler=EarlyStoppingScheduler(POLICY),
        callbacks=[recorder],
        stop=After(4),
    )
    assert ("complete", "c") not in recorder.events
    assert sweep.errors == [None] * 3
    assert {last["es"]["reason"] for last in sweep.lasts if "es" in last} == {"continue"}


def test_a_time_budget_ends_it_cleanly(tmp_path: Path) -> None:
    sweep = fit(
        losses,
        runs(*(run(name, [1 / step for step in range(1, 500)], pause_s=0.05) for name in "abc")),
        tmp_path,
        scheduler=EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(2)),
        time_budget_s=2,
    )
    assert sweep.errors == [None] * 3


def test_optuna_may_be_told_the_best_value_that_the_callback_writes(tmp_path: Path) -> None:
    """Ray gives a searcher the last result whole; before that the key is not there yet."""
    search = OptunaSearch(metric="es/best", mode="min")
    fit(
        losses,
        {"x": tune.uniform(0, 1), "run": run("one", [3, 1, 2, 2, 2])},
        tmp_path,
        search_alg=search,
        scheduler=EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(2)),
        num_samples=2,
    )
    study: Any = search._ot_study
    assert [trial.value for trial in study.trials] == [1, 1]


def test_several_objectives_of_optuna_may_be_missing(tmp_path: Path) -> None:
    values: list[dict[str, object]] = [
        {"loss": 3, "cost": 1},
        {"loss": 2},
        {"cost": 1},
        {"loss": 2, "cost": None},
        {"loss": 2, "cost": "high"},
    ]
    sweep = fit(
        rows,
        {"x": tune.uniform(0, 1), "run": run("one", rows=values)},
        tmp_path,
        search_alg=OptunaSearch(metric=["loss", "cost"], mode=["min", "min"]),
        scheduler=EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(2)),
        num_samples=2,
    )
    assert [last["es"]["cause"] for last in sweep.lasts] == ["STALLED"] * 2
    assert [last["training_iteration"] for last in sweep.lasts] == [5] * 2


def test_the_searcher_may_follow_another_metric(tmp_path: Path) -> None:
    values = [{"loss": loss, "accuracy": 0.5} for loss in (3, 2, 2)] + [{"loss": 2}]
    sweep = fit(
        rows,
        {"x": tune.uniform(0, 1), "run": run("one", rows=values)},
        tmp_path,
        search_alg=OptunaSearch(metric="accuracy", mode="max"),
        scheduler=EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(3)),
        num_samples=2,
    )
    assert [last["training_iteration"] for last in sweep.lasts] == [4] * 2


def test_an_error_of_the_searcher_is_what_the_user_sees(tmp_path: Path) -> None:
    with within(180), pytest.raises(Exception, match=r"metric.*mode") as caught:
        fit(
            losses,
            {"x": tune.uniform(0, 1), "run": run("one", CURVE)},
            tmp_path,
            search_alg=OptunaSearch(),
            scheduler=EarlyStoppingScheduler(POLICY),
        )
    assert "callback-states" not in str(caught.value)
