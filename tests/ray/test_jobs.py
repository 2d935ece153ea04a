"""Sweeps as jobs of a real cluster: they outlive the terminal, can be stopped, and go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Command, runner
from tests.ray.head_node import HeadNode, head_node, wait_until
from tune_es.monitoring import Status, read_experiment
from tune_es.ray.jobs import Jobs
from tune_es.ray.resume import check_restorable, load_trainable

ROOT = Path(__file__).resolve().parents[2]

SWEEP = """\
import sys, tempfile, time
from pathlib import Path
from ray import tune
from tune_es import Patience
from tune_es.ray import EarlyStoppingScheduler
from model import floor

def train(config):
    first, saved = 1, tune.get_checkpoint()
    if saved:
        with saved.as_directory() as folder:
            first = int(Path(folder, "step").read_text()) + 1
    for step in range(first, 13):
        time.sleep(config["wait"])
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "step").write_text(str(step))
            value = {"loss": floor(step), "first": first}
            tune.report(value, checkpoint=tune.Checkpoint(folder))

if __name__ == "__main__":
    where, name, wait = sys.argv[1:]
    scheduler = EarlyStoppingScheduler(metric="loss", mode="min", max_t=12, stop=Patience(3))
    tuner = tune.Tuner(
        train,
        param_space={"wait": float(wait)},
        tune_config=tune.TuneConfig(scheduler=scheduler),
        run_config=tune.RunConfig(name=name, storage_path=where),
    )
    tuner.fit()
"""
MODEL = "def floor(step):\n    return max(0.5, 1 - 0.1 * step)\n"
FAILS = """\
import os, sys
print("in", os.environ["WHERE"], os.environ["TOO"], sys.argv[1:], sorted(os.listdir()))
sys.exit(3)
"""


@pytest.fixture(scope="module")
def node() -> Iterator[HeadNode]:
    with head_node(num_cpus=4) as head:
        yield head


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scripts, a module that one of them imports, and what is not to be sent."""
    folder = tmp_path_factory.mktemp("project")
    for name, text in {"sweep.py": SWEEP, "model.py": MODEL, "fails.py": FAILS}.items():
        (folder / name).write_text(text)
    (folder / ".gitignore").write_text("*.log\n")
    (folder / "old.log").write_text("x")
    (folder / "data.bin").write_bytes(os.urandom(300_000))
    return folder


