"""The searcher driven by hand, without a sweep: samplers, storages, spaces, errors."""

from __future__ import annotations

import os
import pickle
import random
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakSet

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import (
    BaseSampler,
    CmaEsSampler,
    GPSampler,
    GridSampler,
    NSGAIISampler,
    QMCSampler,
    RandomSampler,
    TPESampler,
)
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial
from ray import tune
from ray.tune.search.optuna import OptunaSearch

import tune_es.ray
from tests.search.test_ledger import storage_of
from tune_es.ray import EarlyStoppingOptunaSearch, ending
from tune_es.search import CommonRungSampler

SPACE = {"x": tune.uniform(0, 1), "net": {"y": tune.uniform(0, 1)}}


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    monkeypatch.setenv("RAY_TUNE_CALLBACKS", "")  # no sweep takes it away again
    monkeypatch.setattr(ending, "_waiting", WeakSet())


def searcher(**arguments: Any) -> EarlyStoppingOptunaSearch:
    return EarlyStoppingOptunaSearch(**{"metric": "loss", "mode": "min", "seed": 0, **arguments})


def ready(**arguments: Any) -> EarlyStoppingOptunaSearch:
    """A searcher that was given its space as Ray does it."""
    search = searcher(**arguments)
    assert search.set_search_properties(None, None, SPACE)
    return search


def trials_of(search: OptunaSearch) -> list[FrozenTrial]:
    study: Any = search._ot_study
    trials: list[FrozenTrial] = study.get_trials()
    return trials


def drive(search: OptunaSearch, trials: int, workers: int = 4) -> list[dict[str, Any]]:
    """Run trials of 1 to 9 steps, some at a time, as a sweep would; gives what was suggested."""
    chance, running = random.Random(0), dict[str, Any]()
    configs = list[dict[str, Any]]()
    while len(configs) < trials or running:
        if len(configs) < trials and len(running) < workers:
            name = f"t{len(configs)}"
            config = search.suggest(name)
            assert config is not None
            configs.append(config)
            running[name] = (config, 0, chance.randint(1, 9))
        name = chance.choice([*running])
        config, step, last = running.pop(name)
        loss = config["x"] ** 2 + config["net"]["y"] + 1 / (step + 1)
        result = {"loss": loss, "training_iteration": step + 1, "done": step + 1 == last}
        if step + 1 == last:
            search.on_trial_complete(name, result)
        else:
            search.on_trial_result(name, result)
            running[name] = (config, step + 1, last)
    return configs


SAMPLERS: dict[str, Callable[[], BaseSampler]] = {
    "tpe": lambda: TPESampler(seed=0),
    "random": lambda: RandomSampler(seed=0),
    "qmc": lambda: QMCSampler(seed=0),
    "nsga": lambda: NSGAIISampler(seed=0, population_size=5),
    "cma": lambda: CmaEsSampler(seed=0),
    "gp": lambda: GPSampler(seed=0),
    "grid": lambda: GridSampler({"x": [0.0, 0.5], "net/y": [0.0, 0.5]}, seed=0),
    "common rung": lambda: CommonRungSampler(seed=0),
}


NEEDED = {"cma": "cmaes", "gp": "torch"}


@pytest.mark.parametrize("kind", SAMPLERS)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_any_sampler_is_used_as_it_is(kind: str) -> None:
    pytest.importorskip(NEEDED.get(kind, "optuna"))
    sampler = SAMPLERS[kind]()
    search = ready(sampler=sampler, seed=None)
    drive(search, 14)
    trials = trials_of(search)
    study: Any = search._ot_study
    assert study.sampler is sampler
    assert {each.state.name for each in trials} == {"COMPLETE"}
    for each in trials:
        assert each.value == min(each.intermediate_values.values())


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
def test_any_storage_is_told_what_memory_is(kind: str, tmp_path: Path) -> None:
    kept, memory = ready(storage=storage_of(kind, tmp_path)), ready()
    assert drive(kept, 12) == drive(memory, 12)
    of_study = [(each.value, each.intermediate_values) for each in trials_of(memory)]
    again: list[BaseStorage | None] = [storage_of(kind, tmp_path), storage_of(kind, tmp_path)]
    for storage in again:
        assert storage is not None
        trials = optuna.load_study(study_name="optuna", storage=storage).get_trials()
        assert [(each.value, each.intermediate_values) for each in trials] == of_study


