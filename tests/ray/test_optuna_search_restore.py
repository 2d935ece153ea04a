"""Sweeps with the searcher that were killed, resumed or restarted: the study heals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from ray import tune

from tests.ray.drivers import run_until_killed
from tests.ray.killed_search import CURVE, SAMPLES, saved_losses, space, storage_of
from tests.ray.sweeps import Row, Sweep, run, tuner
from tests.ray.test_optuna_search import searcher
from tests.ray.trainables import losses


def study_of(restored: tune.Tuner) -> list[FrozenTrial]:
    """The trials in the study of the searcher that Ray unpickled."""
    inner = restored._local_tuner
    assert inner is not None
    search: Any = inner._tune_config.search_alg
    trials: list[FrozenTrial] = search._ot_study.get_trials()
    return trials


@pytest.mark.chaos
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_a_killed_sweep_is_told_as_one_in_peace(
    ray_address: str, tmp_path: Path, kind: str
) -> None:
    run_until_killed("killed_search", ray_address, str(tmp_path), kind, timeout_s=300)
    storage = storage_of(tmp_path, kind)
    if storage is not None:
        before = optuna.load_study(study_name="optuna", storage=storage).get_trials()
        assert TrialState.RUNNING in [each.state for each in before]
    restored = tune.Tuner.restore(
        str(tmp_path / kind), trainable=saved_losses, param_space=space(tmp_path, kind)
    )
    lasts = Sweep(restored.fit()).lasts
    assert len(lasts) == SAMPLES
    trials = study_of(restored)
    if storage is not None:
        assert optuna.load_study(study_name="optuna", storage=storage).get_trials() == trials
    complete = [each for each in trials if each.state == TrialState.COMPLETE]
    assert {each.state.name for each in trials} <= {"COMPLETE", "FAIL"}
    assert {each.user_attrs["es/cause"] for each in trials} <= {"ENDED", "LOST"}
    assert len(complete) == SAMPLES
    assert [each.value for each in complete] == [min(CURVE)] * SAMPLES
    for each in complete:
        assert each.intermediate_values == dict(enumerate(CURVE, 1))
    asked = {each.user_attrs["es/trial_id"]: each.params["x"] for each in complete}
    assert asked == {each["trial_id"]: each["config"]["x"] for each in lasts}
    assert len({each.params["x"] for each in complete}) == SAMPLES


def named(config: Mapping[str, Any]) -> None:
    losses({"run": config["runs"][config["name"]]})


@pytest.mark.chaos
@pytest.mark.parametrize(("way", "own"), [("resume_errored", False), ("restart_errored", True)])
def test_trials_that_died_go_on_in_a_new_entry(tmp_path: Path, way: str, own: bool) -> None:
    """Also where the space is the searcher's own, a function that Ray's cannot save."""

    def by_run(trial: optuna.Trial) -> None:
        trial.suggest_categorical("name", ["dies", "lives"])

    marks = {"marks": str(tmp_path / "marks"), "crash_before": 3}
    runs = {"dies": run("dies", [3, 1, 2, 4], saves=1, **marks), "lives": run("lives", [5, 4])}
    space: Row = {"runs": runs, **({} if own else {"name": tune.choice([*runs])})}
    search = searcher(
        space=by_run if own else None, points_to_evaluate=[{"name": each} for each in runs]
    )
    tuner(named, space, tmp_path, search_alg=search, num_samples=2).fit()
    again: Any = {way: True}
    restored = tune.Tuner.restore(
        str(tmp_path / "sweep"), trainable=named, param_space=space, **again
    )
    grid = restored.fit()
    assert grid.num_errors == 0
    trials = study_of(restored)
    told = sorted((each.params["name"], each.state.name, each.value) for each in trials)
    assert told == [("dies", "COMPLETE", 1), ("dies", "FAIL", None), ("lives", "COMPLETE", 4)]
    assert trials[-1].intermediate_values == {1: 3, 2: 1, 3: 2, 4: 4}
