"""`tune-es policies`, `tune-es record`, and the command as it is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import optuna
import pytest

from tests.cli.conftest import Command
from tune_es.replay import load_tasks
from tune_es.spec import KINDS, PRESETS


def test_policies_lists_every_name_with_its_parameters(tune_es: Command) -> None:
    said = tune_es("policies", "--json")
    rows = {row["name"]: row for row in said.data}
    assert set(rows) >= {"full", *PRESETS, "Patience", "BelowMedian"}
    assert rows["balanced"]["parameters"]["budget_share"] == 0.2
    assert rows["Target"]["parameters"] == {"value": "required", "patience": 1}
    assert all(row["about"] for row in rows.values())
    assert set(rows) <= {"full", *PRESETS, *KINDS}
    table = tune_es("policies").out
    assert all(name in table for name in PRESETS)


def test_a_csv_file_becomes_a_set(tune_es: Command, tmp_path: Path) -> None:
    source, out = tmp_path / "runs.csv", tmp_path / "set"
    source.write_text("trial_id,step,f1\na,1,0.5\na,2,0.7\nb,1,0.6\nb,2,0.6\n")
    said = tune_es("record", source, "--out", out, "--metric", "f1", "--mode", "max")
    assert said.code == 0
    assert "2 trials, 4 evaluations of 'f1' (max)" in said.out
    (curves,) = load_tasks(out)
    assert (curves.task.name, curves.task.mode, curves.values(1).tolist()) == (
        "runs", "max", [0.6, 0.6],
    )  # fmt: skip


def test_an_experiment_of_ray_becomes_a_set_that_replays(tune_es: Command, tmp_path: Path) -> None:
    for trial, losses in {"a": [0.9, 0.5, 0.4], "b": [0.8, 0.8, 0.8]}.items():
        folder = tmp_path / "sweep" / f"train_{trial}"
        folder.mkdir(parents=True)
        rows = [
            {"trial_id": trial, "training_iteration": step, "loss": loss, "time_this_iter_s": 2.0}
            for step, loss in enumerate(losses, start=1)
        ]
        (folder / "result.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "params.json").write_text(json.dumps({"lr": 0.1}))
    out = tmp_path / "set"
    words = ["record", tmp_path / "sweep", "--out", out, "--metric", "loss", "--mode", "min"]
    assert tune_es(*words).code == 0
    assert "already" in str(tune_es(*words).code)
    replayed = tune_es("replay", "--curves", out, "--policy", "full", "--seeds", 1, "--json",
                       "--processes", 1, "--price-per-hour", 1800)  # fmt: skip
    (summary,) = replayed.data
    assert summary["money"]["value"] == 6.0  # 6 steps of 2 s, half a unit of money a second


def test_runs_of_the_transformers_trainer_become_a_set(tune_es: Command, tmp_path: Path) -> None:
    for run, losses in {"a": [0.9, 0.5], "b": [0.8, 0.6]}.items():
        folder = tmp_path / "runs" / run / "checkpoint-20"
        folder.mkdir(parents=True)
        log = [
            {"step": 10 * at, "epoch": float(at), "eval_loss": loss}
            for at, loss in enumerate(losses, start=1)
        ]
        state = {"log_history": log, "global_step": 20}
        (folder / "trainer_state.json").write_text(json.dumps(state))
    out = tmp_path / "set"
    said = tune_es("record", tmp_path / "runs", "--out", out, "--metric", "eval_loss",
                   "--mode", "min", "--task", "mrpc")  # fmt: skip
    assert said.code == 0
    (curves,) = load_tasks(out)
    assert (curves.task.name, len(curves), curves.values(0).tolist()) == ("mrpc", 2, [0.9, 0.5])


def test_a_study_of_optuna_becomes_a_set(tune_es: Command, tmp_path: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(study_name="mine", storage=storage, direction="maximize")
    for best in (0.5, 0.7):
        trial = study.ask()
        trial.suggest_float("lr", 0.0, 1.0)
        for step in range(3):
            trial.report(best * (step + 1) / 3, step)
        study.tell(trial, best)
    words = ["record", storage, "--out", tmp_path / "set", "--metric", "accuracy"]
    assert "it has: mine" in str(tune_es(*words, "--study", "yours").code)
    assert "--mode is not for" in str(tune_es(*words, "--study", "mine", "--mode", "max").code)
    assert tune_es(*words, "--study", "mine").code == 0
    (curves,) = load_tasks(tmp_path / "set")
    assert (curves.task.mode, len(curves), set(curves.configs[0])) == ("max", 2, {"lr"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metric", "f1"], "--mode must be given"),
        (["--metric", "f1", "--mode", "maximum"], "did you mean 'max'?"),
        (["--metric", "f2", "--mode", "max"], "did you mean 'f1'?"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(
    tune_es: Command, tmp_path: Path, words: list[str], message: str
) -> None:
    source, out = tmp_path / "runs.csv", tmp_path / "set"
    source.write_text("trial_id,step,f1\na,1,0.5\n")
    said = tune_es("record", source, "--out", out, *words)
    assert message in str(said.code)
    assert not out.exists()
    nothing = tune_es("record", tmp_path / "no.csv", "--out", out, "--metric", "f", "--mode", "min")
    assert "there is no file or folder" in str(nothing.code)


def test_the_command_is_installed_and_says_its_version() -> None:
    script = Path(sys.executable).with_name("tune-es")
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "0.1.0"


def test_a_missing_package_is_named_in_one_line() -> None:
    code = "import sys; sys.modules['cyclopts'] = None\nfrom tune_es.cli import main; main()"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stderr.strip() == "tune-es needs cyclopts: pip install 'tune-es[replay]'"
