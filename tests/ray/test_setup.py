"""What is settled before a sweep runs, and what it leaves for the next one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ray import tune

from tests.ray.sweeps import Recorder, Sweep, fit, run, runs, warned
from tests.ray.trainables import losses, rows
from tune_es import Patience, Policy
from tune_es.ray import EarlyStopper, EarlyStoppingCallback, EarlyStoppingScheduler
from tune_es.ray.callback import withdraw_callback

CURVE = [3, 2, 2, 2, 2]
SPACE = runs(run("one", CURVE))
CALLBACKS, LENIENT = "RAY_TUNE_CALLBACKS", "TUNE_DISABLE_STRICT_METRIC_CHECKING"


class RanError(AssertionError):
    """A sweep ran that was to be refused."""


def never(config: Mapping[str, Any]) -> None:
    raise RanError


def refused(storage: Path, message: str, scheduler: EarlyStoppingScheduler, **config: Any) -> None:
    """The sweep is refused before any trial is made."""
    recorder = Recorder()
    with pytest.raises(ValueError, match=message):
        fit(never, SPACE, storage, scheduler=scheduler, callbacks=[recorder], **config)
    assert recorder.events == []
    assert list(storage.glob("sweep/never_*")) == []


def test_metric_from_the_scheduler_and_mode_from_the_sweep(tmp_path: Path) -> None:
    scheduler = EarlyStoppingScheduler(metric="loss", stop=Patience(2))
    sweep = fit(losses, SPACE, tmp_path, scheduler=scheduler, mode="min")
    assert scheduler.policy == Policy("loss", "min", stop=Patience(2))
    assert sweep.numbers("one") == (4, 3, "STALLED", 2, 2)


def test_metric_and_mode_from_both_where_they_agree_and_a_budget_of_its_own(
    tmp_path: Path,
) -> None:
    given: dict[str, Any] = {"metric": "loss", "mode": "max"}
    scheduler = EarlyStoppingScheduler(**given, stop=Patience(9), max_t=3)
    stop = {"training_iteration": 5}
    sweep = fit(losses, SPACE, tmp_path, scheduler=scheduler, stop=stop, **given)
    assert sweep.numbers("one") == (3, 6, "EXHAUSTED", 3, 1)


@pytest.mark.parametrize("config", [{"metric": "accuracy", "mode": "min"}, {"mode": "max"}])
def test_a_contradiction_is_refused(tmp_path: Path, config: dict[str, Any]) -> None:
    scheduler = EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(2))
    refused(tmp_path, "the scheduler you are using was already instantiated", scheduler, **config)


@pytest.mark.parametrize(
    ("given", "config", "missing"),
    [
        ({}, {}, "metric"),
        ({"metric": "loss"}, {}, "mode"),
        ({}, {"metric": "loss"}, "mode"),
        ({"mode": "min"}, {}, "metric"),
    ],
)
def test_a_missing_metric_or_mode_is_refused(
    tmp_path: Path, given: dict[str, Any], config: dict[str, Any], missing: str
) -> None:
    scheduler = EarlyStoppingScheduler(**given, stop=Patience(2))
    message = rf"EarlyStoppingScheduler\.{missing} must be given, here or in TuneConfig"
    refused(tmp_path, message, scheduler, **config)


def test_a_preset_without_a_budget_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, r"max_t is needed by", EarlyStoppingScheduler(metric="loss", mode="min"))
    refused(
        tmp_path,
        r"max_t is needed by",
        EarlyStoppingScheduler(metric="loss", mode="min"),
        stop={"epoch": 7},
    )


@pytest.mark.parametrize("by_file", [False, True])
def test_the_budget_comes_from_the_stop_of_the_sweep(tmp_path: Path, by_file: bool) -> None:
    policy = Policy("loss", "min", stop=Patience(9), time_attr="epoch")
    path = tmp_path / "policy.yaml"
    path.write_text(policy.to_yaml())
    assert EarlyStopper.from_file(path).policy == policy
    scheduler = (
        EarlyStoppingScheduler.from_file(path)
        if by_file
        else EarlyStoppingScheduler(**policy.to_dict())
    )
    epochs = [{"loss": 3 / epoch, "epoch": epoch} for epoch in range(1, 9)]
    sweep = fit(
        rows, runs(run("one", rows=epochs)), tmp_path, scheduler=scheduler, stop={"epoch": 4}
    )
    assert scheduler.policy is not None
    assert scheduler.policy.max_t == 4
    assert sweep.numbers("one") == (4, 6, "EXHAUSTED", 0.75, 4)


@pytest.mark.parametrize("kind", [EarlyStoppingScheduler, EarlyStopper])
def test_an_unknown_argument_is_refused_when_built_with_the_nearest_name(kind: Any) -> None:
    with pytest.raises(ValueError, match=rf"{kind.__name__} has no field 'metrik'.*'metric'"):
        kind(metrik="loss", mode="min", max_t=5)
    with pytest.raises(ValueError, match=r"'grace_period'; it is called 'not_before' here"):
        kind(metric="loss", mode="min", max_t=5, grace_period=2)
    with pytest.raises(ValueError, match=r"did you mean 'min'"):
        kind(metric="loss", mode="minimum", max_t=5)
    with pytest.raises(ValueError, match=r"did you mean 'balanced'"):
        kind(metric="loss", mode="min", max_t=5, stop="balance")
    with pytest.raises(ValueError, match=rf"{kind.__name__} takes a policy or its fields"):
        kind(Policy("loss", "min", max_t=5), mode="min")


def test_one_scheduler_serves_one_sweep_after_another(tmp_path: Path) -> None:
    """Each starts afresh, in what it is told and in what it remembers."""
    scheduler = EarlyStoppingScheduler(stop=Patience(2))
    callback = EarlyStoppingCallback()
    trial_ids = set()
    for mode, step in (("min", 4), ("max", 3)):
        sweep = fit(
            losses,
            SPACE,
            tmp_path,
            name=mode,
            metric="loss",
            mode=mode,
            scheduler=scheduler,
            callbacks=[callback],
        )
        trial_ids.add(sweep.last("one")["trial_id"])
        assert sweep.steps("one") == step
        assert scheduler.debug_string() == "EarlyStopping: STALLED 1"
    assert len(trial_ids) == 2


def test_the_settings_of_the_user_are_back_after_every_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CALLBACKS, "tests.ray.sweeps.Recorder")
    monkeypatch.setenv(LENIENT, "0")
    for name in ("first", "second"):
        scheduler = EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(2))
        sweep = fit(losses, SPACE, tmp_path, name=name, scheduler=scheduler)
        assert sweep.es("one")["cause"] == "STALLED"
        assert (os.environ[CALLBACKS], os.environ[LENIENT]) == ("tests.ray.sweeps.Recorder", "0")


def test_a_list_of_callbacks_that_ray_has_added_to_serves_again(tmp_path: Path) -> None:
    """Ray puts its own callbacks, and ours, into the very list that it is given."""
    callbacks: list[tune.Callback] = [Recorder()]

    def sweep(name: str, **config: Any) -> Sweep:
        run_config = tune.RunConfig(
            name=name, storage_path=str(tmp_path), callbacks=callbacks, verbose=0
        )
        tune_config = tune.TuneConfig(metric="loss", mode="min", reuse_actors=True, **config)
        return Sweep(
            tune.Tuner(
                losses, param_space=SPACE, tune_config=tune_config, run_config=run_config
            ).fit()
        )

    with warned() as messages:
        for name in ("first", "second"):
            again = sweep(name, scheduler=EarlyStoppingScheduler(stop=Patience(2)))
            assert again.numbers("one") == (4, 3, "STALLED", 2, 2)
        plain = sweep("third")
    assert messages == []
    assert plain.steps("one") == len(CURVE)
    assert "es" not in plain.last("one")


@pytest.mark.parametrize("name", ["nonfinite_patience", "explosion_factor"])
def test_a_guard_that_is_switched_off_stays_off(name: str) -> None:
    scheduler = EarlyStoppingScheduler(metric="loss", mode="min", max_t=9, **{name: None})
    assert scheduler.set_search_properties(None, None)
    withdraw_callback()
    assert scheduler.policy is not None
    assert getattr(scheduler.policy, name) is None


def test_an_impossible_budget_is_not_taken_for_none() -> None:
    with pytest.raises(ValueError, match="max_t"):
        EarlyStoppingScheduler(metric="loss", mode="min", max_t=0)
