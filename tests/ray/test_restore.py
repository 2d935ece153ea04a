"""A sweep that was killed and restored decides as one that was never interrupted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import ray.cloudpickle
from ray import tune

from tests.ray.drivers import run_until_killed
from tests.ray.killed import CURVES, DECISIONS, HELD, HELD_AT, Journal, space, sweep
from tests.ray.sweeps import Row, Sweep, within
from tests.ray.trainables import losses
from tune_es.monitoring import read_experiment

pytestmark = pytest.mark.chaos

scheduler_only = pytest.mark.parametrize("restored", ["scheduler"], indirect=True)


def restore(folder: Path) -> tune.Tuner:
    return tune.Tuner.restore(str(folder), trainable=losses, param_space=space(folder.parent))


def scheduler_of(tuner: tune.Tuner) -> Any:
    """The scheduler that Ray unpickled."""
    inner = tuner._local_tuner
    assert inner is not None
    return inner._tune_config.scheduler


class Restored(NamedTuple):
    """A sweep that was killed and restored, and what callbacks saw."""

    sweep: Sweep
    before: list[Row]
    after: list[Row]
    killed: Path
    scheduler: Any

    def steps_of(self, name: str) -> tuple[list[int], list[int]]:
        """The steps a trial reported to the process that was killed, and to the other."""
        mine = [line for line in self.before if line.get("run") == name]
        here = os.getpid()
        return (
            [line["step"] for line in mine if line["pid"] != here],
            [line["step"] for line in mine if line["pid"] == here],
        )


@pytest.fixture(scope="module", params=["scheduler", "stopper"])
def restored(
    request: pytest.FixtureRequest, ray_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Restored:
    kind: str = request.param
    storage = tmp_path_factory.mktemp("killed")
    run_until_killed("killed", ray_address, str(storage), kind, timeout_s=240)
    copy = storage / "copy" / kind
    shutil.copytree(storage / kind, copy)
    again = restore(storage / kind)
    grid = again.fit()
    before, after = (Journal(storage / f"{name}.jsonl").read() for name in ("before", "after"))
    return Restored(Sweep(grid), before, after, copy, scheduler_of(again))


def decisions(sweep: Sweep) -> dict[str, tuple[object, ...]]:
    of_es = itemgetter("cause", "best", "best_step")
    return {name: (sweep.steps(name), *of_es(sweep.es(name))) for name in CURVES}


def test_the_sweep_in_peace(tmp_path: Path) -> None:
    (tmp_path / "go").touch()
    assert decisions(Sweep(sweep(tmp_path, "scheduler").fit())) == DECISIONS


def test_every_decision_is_that_of_the_sweep_in_peace(restored: Restored) -> None:
    assert decisions(restored.sweep) == DECISIONS


def test_the_kill_came_in_the_middle(restored: Restored) -> None:
    """Else the other tests here show nothing."""
    assert restored.steps_of("breaks") == ([1, 2, 3, 4, 5], [])
    for name in HELD:
        early, late = restored.steps_of(name)
        assert early[-1] >= HELD_AT + 2
        assert len(set(early) & set(late)) >= 2
    assert restored.steps_of("stalls")[0] == []


def test_a_trial_goes_on_from_its_checkpoint_or_from_step_1(restored: Restored) -> None:
    assert [restored.steps_of(name)[1][0] for name in HELD] == [HELD_AT + 1, 1]
    for name in CURVES:
        _, late = restored.steps_of(name)
        assert late == list(range(late[0], DECISIONS[name][0] + 1)) if late else name == "breaks"


def test_callbacks_before_and_after_keep_their_own_state(restored: Restored) -> None:
    for name, lines in (("before", restored.before), ("after", restored.after)):
        (told,) = [line for line in lines if "restored" in line]
        assert told["restored"] == f"{name}.jsonl"
        assert told["seen"] > 0


@scheduler_only
def test_only_the_callback_after_ours_sees_es(restored: Restored) -> None:
    assert {line["es"] for line in restored.before if "run" in line} == {False}
    assert {line["es"] for line in restored.after if "run" in line} == {True}


@scheduler_only
def test_trials_that_had_ended_stay_as_they_were(restored: Restored) -> None:
    assert restored.scheduler.debug_string() == (
        "EarlyStopping: BROKEN 1, EXHAUSTED 1, HOPELESS 1, REACHED 1, STALLED 3"
    )


def test_the_event_log_of_both_processes_is_one_story(restored: Restored) -> None:
    """A stop, a value and a step each once, as in the sweep in peace; the cut is seen."""
    experiment = read_experiment(Path(restored.sweep.result("breaks").path).parent)
    records = {each.config["run/name"]: each for each in experiment.trials}
    told = {name: (each.steps[-1], each.why and each.why.cause) for name, each in records.items()}
    assert told == {name: row[:2] for name, row in DECISIONS.items()}
    for name, each in records.items():
        assert [*each.steps] == list(range(1, DECISIONS[name][0] + 1))
        assert repr([*each.values["loss"]]) == repr(CURVES[name][: len(each.steps)])
    assert experiment.is_over
    assert {records[name].spans[0].ended for name in HELD} == {"lost"}
    assert [span.ended for span in records["breaks"].spans] == ["stopped"]


def damaged(restored: Restored, storage: Path, damage: Callable[[Path], None]) -> tune.Tuner:
    """The killed sweep with something done to the newest saved state of its callbacks."""
    folder = storage / storage.name  # Ray keeps one place for all experiments of one name
    shutil.copytree(restored.killed, folder)
    damage(max(folder.glob("callback-states-*.pkl")))
    return restore(folder)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


def of_another_version(path: Path) -> None:
    states = ray.cloudpickle.loads(path.read_bytes())
    states[1]["layout"] = 99
    path.write_bytes(ray.cloudpickle.dumps(states))


def of_another_callback(path: Path) -> None:
    """What a change in the list of callbacks comes to: states go by position."""
    states = ray.cloudpickle.loads(path.read_bytes())
    states[1] = states[0]
    path.write_bytes(ray.cloudpickle.dumps(states))


def of_an_earlier_time(path: Path) -> None:
    """What a process that dies between two files leaves: the trials are ahead of their history."""
    states = ray.cloudpickle.loads(path.read_bytes())
    states[1]["lives"] = {}
    path.write_bytes(ray.cloudpickle.dumps(states))


def trial_folders(storage: Path) -> set[str]:
    return {folder.name for folder in storage.glob("*/losses_*")}


@scheduler_only
@pytest.mark.parametrize(
    "damage", [truncate, of_another_version, of_another_callback, of_an_earlier_time]
)
def test_a_state_that_cannot_be_read_is_an_error_and_no_silent_restart(
    restored: Restored, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    tuner = damaged(restored, tmp_path, damage)
    with within(20), pytest.raises(RuntimeError, match="remove callback-states"):
        tuner.fit()
    assert trial_folders(tmp_path) == trial_folders(restored.killed.parent)


@scheduler_only
def test_without_a_saved_state_the_sweep_goes_on_with_empty_histories(
    restored: Restored, tmp_path: Path
) -> None:
    again = Sweep(damaged(restored, tmp_path, Path.unlink).fit())
    assert {name: again.last(name)["done"] for name in CURVES} == dict.fromkeys(CURVES, True)
