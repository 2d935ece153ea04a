"""Tuning by replay on a Ray cluster, and warnings where a tuned policy meets another sweep."""

from __future__ import annotations

import itertools
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.meta.tasks import bench
from tests.ray.sweeps import fit, run, runs, warned
from tests.ray.trainables import losses
from tests.unit.test_certificate import CERTIFICATE
from tune_es import Policy, RungTable
from tune_es.certificate import Certificate
from tune_es.documents import dump_yaml
from tune_es.meta import Archive, Goal, Space, Split, Tuning, Where, search, tune, workers
from tune_es.ray import EarlyStopper, EarlyStoppingScheduler, PromotionScheduler
from tune_es.ray.callback import withdraw_callback

COVERING = replace(
    CERTIFICATE, metrics=("loss min",), max_t=(10, 20), trials=(8, 9), noise=(0.0, 0.01)
)
POLICY = Policy("loss", "min", stop="none", max_t=10)


def test_a_ray_cluster_measures_what_this_process_does() -> None:
    found = []
    for ray in (False, True):
        with closing(workers(bench(), ray=ray)) as at_work:
            space = Space(("compare", "promote"))
            done = search(at_work, space, Goal(), 14, archive=Archive(None, {}))
        found.append([(each.recipe, each.measured) for each in done])
    assert found[0] == found[1]


def test_tuning_joins_the_ray_that_runs_and_leaves_it_running() -> None:
    import ray

    tasks = bench(4).tasks
    tuning = Tuning(n_trials=4, trials=6, seeds=1, space=Space(("promote",)))
    found = tune(Split(tasks[:3], tasks[3:]), tuning, Where(ray=True))
    assert found.report.tried == 4
    assert ray.is_initialized()


def file_with(certificate: Certificate | None, folder: Path, policy: Policy = POLICY) -> Path:
    path = folder / "policy.yaml"
    beside = {} if certificate is None else {"certificate": certificate.to_dict()}
    path.write_text(dump_yaml({**policy.to_dict(), **beside}))
    return path


def falling(count: int, noise: float = 0.0, steps: int = 10) -> dict[str, object]:
    curves = [
        [1 - 0.05 * step + noise * (-1) ** step + trial for step in range(steps)]
        for trial in range(count)
    ]
    return runs(*(run(f"t{at}", curve) for at, curve in enumerate(curves)))


def messages(path: Path, space: dict[str, object], folder: Path, **changes: Any) -> list[str]:
    """What is said of the certificate in a sweep under this file."""
    with warned() as said:
        fit(losses, space, folder, scheduler=EarlyStoppingScheduler.from_file(path, **changes))
    return [text.partition("this sweep: ")[2] for text in said if "certificate" in text]


def test_a_sweep_like_those_it_was_tuned_on_is_not_warned_of(tmp_path: Path) -> None:
    assert messages(file_with(COVERING, tmp_path), falling(8), tmp_path) == []


def test_another_budget_size_and_noise_are_warned_of_once_each(tmp_path: Path) -> None:
    path = file_with(COVERING, tmp_path)
    said = messages(path, falling(12, noise=0.2, steps=7), tmp_path, max_t=7)
    assert [text.partition(",")[0] for text in said] == [
        "it was tuned on budgets of 10 to 20 evaluations",
        "it was tuned on sweeps of 8 to 9 trials",
        "it was tuned on curves with a noise of 0 to 0.01 of their range",
    ]


def test_another_metric_is_warned_of_and_judged_by(tmp_path: Path) -> None:
    path = file_with(replace(COVERING, metrics=("val_loss min",)), tmp_path)
    (said,) = messages(path, falling(8, steps=3), tmp_path)
    assert said == "it was tuned on val_loss min, and the sweep is judged by loss min"


def test_a_stopper_warns_of_what_it_can_know(tmp_path: Path) -> None:
    policy = replace(POLICY, metric="val/loss")
    path = file_with(replace(COVERING, metrics=("loss min",)), tmp_path, policy)
    with warned() as said:
        stopper = EarlyStopper.from_file(path, max_t=7)
        assert len(said) == 2
        for at, step in itertools.product(range(8), range(1, 8)):
            loss = 1 - 0.05 * step + 0.2 * (-1) ** step + at
            stopper(f"t{at}", {"training_iteration": step, "val": {"loss": loss}})
    assert [text.partition("this sweep: ")[2].partition(",")[0] for text in said] == [
        "it was tuned on loss min",
        "it was tuned on budgets of 10 to 20 evaluations",
        "it was tuned on curves with a noise of 0 to 0.01 of their range",
    ]


def test_a_file_without_a_certificate_says_nothing(tmp_path: Path) -> None:
    assert messages(file_with(None, tmp_path), falling(2, steps=3), tmp_path, max_t=3) == []


def test_a_file_with_a_certificate_promotes(tmp_path: Path) -> None:
    policy = replace(POLICY, promotion=RungTable({1: 3}))
    scheduler = PromotionScheduler.from_file(file_with(COVERING, tmp_path, policy), trials=8)
    assert isinstance(scheduler, PromotionScheduler)
    scheduler.set_search_properties(None, None)
    withdraw_callback()  # no sweep follows
    assert scheduler.policy == policy


def test_a_wrong_certificate_is_refused_when_loaded(tmp_path: Path) -> None:
    path = file_with(None, tmp_path)
    path.write_text(path.read_text() + "certificate: {bound: 2}\n")
    with pytest.raises(ValueError, match="Certificate lacks the field"):
        EarlyStoppingScheduler.from_file(path)
