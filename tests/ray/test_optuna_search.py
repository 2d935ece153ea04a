"""What a study holds after sweeps with the searcher, each way a trial may end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler

from tests.ray.sweeps import Row, fit, run
from tests.ray.trainables import losses
from tune_es import Patience
from tune_es.ray import EarlyStoppingOptunaSearch, EarlyStoppingScheduler

NAN = math.nan
CURVES: dict[str, list[float]] = {
    "a": [3, 1, 2, 2, 2, 2],
    "b": [5, 4, 3, 2, 1, 0.5],
    "c": [9, 9.5, 9.5, 9.5],
}


def searcher(**arguments: Any) -> EarlyStoppingOptunaSearch:
    return EarlyStoppingOptunaSearch(**{"metric": "loss", "mode": "min", "seed": 0, **arguments})


def trials_of(search: EarlyStoppingOptunaSearch) -> list[FrozenTrial]:
    study: Any = search._ot_study
    trials: list[FrozenTrial] = study.get_trials()
    return trials


def states(search: EarlyStoppingOptunaSearch) -> list[str]:
    return [each.state.name for each in trials_of(search)]


def named(curves: Mapping[str, Any], **options: Any) -> tuple[Row, list[Row]]:
    """A space in which a searcher names one of these runs, and points that name each once."""
    each = {name: run(name, curve, **options) for name, curve in curves.items()}
    return {"name": tune.choice([*each]), "runs": each}, [{"name": name} for name in each]


def named_losses(config: Mapping[str, Any]) -> None:
    """Runs the one of its runs that the searcher named."""
    losses({"run": config["runs"][config["name"]]})


def by_name(search: EarlyStoppingOptunaSearch) -> dict[str, FrozenTrial]:
    return {each.params["name"]: each for each in trials_of(search)}


SCHEDULERS: dict[str, Callable[[], TrialScheduler]] = {
    "ours": lambda: EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(3)),
    "asha": lambda: AsyncHyperBandScheduler(metric="loss", mode="min", max_t=5, grace_period=2),
    "fifo": FIFOScheduler,
}


@pytest.mark.parametrize("kind", SCHEDULERS)
def test_every_stop_is_complete_with_the_best_value(tmp_path: Path, kind: str) -> None:
    space, points = named(CURVES)
    search = searcher(points_to_evaluate=points)
    sweep = fit(
        named_losses,
        space,
        tmp_path,
        search_alg=search,
        scheduler=SCHEDULERS[kind](),
        num_samples=3,
    )
    told = by_name(search)
    steps: dict[str, int] = {
        last["config"]["name"]: last["training_iteration"] for last in sweep.lasts
    }
    for name, curve in CURVES.items():
        seen = curve[: steps[name]]
        trial = told[name]
        assert (trial.state, trial.value) == (TrialState.COMPLETE, min(seen))
        assert trial.intermediate_values == dict(enumerate(seen, 1))
        assert trial.user_attrs["es/steps"] == steps[name]
        assert trial.user_attrs["es/best_step"] == 1 + seen.index(min(seen))
        assert trial.user_attrs["es/seconds"] > 0
    assert told["a"].user_attrs["es/cause"] == {"ours": "STALLED"}.get(kind, "ENDED")
    assert {each.user_attrs["es/trial_id"] for each in told.values()} == {
        last["trial_id"] for last in sweep.lasts
    }