@pytest.fixture
def tune_es(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process."""
    monkeypatch.setenv("COLUMNS", "120")
    return runner(monkeypatch, capsys)


def test_a_sweep_outlives_its_terminal_is_stopped_and_goes_on_from_its_folder(
    node: HeadNode, project: Path, tune_es: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "swept"
    words = ["submit", "sweep.py", "--name", "mine", "--env", "TUNE_GLOBAL_CHECKPOINT_S=1"]
    terminal = subprocess.run(
        [sys.executable, "-m", "tune_es.cli", *words, "--", str(tmp_path), "swept", "0.5"],
        cwd=project,
        env={**node.environment(), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )  # it finds the cluster by its control store, in RAY_ADDRESS
    assert terminal.returncode == 0, terminal.stderr
    job_id = terminal.stdout.strip()
    assert f"tune-es logs {job_id} --follow" in terminal.stderr

    at = ("--address", node.dashboard.removeprefix("http://"))
    jobs = Jobs(node.dashboard)
    wait_until(lambda: jobs.look(job_id).is_over or _has_steps(folder, 2), 60)
    said = tune_es("status", "mine", *at, "--json")
    assert (json.loads(said.out)["status"], said.code) == ("RUNNING", 0)
    assert "EarlyStoppingScheduler" in tune_es("logs", "mine", *at).out
    stopped = tune_es("stop", job_id[:20], *at)
    assert (stopped.out.strip(), stopped.code) == (f"{job_id} STOPPED", 0)
    assert tune_es("status", job_id, *at).code == 2
    assert tune_es("logs", job_id, "--follow", *at).code == 2
    assert "was over: STOPPED" in tune_es("stop", job_id, *at).out
    assert not read_experiment(folder).is_over

    monkeypatch.chdir(project)
    assert "--trainable FILE.py:train" in str(tune_es("submit", folder, *at).code)
    again = tune_es("submit", folder, "--trainable", "sweep.py:train", "--wait", *at)
    assert again.code == 0, again.out
    assert "SUCCEEDED" in again.err
    (trial,) = read_experiment(folder).trials
    assert (trial.status, trial.steps[-1]) == (Status.STOPPED, 8)
    assert trial.values["first"][-1] > 1
    assert (
        "did not beat the best, 0.5; the limit is 3" in tune_es("explain", folder, "--trial", 1).out
    )


def _has_steps(folder: Path, steps: int) -> bool:
    lines = [file.read_text().count("\n") for file in folder.glob("*/result.json")]
    states = any(folder.glob("experiment_state-*.json"))
    return states and sum(lines) >= steps


def test_a_script_that_fails_says_so_to_a_shell_and_had_what_was_sent(
    node: HeadNode, project: Path, tune_es: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("env_vars: {TOO: yes-too, WHERE: elsewhere}\nexcludes: [data.bin]\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # --address goes before it
    at = ("--address", node.dashboard)
    said = tune_es("submit", "fails.py", "--env", "WHERE=there", "--runtime-env", more, "--wait",
                   *at, "--", "--lr", "3 4")  # fmt: skip
    assert said.code == 1
    assert (
        "in there yes-too ['--lr', '3 4'] ['.gitignore', 'fails.py', 'model.py', 'sweep.py']"
        in said.out
    )
    job_id = said.out.split()[0]
    status = tune_es("status", job_id, *at)
    assert status.code == 1
    assert "failed with exit code 3" in status.out
    every = tune_es("status", *at)
    assert every.code == 0
    assert "fails.py" in every.out
    assert "FAILED" in every.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["status", "raysubmit_nothing"], "there is no job 'raysubmit_nothing'; "),
        (["logs", "min"], "there is no job 'min'"),
        (["stop", "nobody"], "there is no job 'nobody'"),
        (["submit", "swep.py"], "there is no script 'swep.py'; did you mean 'sweep.py'?"),
        (["submit", "sweep.py", "--env", "WHERE"], "--env must be NAME=VALUE, got 'WHERE'"),
        (["submit", "sweep.py", "--resources", "tpu=x"], "--resources must be NAME=AMOUNT"),
        (["submit", "sweep.py", "--upload-mib", "0.1"], "largest: data.bin (0.3 MiB)"),
        (["submit", "sweep.py", "--working-dir", "no"], "--working-dir must be a folder with"),
        (["submit", "no", "--trainable", "sweep.py:train"], "there is no folder 'no'"),
        (["submit", ".", "--trainable", "swep.py:train"], "there is no file 'swep.py'"),
        (["submit", ".", "--trainable", "a.b:c", "--", "1"], "an experiment takes no arguments"),
    ],
)
def test_a_mistake_is_one_line(
    node: HeadNode,
    project: Path,
    tune_es: Command,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", node.dashboard)
    said = tune_es(*words)
    assert str(said.code).startswith("tune-es: ")
    assert message in str(said.code)
    assert "\n" not in str(said.code)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "http://127.0.0.1:1"])
def test_where_no_job_api_answers_it_is_said_in_one_line(tune_es: Command, address: str) -> None:
    said = tune_es("status", "--address", address)
    assert f"no job API of Ray answers at {address}" in str(said.code)
    assert "\n" not in str(said.code)


def test_a_trainable_is_named_by_file_or_module(project: Path) -> None:
    assert load_trainable(f"{project / 'model.py'}:floor")(1) == 0.9
    assert load_trainable("json:dumps") is json.dumps
    for wrong in ("train", "x.py:train", f"{project / 'model.py'}:roof", "json:1"):
        with pytest.raises(ValueError, match="--trainable"):
            load_trainable(wrong)


def test_a_folder_without_a_state_is_refused_for_ray_would_start_over(tmp_path: Path) -> None:
    state = tmp_path / "experiment_state-2026-11-27_13-19-18.json"
    trial = json.dumps({"trial_id": "a", "status": "RUNNING"})
    whole = json.dumps({"trial_data": [[trial, "{}"]]})
    for text in (None, whole[: len(whole) // 2], json.dumps({"trial_data": []})):
        if text is not None:
            state.write_text(text)
        with pytest.raises(ValueError, match="there is no sweep that could go on"):
            check_restorable(str(tmp_path))
    state.write_text(whole)
    check_restorable(str(tmp_path))
    check_restorable("s3://bucket/sweep")


def test_without_the_dashboards_packages_it_says_what_to_install(
    tune_es: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tune_es.ray.job_client.NEEDED", ("json", "no_such_package"))
    said = tune_es("status", "--address", "http://127.0.0.1:1")
    assert "needs no_such_package" in str(said.code)
    assert "pip install 'tune-es[dashboard]'" in str(said.code)
