"""The search: the same whoever measures and however often it is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.meta.tasks import bench
from tune_es.meta import Archive, Bench, Goal, Recipe, Space, Tried, Workers, search, workers
from tune_es.meta.measured import Measured, OnTask
from tune_es.meta.search import BATCH
from tune_es.meta.storage import SETTINGS

SETTLED: dict[str, Any] = {"curves": "sha256:1", "trials": 8}
GOAL = Goal(0.01, 0.9)


class Instead(Workers):
    """Measures at once: what a policy costs is read off its rule. May be interrupted."""

    def __init__(self, of: Bench, lasts: int = 10**6) -> None:
        super().__init__(of)
        self.lasts, self.seen = lasts, list[Recipe]()

    def measure(
        self,
        recipes: Sequence[Recipe],
        on_done: Callable[[int], Any] = lambda policies: None,
        *,
        tasks: Sequence[int] | None = None,
    ) -> list[Measured]:
        self.seen += recipes
        if len(self.seen) > self.lasts:
            raise KeyboardInterrupt
        on_done(len(recipes))
        return [_made_up(each) for each in recipes]


def _made_up(recipe: Recipe) -> Measured:
    policy = recipe.policy("l", "min", 100, 50)
    cost = (hash_of(policy.to_yaml()) % 1000) / 1000
    return Measured((OnTask(cost, 0.02 * (1 - cost), 0.0), OnTask(cost, 0.0, 0.0)))


def hash_of(text: str) -> int:
    return sum(at * ord(letter) for at, letter in enumerate(text))


def tried(storage: str | None, n_trials: int, lasts: int = 10**6, seed: int = 3) -> list[Tried]:
    at_work = Instead(bench(), lasts)
    return search(at_work, Space(), GOAL, n_trials, archive=Archive(storage, SETTLED), seed=seed)


def recipes(found: list[Tried]) -> list[Recipe]:
    return [each.recipe for each in found]


@pytest.fixture(params=["sqlite", "journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    path = tmp_path / "tune.db"
    return f"sqlite:///{path}" if request.param == "sqlite" else str(path)


def states(storage: str) -> list[str]:
    archive = Archive(storage, SETTLED)
    assert archive._study is not None
    return [trial.state.name for trial in archive._study.trials]


def test_interrupted_and_begun_again_is_the_same(storage: str) -> None:
    whole = tried(None, 4 * BATCH)
    with pytest.raises(KeyboardInterrupt):
        tried(storage, 4 * BATCH, lasts=2 * BATCH)
    assert states(storage) == ["COMPLETE"] * 2 * BATCH
    again = tried(storage, 4 * BATCH)
    assert recipes(again) == recipes(whole)
    assert [each.measured for each in again] == [each.measured for each in whole]
    assert states(storage) == ["COMPLETE"] * 4 * BATCH


@pytest.mark.parametrize("torn", [1, 4 * BATCH - 1])
def test_a_torn_batch_is_completed(torn: int, tmp_path: Path) -> None:
    """Killed while the storage was written: some policies of a batch are there, others not."""
    whole, storage = tried(None, 4 * BATCH), str(tmp_path / "journal")
    tried(storage, torn)
    at_work = Instead(bench())
    again = search(at_work, Space(), GOAL, 4 * BATCH, archive=Archive(storage, SETTLED), seed=3)
    assert recipes(again) == recipes(whole)
    assert len(at_work.seen) == 4 * BATCH - torn


def test_nothing_is_measured_twice_and_fewer_can_be_asked_for(storage: str) -> None:
    first = tried(storage, 2 * BATCH)
    assert recipes(tried(storage, 2 * BATCH, lasts=0)) == recipes(first)
    assert recipes(tried(storage, BATCH, lasts=0)) == recipes(first)[:BATCH]


def test_seeds_differ_after_the_known_policies() -> None:
    one, other = tried(None, 2 * BATCH), tried(None, 2 * BATCH, seed=4)
    assert recipes(one)[:12] == recipes(other)[:12]
    assert recipes(one) != recipes(other)


def test_other_settings_are_refused_in_one_line(storage: str) -> None:
    tried(storage, 2)
    with pytest.raises(ValueError, match=r"\(curves was \"sha256:1\", now \"sha256:2\"\)") as said:
        Archive(storage, {**SETTLED, "curves": "sha256:2"})
    assert "\n" not in str(said.value)


def test_trials_of_another_search_are_refused(tmp_path: Path) -> None:
    storage = str(tmp_path / "journal")
    tried(storage, BATCH + 3, seed=5)
    with pytest.raises(ValueError, match="is not the one that this search proposes"):
        tried(storage, 2 * BATCH, seed=6)


def test_a_folder_that_is_not_there_is_said() -> None:
    with pytest.raises(ValueError, match="the storage must be a URL or a file"):
        Archive("nowhere/tune.journal", SETTLED)


def test_the_study_can_be_read_by_optuna(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tune.db'}"
    found = tried(url, BATCH)
    study = optuna.load_study(study_name="tune-es", storage=url)
    assert study.user_attrs[SETTINGS] == SETTLED
    for each, trial in zip(found, study.trials, strict=True):
        assert trial.values == [each.measured.cost, each.measured.regret]
        assert (trial.constraints["tail"] <= 0) == GOAL.is_kept_by(each.measured)
    best = {trial.number for trial in study.best_trials}
    keeping = [each for each in found if GOAL.is_kept_by(each.measured)]
    assert min(keeping, key=lambda each: each.measured.cost).number in best


def test_processes_change_nothing() -> None:
    """Also where the policies of a batch are more than a process takes at a time."""
    found = []
    for processes in (1, 2):
        with closing(workers(bench(), processes)) as at_work:
            space = Space(("compare", "promote"))
            done = search(at_work, space, GOAL, 13, archive=Archive(None, {}))
        found.append([(each.recipe, each.measured) for each in done])
    assert found[0] == found[1]


def test_progress_counts_every_policy_once() -> None:
    counted = list[int]()
    at_work = Instead(bench())
    search(at_work, Space(), GOAL, 2 * BATCH + 3, archive=Archive(None, {}), on_done=counted.append)
    assert sum(counted) == 2 * BATCH + 3