def test_a_sweep_that_died_before_it_was_saved_leaves_nothing_running(tmp_path: Path) -> None:
    """Ray starts it over then, with the searcher as it was built."""
    built = pickle.dumps(searcher(storage=f"sqlite:///{tmp_path}/study.db"))
    dead, again = pickle.loads(built), pickle.loads(built)
    for each in (dead, again):
        each.set_search_properties(None, None, SPACE)
    dead.suggest("lost")
    drive(again, 2)
    assert trials_of(again)[0].state.name == "RUNNING"
    again.settle([])
    assert [each.state.name for each in trials_of(again)] == ["FAIL", "COMPLETE", "COMPLETE"]
    assert trials_of(again)[0].user_attrs["es/cause"] == "LOST"


@pytest.mark.skipif("TUNE_ES_STORAGE" not in os.environ, reason="TUNE_ES_STORAGE names no database")
def test_a_database_with_a_server() -> None:
    """As TUNE_ES_STORAGE=postgresql+psycopg2://user@host/database has been tried."""
    kept, memory = ready(storage=os.environ["TUNE_ES_STORAGE"], study_name=uuid4().hex), ready()
    assert drive(kept, 20) == drive(memory, 20)
    of_study = [(each.value, each.intermediate_values) for each in trials_of(memory)]
    assert [(each.value, each.intermediate_values) for each in trials_of(kept)] == of_study


