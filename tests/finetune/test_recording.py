"""Configurations that are trained in full and kept as a curve set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments import record_finetune
from experiments.record_finetune import main
from tune_es.replay import load_curve_set, load_tasks

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


@pytest.fixture
def record(
    trec: str, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., int]:
    """Records so many configurations; gives how many were trained for it."""

    def recorded(configs: int, runs: str = "runs", **more: object) -> int:
        options = f"--configs {configs} --evals 2 --epochs 2 --max-length 12 --num-layers 1"
        places = ["--runs", str(tmp_path / runs), "--out", str(tmp_path / "set")]
        model = ["--model", str(model_folder), "--frozen", "0"]
        others = [str(each) for name, value in more.items() for each in (f"--{name}", value)]
        assert main(["--task", trec, *options.split(), *model, *places, *others]) == 0
        return capsys.readouterr().out.count("best accuracy")

    return recorded


def test_every_configuration_is_recorded_once(record: Callable[..., int], tmp_path: Path) -> None:
    assert record(2) == 2
    assert record(3) == 1  # goes on from what is there
    (curves,) = load_tasks(tmp_path / "set")
    assert (curves.task.metric, curves.task.mode) == ("eval_accuracy", "max")
    assert curves.lengths.tolist() == [2, 2, 2]
    assert {"eval_loss", "eval_f1", "train_loss", "test_accuracy"} < set(curves.metrics)
    assert curves.test_metric == "test_accuracy"
    assert curves.seconds is not None
    assert (curves.seconds > 0).all()
    assert len({each["lr"] for each in curves.configs}) == 3
    assert "train_seconds" not in curves.metrics
    curve_set = load_curve_set(tmp_path / "set")
    notes = curve_set.notes["trec"]
    assert int(notes["n_train"]) + int(notes["n_val"]) == 48  # two lines each
    assert (notes["n_test"], notes["classes"]) == ("8", "2")
    assert "python -m experiments.record_finetune" in curve_set.readme
    assert all(f"| {name} |" in curve_set.readme for name in curves.metrics)


def test_a_set_that_is_there_is_gone_on_with(
    record: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record(2) == 2
    (before,) = load_tasks(tmp_path / "set")
    assert record(3, runs="another day") == 1
    (after,) = load_tasks(tmp_path / "set")
    assert len(after) == 3
    for name in before.metrics:
        for trial in range(2):
            assert repr(after.values(trial, name)) == repr(before.values(trial, name))
    with pytest.raises(AssertionError):
        record(3, runs="a third", seed=7)
    assert "it was recorded with other options" in capsys.readouterr().err


def test_a_task_that_is_not_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--task", "trek:x", "--out", str(tmp_path / "set")]) == 2
    assert "did you mean 'trec'" in capsys.readouterr().err
