"""Studies of Optuna, made for real and kept in memory."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from tests.replay.curve_sets import assert_same_sets
from tune_es.replay.imports import from_optuna
from tune_es.replay.storage import load_curve_set, save_curve_set


@pytest.fixture(autouse=True)
def silence() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)


def study_of(
    *curves: Sequence[float],
    direction: Literal["minimize", "maximize"] = "minimize",
    states: Sequence[TrialState] = (),
) -> optuna.Study:
    """A study whose trials reported these values at steps 10, 20, ..."""
    study = optuna.create_study(study_name="sweep", direction=direction)
    for at, curve in enumerate(curves):
        state = states[at] if states else TrialState.COMPLETE
        study.add_trial(
            create_trial(
                state=state,
                value=1.0 if state is TrialState.COMPLETE else None,
                params={"lr": 0.1 * at},
                distributions={"lr": FloatDistribution(0, 10)},
                intermediate_values={10 * step: value for step, value in enumerate(curve, 1)},
            )
        )
    return study


def test_a_study_that_really_ran_becomes_a_set_that_saves(tmp_path: Path) -> None:
    def objective(trial: optuna.Trial) -> float:
        rate = trial.suggest_float("lr", 0.1, 0.9)
        trial.suggest_categorical("act", ["relu", None, 3])
        for step in (0, 5, 10):
            trial.report(rate / (step + 1), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return rate / 11

    pruner = optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=0)
    sampler = optuna.samplers.RandomSampler(seed=0)
    study = optuna.create_study(study_name="sweep", sampler=sampler, pruner=pruner)
    study.optimize(objective, n_trials=12)
    curve_set = from_optuna(study, "val_loss", max_t=3)
    (curves,) = curve_set.tasks
    assert curves.trial_ids == tuple(f"{number:02d}" for number in range(12))
    assert curves.task.mode == "min"
    for at, trial in enumerate(study.trials):
        assert curves.values(at).tolist() == list(trial.intermediate_values.values())
        assert curves.configs[at] == trial.params
    assert any(len(curves.values(at)) < 3 for at in range(12))
    save_curve_set(curve_set, tmp_path / "sweep")
    assert_same_sets(curve_set, load_curve_set(tmp_path / "sweep"))


def test_the_mode_is_the_direction_of_the_study() -> None:
    (curves,) = from_optuna(study_of([1], direction="maximize"), "acc", task="mnist").tasks
    assert (curves.task.mode, curves.task.metric, curves.task.name) == ("max", "acc", "mnist")
    assert (curves.task.source, curves.seconds, curves.order) == ("sweep", None, None)


def test_every_trial_that_is_over_counts_and_silent_ones_are_told() -> None:
    states = [TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING, TrialState.COMPLETE]
    study = study_of([3, 2], [math.nan], [1], [], states=states)
    curve_set = from_optuna(study, "loss")
    (curves,) = curve_set.tasks
    assert (curves.trial_ids, curves.task.max_t) == (("0", "1"), 2)
    np.testing.assert_array_equal(curves.metrics["loss"], [3, 2, math.nan])
    assert "1 trials reported nothing and are left out" in curve_set.readme


def test_studies_without_curves_are_refused() -> None:
    two = optuna.create_study(study_name="two", directions=["minimize", "maximize"])
    with pytest.raises(ValueError, match="values of several; 'two' has 2"):
        from_optuna(two, "loss")
    with pytest.raises(ValueError, match="none of the 2 finished trials of 'sweep' did"):
        from_optuna(study_of([], []), "loss")
    with pytest.raises(ValueError, match="max_t must be a whole number"):
        from_optuna(study_of([1]), "loss", max_t=-1)
    with pytest.raises(ValueError, match="a metric cannot be called 'step'"):
        from_optuna(study_of([1]), "step")
