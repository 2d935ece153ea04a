"""Everything that a sweep writes, searched for what a private stop must not show."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune

from tests.ray.private_stop import ACCURACIES, PUBLIC, RULE, forms, secrets, trains
from tune_es import Policy, Target
from tune_es.cli import main
from tune_es.monitoring import read_experiment
from tune_es.ray import EarlyStopper, EarlyStoppingCallback, EarlyStoppingScheduler

STOP = Policy("private_stop", "max", stop=Target(1), max_t=len(ACCURACIES))
#: Files that have to be among those searched, and hold the public number.
WRITTEN = ("result.json", "progress.csv", "es_events-", "experiment_state-", "events.out.tfevents")


def test_nothing_that_is_written_holds_a_private_number(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, private = tmp_path / "storage", tmp_path / "private"
    private.mkdir()
    before = {path: path.stat().st_size for path in session_files()}
    grid = sweep(storage, private)
    page = ["report", "--out", str(storage / "report.html")]
    for words in (["explain"], ["explain", "--json"], ["watch", "--once"], page):
        command(monkeypatch, storage / "sweep", *words)
    told = tmp_path / "told"
    told.write_text("".join(capfd.readouterr()))
    written = [path for path in storage.rglob("*") if path.is_file()]
    new = [path for path in session_files() if path.stat().st_size > before.get(path, 0)]
    searched = {path: path.read_bytes() for path in [*written, *new, told]}

    stops = {last["config"]["name"]: last for last in lasts(grid)}
    assert {name: last["training_iteration"] for name, last in stops.items()} == {
        "lives": 4, "dies": 4,
    }  # fmt: skip
    assert all(last["es"]["cause"] == "REACHED" for last in stops.values())
    experiment = read_experiment(storage / "sweep")
    assert [trial.why and trial.why.criterion for trial in experiment.trials] == ["Target"] * 2

    assert storage / "report.html" in searched
    public = {path.name for path in found(searched, forms(PUBLIC))}
    assert [name for name in WRITTEN if not any(name in each for each in public)] == []
    assert {what: found(searched, each) for what, each in secrets().items()} == {
        what: [] for what in secrets()
    }
    assert {json.loads(path.read_text())["state"]["key"] for path in kept(private)} == {""}


def sweep(storage: Path, private: Path) -> tune.ResultGrid:
    """One trial as it should be, and one that dies once and asks about its steps again."""
    return tune.Tuner(
        trains,
        param_space={"name": tune.grid_search(["lives", "dies"]), "secrets": str(private)},
        tune_config=tune.TuneConfig(scheduler=EarlyStoppingScheduler(STOP)),
        run_config=tune.RunConfig(
            name="sweep",
            storage_path=str(storage),
            callbacks=[EarlyStoppingCallback()],
            failure_config=tune.FailureConfig(max_failures=1),
            verbose=1,
        ),
    ).fit()


def lasts(grid: tune.ResultGrid) -> list[dict[str, Any]]:
    results = [grid[at] for at in range(len(grid))]
    return [{**(each.metrics or {}), "config": each.config} for each in results]


def command(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> None:
    name, *options = words
    monkeypatch.setattr("sys.argv", ["tune-es", name, str(folder), *options])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)


def session_files() -> list[Path]:
    """The logs of Ray: of the driver, of every worker, and what they have printed."""
    node = ray._private.worker.global_worker.node
    assert node is not None
    logs = Path(node.get_session_dir_path(), "logs")
    return [path for path in logs.rglob("*") if path.is_file()]


def found(searched: dict[Path, bytes], each: Iterable[bytes]) -> list[Path]:
    """The files that hold one of these forms."""
    looked_for = list(each)
    return [path for path, data in searched.items() if any(form in data for form in looked_for)]


def kept(private: Path) -> list[Path]:
    return [path for path in private.iterdir() if path.name != "died"]


def test_a_scheduler_and_a_stopper_refuse_a_rule_whose_metric_they_would_write_down() -> None:
    for kind in (EarlyStoppingScheduler, EarlyStopper):
        with pytest.raises(ValueError, match="PrivateStop"):
            kind(metric="accuracy", mode="max", stop=RULE, max_t=5)
