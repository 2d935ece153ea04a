"""Trainer states: of a real run, and of runs that were interrupted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_es.replay.imports import from_trainer_state

Log = Sequence[Mapping[str, Any]]

LOG: Log = [
    {"loss": 2.0, "grad_norm": 1.0, "learning_rate": 0.1, "epoch": 0.5, "step": 5},
    {"loss": 1.5, "grad_norm": 1.0, "learning_rate": 0.1, "epoch": 1.0, "step": 10},
    {"eval_loss": 1.2, "eval_acc": 0.5, "eval_runtime": 3.0, "eval_samples_per_second": 9.0,
     "eval_steps_per_second": 2.0, "epoch": 1.0, "step": 10},
    {"loss": math.nan, "epoch": 1.5, "step": 15},
    {"eval_loss": 1.1, "eval_acc": 0.6, "eval_model_preparation_time": 1.0,
     "epoch": 2.0, "step": 20},
    {"train_runtime": 9.0, "train_loss": 1.7, "total_flos": 1.0, "epoch": 2.0, "step": 20},
]  # fmt: skip


def write(folder: Path, log: Log = LOG, **state: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "trainer_state.json"
    content = {"global_step": 20, "log_history": list(log), "trial_params": None, **state}
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


def cut_at(step: int) -> Log:
    return [entry for entry in LOG if entry["step"] <= step]


def test_every_evaluation_keeps_its_numbers_and_the_loss_before_it(tmp_path: Path) -> None:
    file = write(tmp_path / "run", trial_params={"learning_rate": 0.1})
    curve_set = from_trainer_state(file, "eval_loss", "min")
    (curves,) = curve_set.tasks
    found = {name: column.tolist() for name, column in curves.metrics.items()}
    assert found.pop("train_loss")[0] == 1.5
    assert math.isnan(curves.metrics["train_loss"][1])
    assert found == {
        "eval_loss": [1.2, 1.1], "eval_acc": [0.5, 0.6], "global_step": [10, 20], "epoch": [1, 2],
    }  # fmt: skip
    assert (curves.trial_ids, curves.seconds) == (("run",), None)
    assert (curves.configs, curve_set.name) == ([{"learning_rate": 0.1}], "run")


def test_a_folder_is_searched_for_the_newest_state_of_every_run(tmp_path: Path) -> None:
    for name, steps in (("a", (10, 20)), ("deep/b", (20, 10))):
        for step in steps:
            write(tmp_path / "runs" / name / f"checkpoint-{step}", cut_at(step), global_step=step)
    write(tmp_path / "runs" / "c" / "checkpoint-10", cut_at(10), global_step=10)
    write(tmp_path / "runs" / "c")
    curve_set = from_trainer_state(tmp_path / "runs", "eval_acc", "max", task="sst2", max_t=4)
    (curves,) = curve_set.tasks
    assert (curves.trial_ids, curve_set.name) == (("a", "c", "deep/b"), "runs")
    assert np.diff(curves.starts).tolist() == [2, 2, 2]
    assert (curves.task.name, curves.task.mode, curves.task.max_t) == ("sst2", "max", 4)


def test_several_paths_are_runs_of_one_sweep(tmp_path: Path) -> None:
    write(tmp_path / "sweep" / "a" / "checkpoint-20")
    file = write(tmp_path / "sweep" / "b", cut_at(10))
    curve_set = from_trainer_state([tmp_path / "sweep" / "a", str(file)], "eval_loss", "min")
    assert curve_set.tasks[0].trial_ids == ("a", "b")
    assert curve_set.name == "sweep"
    assert curve_set.tasks[0].starts.tolist() == [0, 2, 3]


def test_several_validation_sets_are_one_evaluation(tmp_path: Path) -> None:
    log = [
        {"eval_x_loss": 1, "step": 5},
        {"eval_y_loss": 2, "step": 5},
        {"eval_x_loss": 3, "step": 9},
    ]
    (curves,) = from_trainer_state(write(tmp_path / "run", log), "eval_x_loss", "min").tasks
    np.testing.assert_array_equal(curves.metrics["eval_y_loss"], [2, math.nan])
    assert sorted(curves.metrics) == ["eval_x_loss", "eval_y_loss", "global_step"]


def test_a_training_loss_is_the_last_one_logged_before(tmp_path: Path) -> None:
    log = [{"eval_loss": 3, "step": 2}, {"loss": 9, "step": 4}, {"loss": 8, "step": 5},
           {"eval_loss": 2, "step": 6}, {"eval_loss": 1, "step": 8}]  # fmt: skip
    (curves,) = from_trainer_state(write(tmp_path / "run", log), "eval_loss", "min").tasks
    np.testing.assert_array_equal(curves.metrics["train_loss"], [math.nan, 8, 8])


def test_a_log_that_goes_back_is_cut_back(tmp_path: Path) -> None:
    log = [
        {"eval_loss": loss, "step": step}
        for step, loss in ((5, 9), (10, 8), (10, 7), (5, 6), (10, 5))
    ]
    (curves,) = from_trainer_state(write(tmp_path / "run", log), "eval_loss", "min").tasks
    np.testing.assert_array_equal(curves.values(0), [6, 5])


def test_a_run_without_an_evaluation_is_left_out_and_told(tmp_path: Path) -> None:
    write(tmp_path / "runs" / "a")
    write(tmp_path / "runs" / "b", cut_at(5))
    curve_set = from_trainer_state(tmp_path / "runs", "eval_loss", "min")
    assert curve_set.tasks[0].trial_ids == ("a",)
    assert "- trial b: no evaluation, left out" in curve_set.readme


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "one" / "run")
    write(tmp_path / "two" / "run")
    with pytest.raises(ValueError, match="two runs are called 'run'"):
        from_trainer_state([tmp_path / "one", tmp_path / "two"], "eval_loss", "min")
    with pytest.raises(ValueError, match="no run logged 'loss'; did you mean 'eval_loss'"):
        from_trainer_state(file, "loss", "min")
    with pytest.raises(ValueError, match="no run logged 'eval_runtime'"):
        from_trainer_state(file, "eval_runtime", "min")
    with pytest.raises(ValueError, match="mode must be a known name, got ''"):
        from_trainer_state(file, "eval_loss", "")
    with pytest.raises(ValueError, match="max_t must be a whole number"):
        from_trainer_state(file, "eval_loss", "min", max_t=0)
    (tmp_path / "empty").mkdir()
    for nothing in (tmp_path / "empty", tmp_path / "typo", tmp_path / "typo.json"):
        with pytest.raises(ValueError, match=r"must be a trainer_state.json or a folder of runs"):
            from_trainer_state(nothing, "eval_loss", "min")


def test_a_real_run(tmp_path: Path) -> None:
    for needed in ("accelerate", "torch", "transformers"):
        pytest.importorskip(needed)
    import torch
    import transformers

    class Linear(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.line = torch.nn.Linear(2, 1)

        def forward(self, x: Any, labels: Any) -> dict[str, Any]:
            found = self.line(x)
            return {"loss": ((found - labels) ** 2).mean(), "logits": found}

    rows = [{"x": torch.rand(2), "labels": torch.rand(1)} for _ in range(8)]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "run"),
        max_steps=6,
        eval_strategy="steps",
        eval_steps=2,
        logging_steps=1,
        save_steps=4,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = transformers.Trainer(Linear(), arguments, train_dataset=rows, eval_dataset=rows)
    trainer.train()
    curve_set = from_trainer_state(tmp_path / "run", "eval_loss", "min")
    (curves,) = curve_set.tasks
    assert sorted(curves.metrics) == ["epoch", "eval_loss", "global_step", "train_loss"]
    logged = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert curves.values(0).tolist() == logged
    assert curves.metrics["global_step"].tolist() == [2, 4, 6]
    assert np.isfinite(curves.metrics["train_loss"]).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "must be JSON"),
     ("[]", "must be a trainer state with log_history and global_step"),
     ('{"log_history": []}', "must be a trainer state with log_history and global_step")],
)  # fmt: skip
def test_a_file_that_is_no_state_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "trainer_state.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=words):
        from_trainer_state(file, "eval_loss", "min")
