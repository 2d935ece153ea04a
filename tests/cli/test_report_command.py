"""``tune-es report`` as it is typed."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tune_es import Patience, Policy
from tune_es.params import POLICY_FILE
from tune_es.replay import task_curves
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set

HOSTILE = "</script><script>window.hacked=1</script>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder that Ray leaves of a sweep of four trials, with a policy of ours."""
    made = tmp_path / "sweep"
    for at in range(4):
        steps = 10 if at % 2 else 4
        losses = [1 / (step + at) for step in range(1, steps + 1)]
        write(made, at, losses, reason=None if at % 2 else "stalled: Patience (misses=2, limit=2)")
    policy = Policy("val/loss", "min", stop=Patience(2), max_t=10)
    (made / POLICY_FILE).write_text(policy.to_yaml())
    return made


def write(folder: Path, at: int, losses: list[float], reason: str | None = None) -> None:
    """One trial as the JSON logger writes it."""
    trial = folder / f"train_{at}"
    trial.mkdir(parents=True)
    config = {"lr": 10.0**-at, HOSTILE: at}
    (trial / "params.json").write_text(json.dumps(config))
    lines = [row(at, step, loss) for step, loss in enumerate(losses, start=1)]
    lines[-1]["es"] = {"reason": reason or "continue"}
    lines[-1]["done"] = True
    (trial / "result.json").write_text("".join(json.dumps(each) + "\n" for each in lines))


def row(at: int, step: int, loss: float) -> dict[str, Any]:
    return {
        "trial_id": f"id{at}", "training_iteration": step, "val": {"loss": loss, "f1": 1 - loss},
        "time_this_iter_s": 36.0, "timestamp": 1_800_000_000 + 36 * step, "config": {"lr": 0.1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "saved 0.24 of 0.80 (30 %), loss of quality unknown."),
        (("--quality-lost", 0), "saved 0.24 of 0.80 (30 %), lost nothing: every saving is a gain."),
        (
            ("--quality-lost", 0.01, "--value-of-quality", 8),
            "saved 0.24 of 0.80 (30 %), lost 0.08: net 0.16, a return of 200 % on the loss.",
        ),
    ],
)
def test_the_saving_is_weighed_against_the_loss(
    tune_es: Command, folder: Path, tmp_path: Path, more: tuple[object, ...], said: str
) -> None:
    page = tmp_path / "report.html"
    done = tune_es("report", folder, "--out", page, "--price-per-hour", 2, *more)
    assert (done.code, done.err) == (0, "")
    assert f"<b>In money:</b> {said}" in page.read_text(encoding="utf-8")


def test_a_page_is_written(tune_es: Command, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = tune_es("report", folder, "--out", page, "--price-per-hour", 2)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"wrote {page}\n"
    html = page.read_text(encoding="utf-8")
    assert "So far, stopping early saved 30 % of the training steps" in html
    assert "stalled: Patience at step 4" in html
    assert "money saved" in html
    assert "val/f1" in html
    assert HOSTILE not in html


def test_the_page_is_called_report_by_default(
    tune_es: Command, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert tune_es("report", folder).out == "wrote report.html\n"
    assert Path("report.html").stat().st_size > 1e6


def test_plots_alone(tune_es: Command, folder: Path, tmp_path: Path) -> None:
    done = tune_es("report", folder, "--plots", tmp_path / "plots", "--format", "svg")
    assert done.code == 0
    assert {path.name for path in (tmp_path / "plots").iterdir()} >= {"curves.svg", "ends.svg"}
    assert not Path("report.html").exists()


def test_energy_and_carbon(tune_es: Command, folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = tune_es("report", folder, "--out", page, "--watts", 500, "--gco2-per-kwh", 400)
    assert done.code == 0
    assert "0.14 kWh" in page.read_text(encoding="utf-8")  # 28 steps of 36 s at 500 W


def test_regret_on_recorded_curves(tune_es: Command, folder: Path, tmp_path: Path) -> None:
    losses = [[1 / (step + at) for step in range(1, 11)] for at in range(6)]
    task = task_curves(losses, "val/loss", "min")
    save_curve_set(CurveSet("made", (task,), "# made\n"), tmp_path / "made")
    page = tmp_path / "page.html"
    done = tune_es("report", folder, "--out", page, "--curves", tmp_path / "made")
    assert done.code == 0
    assert "over 6 full curves (recorded curves)" in page.read_text(encoding="utf-8")


def test_another_schedulers_sweep(tune_es: Command, folder: Path, tmp_path: Path) -> None:
    (folder / POLICY_FILE).unlink()
    page = tmp_path / "page.html"
    missing = tune_es("report", folder, "--out", page)
    assert "val/loss" in str(missing.code)
    words = ("report", folder, "--out", page, "--metric", "val/loss", "--mode", "min")
    assert tune_es(*words).code == 0
    assert "no policy of tune_es stopped" in page.read_text(encoding="utf-8")
    assert tune_es(*words, "--policy", "{Patience: {patience: 2}}").code == 0
    assert "full curves (trials of this sweep)" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--out", "nowhere/page.html"), "--out must be a file in a folder that exists"),
        (("--gco2-per-kwh", 300), "needs watts"),
        (("--price-per-hour", -1), "at least 0"),
        (("--policy", "full"), "--policy must be one that stops trials"),
        (("--policy", "save"), "did you mean 'safe'"),
        (("--metric", "val/los", "--mode", "min"), "did you mean 'val/loss'"),
        (("--curves", "nowhere"), "nowhere"),
    ],
)
def test_mistakes_are_told_in_one_line(
    tune_es: Command,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[Any, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    done = tune_es("report", folder, *words)
    assert message in str(done.code)
    assert "\n" not in str(done.code)
    assert not Path("report.html").exists()


def test_a_folder_that_is_none(tune_es: Command, tmp_path: Path) -> None:
    assert "there is no folder" in str(tune_es("report", tmp_path / "none").code)


def test_trials_of_nothing_but_nan(tune_es: Command, tmp_path: Path) -> None:
    write(tmp_path / "sweep", 0, [math.nan, math.inf])
    page = tmp_path / "page.html"
    words = ("--metric", "val/loss", "--mode", "min")
    assert tune_es("report", tmp_path / "sweep", "--out", page, *words).code == 0
    assert "no trial has reported a number for val/loss" in page.read_text(encoding="utf-8")
