"""Tasks with further common metrics: weights and ties are searched, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.meta.tasks import early
from tune_es import TieBreak
from tune_es.meta import Bench, Goal, Recipe, Space, Split, Tuning, Workers, search, tune
from tune_es.meta.storage import Archive
from tune_es.replay import TaskCurves, task_curves

SPACE = Space(("curve", "promote"), {"val_f1": "max"})


def with_f1(name: str, seed: int) -> TaskCurves:
    """A task with an F1 that rises as its loss falls."""
    one = early(name, seed)
    losses = [one.values(trial).tolist() for trial in range(len(one))]
    f1 = [[1 - loss / 2 for loss in curve] for curve in losses]
    return task_curves(losses, "val_loss", "min", source="two", name=name, val_f1=f1)


@pytest.fixture(scope="module")
def proposed() -> list[Recipe]:
    bench = Bench(tuple(with_f1(f"t{at}", at) for at in range(2)), trials=6, seeds=1)
    tried = search(Workers(bench), SPACE, Goal(), 48, archive=Archive(None, {}), seed=1)
    return [each.recipe for each in tried]


def keys_of(spec: object) -> Iterator[str]:
    if isinstance(spec, dict):
        for key, inner in spec.items():
            yield str(key)
            yield from keys_of(inner)


def test_composites_and_ties_are_proposed_and_measured(proposed: list[Recipe]) -> None:
    assert any("Composite" in keys_of(each.stop) for each in proposed)
    tied = [each for each in proposed if each.ties]
    assert tied
    assert tied[0].policy("val_loss", "min", 12, 6).tie_break == TieBreak("val_f1")


def test_what_is_found_names_both_metrics_in_its_file() -> None:
    tasks = [with_f1(f"t{at}", at) for at in range(5)]
    tuning = Tuning(n_trials=16, trials=6, seeds=1, space=SPACE)
    found = tune(Split(tuple(tasks[:3]), tuple(tasks[3:])), tuning)
    policy = found.recipe.policy("val_loss", "min", 12, 6)
    assert policy.other_metrics == {"val_f1": "max"}
    assert found.report.chosen.tuning.regret.value == 0
