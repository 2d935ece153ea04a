"""Restored sweeps whose saved state is torn, gone or hidden, and sweeps that stand still."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.experiment import Trial

from tests.ray.promoted import ALONE, space
from tests.ray.sweeps import tuner, warned, within
from tests.ray.test_queue import Standin, World
from tune_es import Patience, RungTable
from tune_es.ray import EarlyStoppingScheduler, silence
from tune_es.ray.queue import Queue
from tune_es.ray.resume import main

pytestmark = pytest.mark.chaos

CURVES = {"a": [0.9, 0.5, 0.6, 0.7, 0.8], "b": [0.9, 0.4, 0.6, 0.7, 0.8]}
STATES = "experiment_state-*.json"


@pytest.fixture(scope="module")
def over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a sweep that is over: no trial is left to be suggested."""
    folder = tmp_path_factory.mktemp("over")
    scheduler = EarlyStoppingScheduler(metric="loss", mode="min", stop=Patience(2))
    tuner(ALONE, space(CURVES), folder, scheduler=scheduler).fit()
    return folder / "sweep"


def restored(over: Path, storage: Path, damage: Callable[[Path], Any], pattern: str) -> tune.Tuner:
    """A copy with something done to its files; Ray keeps one place for all of one name."""
    folder = storage / storage.name
    shutil.copytree(over, folder)
    for path in folder.glob(pattern):
        damage(path)
    return tune.Tuner.restore(str(folder), trainable=ALONE, param_space={**space(CURVES)})


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


@pytest.mark.parametrize("damage", [truncate, Path.unlink])
def test_a_sweep_whose_state_is_torn_or_gone_does_not_start_over(
    over: Path, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    again = restored(over, tmp_path, damage, STATES)
    states = {path.name for path in tmp_path.glob(f"*/{STATES}")}
    with within(20), pytest.raises(RuntimeError, match="so Ray starts over: put a copy"):
        again.fit()
    assert {path.name for path in tmp_path.glob(f"*/{STATES}")} == states


def test_histories_that_are_of_later_than_the_trials_are_refused(
    over: Path, tmp_path: Path
) -> None:
    def earlier(path: Path) -> None:
        before = path.with_name("experiment_state-2000-01-01_00-00-00.json")
        before.write_text(path.read_text().replace("TERMINATED", "RUNNING"))
        path.unlink()

    again = restored(over, tmp_path, earlier, STATES)
    words = r"and no experiment_state-.*: remove \*-.* to restore experiment_state-2000-"
    with within(20), pytest.raises(RuntimeError, match=words):
        again.fit()


def test_a_torn_file_of_the_sweep_itself_is_one_line(over: Path, tmp_path: Path) -> None:
    shutil.copytree(over, tmp_path / "copy")
    truncate(tmp_path / "copy" / "tuner.pkl")
    with pytest.raises(SystemExit, match=r"tuner\.pkl cannot be read .* make the same Tuner again"):
        main([str(tmp_path / "copy"), "--trainable", "tests.ray.promoted:ALONE"])


@pytest.mark.parametrize("pattern", ["callback-states-*", "basic-variant-state-*"])
def test_a_sweep_that_lost_its_trials_says_so_and_saves_nothing(
    over: Path, tmp_path: Path, pattern: str
) -> None:
    again = restored(over, tmp_path, truncate, pattern)
    with within(20), pytest.raises(RuntimeError, match=r"no trials; .* remove callback-states"):
        again.fit()
    assert len([*tmp_path.glob(f"*/{STATES}")]) == 1


def test_a_clock_that_was_put_back_hides_no_state(over: Path, tmp_path: Path) -> None:
    def of_the_future(path: Path) -> None:
        kind = path.name.partition("-20")[0]
        path.rename(path.with_name(f"{kind}-2099-01-01_00-00-00{path.suffix}"))

    again = restored(over, tmp_path, of_the_future, "*-*-*_*-*-*.*")
    with within(20):
        assert len(again.fit()) == len(CURVES)
    newest = max(path.name for path in tmp_path.glob(f"*/{STATES}"))
    assert newest == "experiment_state-2099-01-01_00-00-00_1.json"


def test_trials_have_their_places_again() -> None:
    world = World(Queue, None, None)
    names = ["0", "1", "2"]
    world.queue.recall(names)
    for name in ("new", *reversed(names)):
        world.judge.admit(name, {})
        world.queue.add(Standin(name))
    started = []
    while (chosen := world.queue.choose(world)) is not None:
        chosen.set_status(Trial.RUNNING)
        started.append(chosen.trial_id)
    assert started == [*names, "new"]


def test_silence_is_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silence, "LEAST_S", 0.0)
    monkeypatch.setattr(silence, "TIMES", 0.0)
    world = World(Queue, RungTable({2: 1}), 2)
    for name, status in (("waits", Trial.PAUSED), ("hangs", Trial.RUNNING)):
        world.judge.admit(name, {})
        world.queue.add(Standin(name, status=status))
    world.judge.judge("waits", {"loss": 1.0, "training_iteration": 2})
    world.queue.noted(world.queue._trials["waits"].trial)
    with warned() as messages:
        assert [world.queue.choose(world) for _ in range(2)] == [None, None]
    assert [each.partition(". ")[0] for each in messages] == [
        "no result for 0 s: 1 paused trials wait for trial hangs (process None on None)"
    ]
