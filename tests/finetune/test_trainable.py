"""The trainable under a real Ray: crash and resume, and stopping parameters from the config."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from experiments.finetune.encoding import EncodedTask
from experiments.finetune.trainable import finetune, finetune_on
from experiments.outcomes import best_of, outcomes, saving
from experiments.sweep import Sweep, local_ray, scheduler_named
from search_spaces.finetune import finetune_space
from search_spaces.stopping import patience_space

pytestmark = [
    pytest.mark.ray,
    # Ray's own code warns and leaves sockets to the garbage collector.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

COLUMNS = ["eval_loss", "eval_accuracy", "eval_f1", "train_loss", "learning_rate", "test_accuracy"]


@pytest.fixture(scope="module", autouse=True)
def _ray() -> Iterator[None]:
    """The Ray that other tests of this process have started, or one of our own."""
    if ray.is_initialized():
        yield
        return
    with local_ray(2):
        yield


def crashing(data: EncodedTask, after: int) -> Callable[[dict[str, Any]], None]:
    """`finetune`, dying after some evaluations in a life that has no checkpoint yet."""

    def trainable(config: dict[str, Any]) -> None:
        reports, first_life, report = 0, tune.get_checkpoint() is None, tune.report

        def counting(*args: Any, **kwargs: Any) -> None:
            nonlocal reports
            reports += 1
            if first_life and reports > after:
                raise RuntimeError("the machine is gone")
            report(*args, **kwargs)

        tune.report = counting
        try:
            finetune(config, data)
        finally:
            tune.report = report

    return trainable


def fitted(trainable: Any, config: dict[str, Any], folder: Path) -> Any:
    """Every result of a single trial that may fail once."""
    run_config = tune.RunConfig(
        storage_path=str(folder), verbose=0, failure_config=tune.FailureConfig(max_failures=1)
    )
    result = tune.Tuner(trainable, param_space=config, run_config=run_config).fit()[0]
    assert result.error is None
    return result.metrics_dataframe


def test_a_trial_that_crashes_goes_on_with_the_same_numbers(
    settings: dict[str, Any], words: EncodedTask, tmp_path: Path
) -> None:
    config = {**settings, "checkpoint": True, "dropout": 0.2}
    whole = fitted(finetune_on(words), config, tmp_path / "whole")
    crashed = fitted(crashing(words, after=3), config, tmp_path / "crashed")
    assert len(crashed) == 6
    assert crashed[COLUMNS].equals(whole[COLUMNS])
    assert crashed["pid"].nunique() == 2


def test_a_sweep_tunes_its_own_stopping(
    settings: dict[str, Any], words: EncodedTask, tmp_path: Path
) -> None:
    fixed = {"model": settings["model"], "epochs": 4, "evals": 6}
    sweep = Sweep(
        name="sweep",
        trainable=finetune_on(words),
        space={**finetune_space(**fixed), "es": patience_space(6)},
        trials=4,
        workers=2,
        folder=tmp_path,
    )
    search = OptunaSearch(metric="eval_loss", mode="min", seed=0)
    results = sweep.run(scheduler_named("balanced", "eval_loss", 6), search, [])
    trials = outcomes(results, "eval_loss", 6)
    assert [trial.error for trial in trials] == [""] * 4
    for trial in trials:
        rule = trial.config["es"]["stop"]["Patience"]
        assert rule["relative"] is True
        assert 1 <= rule["patience"] <= 3
        assert trial.ended in ("stalled", "ran in full")
        assert trial.best_step == trial.curve["eval_loss"].idxmin() + 1
    best = best_of(trials, "eval_loss")
    assert best is not None
    assert best.loss == min(trial.loss for trial in trials)
    used = saving(trials)
    assert used.steps == sum(trial.steps for trial in trials) <= used.full_steps == 24