def test_a_storage_may_be_given_by_its_url(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/study.db"
    drive(ready(storage=url, study_name="mine"), 3)
    assert len(optuna.load_study(study_name="mine", storage=url).get_trials()) == 3


def test_the_default_sampler_sets_off_no_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drive(ready(), 12)


@pytest.mark.parametrize("model", ["common_rung", "best"])
def test_the_same_seed_suggests_the_same_also_after_a_save(model: str) -> None:
    once, again = ready(model=model), ready(model=model)
    first = drive(once, 40)
    assert first == drive(again, 40)
    assert first != drive(ready(model=model, seed=1), 40)
    assert first[:10] == drive(plain(), 10)
    copy: EarlyStoppingOptunaSearch = pickle.loads(pickle.dumps(once))
    assert [copy.suggest(f"u{at}") for at in range(3)] == [
        once.suggest(f"u{at}") for at in range(3)
    ]


def plain() -> OptunaSearch:
    search = OptunaSearch(metric="loss", mode="min", seed=0)
    search.set_search_properties(None, None, SPACE)
    return search


def test_a_space_that_is_a_function_may_be_conditional() -> None:
    def space(trial: optuna.Trial) -> dict[str, Any]:
        x = trial.suggest_float("x", 0, 1)
        y = trial.suggest_float("net/y", 0, 1) if x > 0.5 else 0.0
        return {"net": {"y": y}, "fixed": 7}

    search = searcher(space=space, points_to_evaluate=[{"x": 0.25}])
    configs = drive(search, 40)
    assert configs[0]["x"] == 0.25
    assert {config["fixed"] for config in configs} == {7}
    depths = {len(each.params) for each in trials_of(search)}
    assert depths == {1, 2}
    assert {each.state.name for each in trials_of(search)} == {"COMPLETE"}


def test_points_to_begin_with_and_points_that_are_known() -> None:
    points = [{"x": 0.25, "net/y": 0.75}, {"x": 0.5, "net/y": 0.125}]
    search = ready(points_to_evaluate=points)
    first = drive(search, 3)
    assert first[:2] == [{"x": 0.25, "net": {"y": 0.75}}, {"x": 0.5, "net": {"y": 0.125}}]
    known = ready(points_to_evaluate=points[:1], evaluated_rewards=[0.125])
    known.add_evaluated_point({"x": 0.5, "net/y": 0.5}, 0.5, intermediate_values=[0.7, 0.5])
    known.add_evaluated_point({"x": 0.5, "net/y": 0.5}, 0.0, error=True)
    drive(known, 15)
    trials = trials_of(known)
    assert [(each.state.name, each.value) for each in trials[:3]] == [
        ("COMPLETE", 0.125),
        ("COMPLETE", 0.5),
        ("FAIL", None),
    ]
    assert len(trials) == 18


def test_points_to_begin_with_are_in_a_storage_once(tmp_path: Path) -> None:
    """A restored sweep sets its searcher up again; a second sweep brings points of its own."""
    storage = f"sqlite:///{tmp_path}/study.db"
    search = searcher(points_to_evaluate=[{"x": 0.5, "net/y": 0.5}], storage=storage)
    saved = pickle.dumps(search)
    for each in (
        search,
        pickle.loads(saved),
        searcher(points_to_evaluate=[{"x": 0.5, "net/y": 0.5}], storage=storage),
    ):
        each.set_search_properties(None, None, SPACE)
    assert len(trials_of(search)) == 2


@pytest.mark.parametrize(
    "odd", [None, "low", True, [1.0], np.array([1.0, 2.0]), {"a": 1}, object(), float("nan")]
)
def test_nothing_odd_in_a_result_raises(odd: object) -> None:
    search = ready()
    search.suggest("t")
    search.on_trial_result("t", {"loss": odd, "training_iteration": 1})
    search.on_trial_result("t", {"loss": np.float64(0.5), "training_iteration": np.int64(2)})
    search.on_trial_result("t", {"loss": 0.25, "training_iteration": odd})
    search.on_trial_result("t", {})
    search.on_trial_complete("t", {"training_iteration": 3, "done": True})
    search.on_trial_complete("t", None, error=True)
    search.on_trial_complete("never asked for")
    (trial,) = trials_of(search)
    assert (trial.state.name, trial.value, trial.intermediate_values) == ("COMPLETE", 0.5, {2: 0.5})


def test_the_step_and_the_cost_may_have_other_keys() -> None:
    search = ready(time_attr="epoch", cost_attr="usage/tokens")
    search.suggest("t")
    for epoch in (1, 2):
        search.on_trial_result("t", {"loss": 1 / epoch, "epoch": epoch, "training_iteration": 9})
    search.on_trial_complete("t", {"loss": 1, "epoch": 4, "usage": {"tokens": 70}, "done": True})
    (trial,) = trials_of(search)
    assert trial.intermediate_values == {1: 1, 2: 0.5, 4: 1}
    assert trial.user_attrs["es/cost"] == 70
    assert trial.user_attrs["es/steps"] == 4


def test_several_objectives_have_a_model_of_their_own() -> None:
    search = searcher(
        space={"x": FloatDistribution(0, 1)},
        metric=["loss", "time_total_s"],
        mode=["min", "min"],
        grows=["time_total_s"],
        max_t=8,
    )
    for at, steps in enumerate((2, 8)):
        search.suggest(f"t{at}")
        last = {}
        for step in range(1, steps + 1):
            last = {"loss": 1 / step, "time_total_s": 3.0 * step, "training_iteration": step}
            search.on_trial_result(f"t{at}", last)
        search.on_trial_complete(f"t{at}", {**last, "done": True})
    assert [each.values for each in trials_of(search)] == [[1 / 2, 24], [1 / 8, 24]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "common-rung"}, r"model must be .*'common-rung'; did you mean 'common_rung'"),
        ({"model": "best", "sampler": RandomSampler()}, r"model 'best' is not for a sampler"),
        (
            {"model": "best", "metric": ["a", "b"], "mode": ["min", "min"]},
            r"model 'best' is not for several objectives",
        ),
        ({"grows": ["cost"], "max_t": 5}, r"grows must name .* got 'cost'"),
        (
            {"metric": ["a", "b"], "mode": ["min", "min"], "grows": ["b"]},
            r"max_t must be given where objectives grow",
        ),
    ],
)
def test_bad_arguments_are_refused_when_built(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        searcher(**arguments)


def test_without_a_metric_it_says_so_as_ray_does() -> None:
    search = EarlyStoppingOptunaSearch({"x": FloatDistribution(0, 1)})
    with pytest.raises(RuntimeError, match="metric"):
        search.suggest("t")
    assert trials_of(search) == []


def test_searchers_that_wait_do_not_take_each_others_callback(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With a space of its own a searcher hears nothing of its sweep before the first trial."""
    monkeypatch.setenv("RAY_TUNE_CALLBACKS", "of.somebody.Else")
    first, second = (searcher(space={"x": FloatDistribution(0, 1)}) for _ in range(2))
    named = ["of.somebody.Else", "tune_es.ray.ending.EndingCallback"]
    assert os.environ["RAY_TUNE_CALLBACKS"].split(",") == named
    second.suggest("a")
    assert os.environ["RAY_TUNE_CALLBACKS"].split(",") == named
    restored = pickle.loads(pickle.dumps(first))
    first.suggest("b")
    assert os.environ["RAY_TUNE_CALLBACKS"].split(",") == named
    restored.on_trial_result("c", {"loss": 1, "training_iteration": 1, "config": {"x": 0.5}})
    assert os.environ["RAY_TUNE_CALLBACKS"] == named[0]


def test_without_optuna_the_rest_is_there_and_the_searcher_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "optuna.samplers", None)
    monkeypatch.delitem(sys.modules, "tune_es.ray.search")
    with pytest.raises(ImportError, match=r"needs optuna: pip install 'tune-es\[optuna\]'"):
        _ = tune_es.ray.EarlyStoppingOptunaSearch
    with pytest.raises(AttributeError, match="EarlyStopingOptunaSearch"):
        tune_es.ray.__getattr__("EarlyStopingOptunaSearch")
    assert tune_es.ray.PromotionScheduler is not None
