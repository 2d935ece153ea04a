"""What a study holds after sweeps with the searcher, each way a trial may end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FrozenTrial, TrialState
from ray import tune
from ray.tune.schedulers import AsyncHyperBandScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import ConcurrencyLimiter, Repeater

from tests.ray.sweeps import Row, fit, run
from tests.ray.trainables import losses, rows
from tune_es import Patience
from tune_es.promotion import RungTable
from tune_es.ray import EarlyStoppingOptunaSearch, EarlyStoppingScheduler, PromotionScheduler

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


#: What trials report, and what the study is told of them: a value where they are COMPLETE.
ROWS: dict[str, tuple[list[Row], float | None, str]] = {
    "ends in NaN": ([{"loss": 3}, {"loss": NAN}], None, "BROKEN"),
    "ends in infinity": ([{"loss": 3}, {"loss": -math.inf}], None, "BROKEN"),
    "recovers": ([{"loss": 3}, {"loss": NAN}, {"loss": math.inf}, {"loss": 2}], 2, "ENDED"),
    "never finite": ([{"loss": NAN}, {"other": 1}], None, "BROKEN"),
    "no number": (
        [{"loss": "low"}, {"loss": [1.0]}, {"loss": True}],
        None,
        "BROKEN",
    ),
    "missing": ([{"other": 1}, {"loss": 4}, {"other": 1}], 4, "ENDED"),
    "none at the end": ([{"loss": 4}, {"loss": np.float32(0.5)}, {"loss": None}], 0.5, "ENDED"),
}


def named_rows(config: Mapping[str, Any]) -> None:
    rows({"run": {"rows": config["rows"][config["name"]]}})


@pytest.mark.parametrize("kind", ["ours", "fifo"])
def test_what_is_broken_failed_and_nothing_odd_ends_the_sweep(tmp_path: Path, kind: str) -> None:
    search = searcher(points_to_evaluate=[{"name": name} for name in ROWS])
    sweep = fit(
        named_rows,
        {"name": tune.choice([*ROWS]), "rows": {name: row for name, (row, _, _) in ROWS.items()}},
        tmp_path,
        search_alg=search,
        scheduler=SCHEDULERS[kind](),
        num_samples=len(ROWS),
    )
    assert sweep.errors == [None] * len(ROWS)
    for name, trial in by_name(search).items():
        _, value, cause = ROWS[name]
        state = TrialState.FAIL if value is None else TrialState.COMPLETE
        assert (name, trial.state, trial.value) == (name, state, value)
        assert (name, trial.user_attrs["es/cause"]) == (name, cause)
        assert all(map(math.isfinite, trial.intermediate_values.values()))


def test_a_cause_of_the_scheduler_is_the_cause_in_the_study(tmp_path: Path) -> None:
    space, points = named({"breaks": [3, NAN, NAN, NAN, NAN], "stalls": [3, 3, 3, 3, 3, 3]})
    search = searcher(points_to_evaluate=points)
    options: Row = {"search_alg": search, "scheduler": SCHEDULERS["ours"](), "num_samples": 2}
    fit(named_losses, space, tmp_path, **options)
    told = by_name(search)
    assert told["breaks"].user_attrs["es/cause"] == "BROKEN"
    assert told["breaks"].state == TrialState.FAIL
    assert told["breaks"].user_attrs["es/steps"] < 5
    assert told["stalls"].user_attrs["es/cause"] == "STALLED"


def test_those_let_go_are_complete_with_their_best(tmp_path: Path) -> None:
    space, points = named(
        {"a": [1, 2, 3, 4], "b": [5, 6, 0.5, 7], "c": [2, 3, 3, 3], "d": [3, 4, 4, 4]}, saves=1
    )
    search = searcher(points_to_evaluate=points)
    fit(
        named_losses,
        space,
        tmp_path,
        search_alg=search,
        scheduler=PromotionScheduler(rule=RungTable({2: 1}), metric="loss", mode="min", max_t=4),
        num_samples=4,
    )
    told = {name: (each.state.name, each.value) for name, each in by_name(search).items()}
    assert told == {
        name: ("COMPLETE", value) for name, value in zip("abcd", (1, 5, 2, 3), strict=True)
    }
    assert by_name(search)["a"].user_attrs["es/steps"] == 4


@pytest.mark.chaos
def test_one_that_dies_again_and_again_failed_and_one_that_recovers_is_one_trial(
    tmp_path: Path,
) -> None:
    marks = {"marks": str(tmp_path / "marks"), "crash_before": 3}
    each = {
        "dies": run("dies", [3, 2, 1], crashes=9, **marks),
        "killed": run("killed", [3, 2, 1], crashes=9, kill=True, **marks),
        "starts again": run("starts again", [3, 2, 1, 4], **marks),
        "goes on": run("goes on", [3, 2, 1, 4], saves=1, **marks),
    }
    search = searcher(points_to_evaluate=[{"name": name} for name in each])
    fit(
        named_losses,
        {"name": tune.choice([*each]), "runs": each},
        tmp_path,
        search_alg=search,
        num_samples=4,
        max_failures=1,
    )
    assert len(trials_of(search)) == 4
    told = by_name(search)
    for name in ("dies", "killed"):
        assert (told[name].state, told[name].user_attrs["es/cause"]) == (TrialState.FAIL, "FAILED")
        assert told[name].intermediate_values == {1: 3, 2: 2}
    for name in ("starts again", "goes on"):
        assert (told[name].state, told[name].value) == (TrialState.COMPLETE, 1)
        assert told[name].intermediate_values == {1: 3, 2: 2, 3: 1, 4: 4}


def test_a_batch_that_is_never_full_is_told(tmp_path: Path) -> None:
    space, points = named(CURVES)
    search = searcher(points_to_evaluate=points)
    limited = ConcurrencyLimiter(search, max_concurrent=2, batch=True)
    fit(named_losses, space, tmp_path, search_alg=limited, num_samples=3)
    assert {name: each.value for name, each in by_name(search).items()} == {
        name: min(curve) for name, curve in CURVES.items()
    }


def repeated(config: Mapping[str, Any]) -> None:
    if config["x"] > 1 and config["__trial_index__"] == 1:
        raise RuntimeError("the second run fails")
    tune.report({"loss": 5.0})
    tune.report({"loss": config["x"] + config["__trial_index__"]})


def test_runs_that_are_repeated_are_one_trial_with_their_mean(tmp_path: Path) -> None:
    search = searcher(points_to_evaluate=[{"x": 0.5}, {"x": 1.5}, {"x": 0.25}])
    fit(
        repeated,
        {"x": tune.uniform(0, 2)},
        tmp_path,
        search_alg=Repeater(search, repeat=2),
        num_samples=5,  # the last is half a group
    )
    assert [each.value for each in trials_of(search)] == [1, 1.5, 0.25]


def test_several_objectives_are_told_as_at_the_best_step(tmp_path: Path) -> None:
    each: dict[str, list[Row]] = {
        "all": [{"loss": 3, "size": 7}, {"loss": 1, "size": 8}, {"loss": 2, "size": 9}],
        "missing": [{"loss": 3, "size": 7}, {"loss": 1}, {"size": None}],
        "never": [{"loss": 3}, {"loss": 1}],
        "broken": [{"loss": 3, "size": 7}, {"loss": 1, "size": NAN}],
    }
    search = searcher(
        metric=["loss", "size"],
        mode=["min", "min"],
        points_to_evaluate=[{"name": name} for name in each],
    )
    fit(
        named_rows,
        {"name": tune.choice([*each]), "rows": each},
        tmp_path,
        search_alg=search,
        scheduler=SCHEDULERS["ours"](),
        num_samples=4,
    )
    told = {name: (each.state.name, each.values) for name, each in by_name(search).items()}
    assert told == {
        "all": ("COMPLETE", [1, 8]),
        "missing": ("COMPLETE", [1, 7]),
        "never": ("FAIL", None),
        "broken": ("FAIL", None),
    }
