"""The two commands as a user runs them, end to end, small."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from experiments import compare_sweeps, demo, extras
from experiments.finetune.settings import Settings
from experiments.finetune_sweep import finetune_sweep
from tests.finetune.conftest import word_task
from tune_es.replay import load_tasks

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.ray


def ran(module: str, *arguments: str) -> str:
    """What the command printed; it has to end well, with nothing on the error stream."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


def test_demo(tmp_path: Path) -> None:
    said = ran("experiments.demo", "--smoke", "--out", str(tmp_path))
    (folder,) = tmp_path.iterdir()
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {row["ended"] for row in rows} <= {"stalled", "hopeless", "ran in full"}
    assert all(row["reason"] for row in rows)
    assert len(list(folder.glob("*/events.out.tfevents.*"))) == 4
    for text in ("saved)", "Best configuration", "lr ", str(folder / "results.csv"), "tensorboard"):
        assert text in said


@pytest.fixture(autouse=True)
def _same_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What runs here leaves this process's environment and the user's cache alone."""
    monkeypatch.setenv("TUNE_ES_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    for module in (compare_sweeps, demo):
        monkeypatch.setattr(module, "prepare", lambda *, offline: None)


def test_compare_sweeps_runs_every_arm_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results"
    small = ["--trials", "2", "--evals", "6", "--epochs", "3", "--max-train", "64"]
    options = ["--task", "docstrings", *small, "--max-eval", "40", "--max-length", "16"]
    options += ["--workers", "1", "--runs", str(runs), "--results", str(results)]
    options += ["--arms", "none", "balanced", "promotion", "--record", str(tmp_path / "set")]
    said = ran("experiments.compare_sweeps", *options)
    table = (results / "sweep_docstrings.md").read_text()
    assert table in said
    assert "python -m experiments.compare_sweeps --task docstrings" in table
    with (results / "sweep_docstrings.csv").open() as file:
        none, balanced, promotion = csv.DictReader(file)
    assert (none["scheduler"], none["steps"]) == ("no stopping", "12")
    assert float(balanced["steps"]) <= 12
    assert 6 < float(promotion["steps"]) <= 12
    (curves,) = load_tasks(tmp_path / "set")
    assert (curves.task.metric, curves.lengths.tolist()) == ("eval_loss", [6, 6])

    kept = {path: path.stat().st_mtime_ns for path in runs.glob("*/*.json")}
    assert compare_sweeps.main([*options[:-1], str(tmp_path / "again")]) == 0
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(kept) == 3
    assert compare_sweeps.main([*options, "--trials", "3"]) == 2
    assert "was made with another trials" in capsys.readouterr().err


def test_too_many_evaluations_are_refused_before_any_trial_runs(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    chosen = Settings.from_config({**settings, "evals": 9})
    with pytest.raises(ValueError, match=r"at most the number of updates, 4 \(2 epochs of 2\)"):
        finetune_sweep(word_task(), chosen, name="x", trials=1, workers=1, folder=tmp_path)


def test_a_missing_extra_ends_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "torch" else object())
    assert demo.main(["--smoke"]) == 2
    said = "demo: torch is not installed: pip install 'tune-es[demo]'\n"
    assert capsys.readouterr().err == said
