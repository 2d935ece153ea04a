"""Configurations that are trained in full and kept as a curve set."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import record_finetune
from experiments.record_finetune import main
from tune_es.replay import load_tasks

SENTENCES = [
    f"DESC:manner What is word{at % 7} ?\nLOC:city Where is word{at % 5} ?" for at in range(24)
]


@pytest.fixture(autouse=True)
def _same_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_finetune, "prepare", lambda *, offline: None)


@pytest.fixture
def trec(tmp_path: Path) -> str:
    folder = tmp_path / "trec"
    folder.mkdir()
    for name, rows in (("train.txt", 24), ("test.txt", 4)):
        (folder / name).write_text("\n".join(SENTENCES[:rows]) + "\n", encoding="latin-1")
    return f"trec:{folder}"


def test_every_configuration_is_recorded_once(
    trec: str, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def recorded(configs: int) -> int:
        options = f"--configs {configs} --evals 2 --epochs 2 --max-length 12 --num-layers 1"
        places = ["--runs", str(tmp_path / "runs"), "--out", str(tmp_path / "set")]
        model = ["--model", str(model_folder), "--frozen", "0"]
        assert main(["--task", trec, *options.split(), *model, *places]) == 0
        return capsys.readouterr().out.count("best accuracy")

    assert recorded(2) == 2
    assert recorded(3) == 1  # goes on from what is there
    (curves,) = load_tasks(tmp_path / "set")
    assert (curves.task.metric, curves.task.mode) == ("eval_accuracy", "max")
    assert curves.lengths.tolist() == [2, 2, 2]
    assert {"eval_loss", "eval_f1", "train_loss", "test_accuracy"} < set(curves.metrics)
    assert curves.test_metric == "test_accuracy"
    assert curves.seconds is not None
    assert (curves.seconds > 0).all()
    assert len({each["lr"] for each in curves.configs}) == 3


def test_a_task_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--task", "trek:x", "--out", str(tmp_path / "set")]) == 2
    assert "did you mean 'trec'" in capsys.readouterr().err
