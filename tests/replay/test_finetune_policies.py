"""The policies on recorded fine-tuning: the comparison as it is typed, on a small set."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from experiments import finetune_policies
from experiments.finetune_policies_report import Judged
from tune_es.replay import CurveSet, save_curve_set, task_curves

STEPS, TRIALS = 8, 10
POLICIES = [
    "safe", "prechelt-pq", "seed-listing", "quota-0.01", "quota-0.01-ties", "random-0.2",
    "ray-asha-1-3", "optuna-median", "top-k-scaled",
]  # fmt: skip


def saved(folder: Path, **notes: str) -> Path:
    """Accuracies that are tied for three evaluations, and losses that are not."""
    gains = [[max(0, step - 2) * trial / 100 for step in range(STEPS)] for trial in range(TRIALS)]
    accuracy = [[0.4 + gain for gain in each] for each in gains]
    losses = [[1 - trial / 50 - step / 40 for step in range(STEPS)] for trial in range(TRIALS)]
    curves = task_curves(
        accuracy, "eval_accuracy", "max", source="tiny", name="one", test_accuracy=accuracy,
        eval_loss=losses, train_loss=losses, test_loss=losses,
    )  # fmt: skip
    save_curve_set(CurveSet("tiny", (curves,), "", {"one": notes} if notes else {}), folder)
    return folder


def test_the_command_writes_table_rows_and_plot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(tmp_path / "tiny", n_val="100")
    words = ["--curves", str(folder), "--seeds", "2", "--trials", "8", "--policy", *POLICIES]
    finetune_policies.main([*words, "--out", str(tmp_path)])
    report = (tmp_path / "finetune_policies.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    with (tmp_path / "finetune_policies.csv").open(newline="") as file:
        rows = {(row["policy"], row["task"]): row for row in csv.DictReader(file)}
    by_accuracy, by_loss = "one by eval_accuracy", "one by eval_loss"
    ties = "quota-0.01-ties"
    assert set(rows) == {
        (name, by)
        for by in (by_accuracy, by_loss)
        for name in ("full", *POLICIES)
        if name != ties or by == by_accuracy
    }
    for by in (by_accuracy, by_loss):
        assert (rows["full", by]["cost"], rows["full", by]["regret"]) == ("1", "0")
        assert rows["random-0.2", by]["cost"] == "0.25"
        assert f"## {by}" in report
        assert f"- {by}: " in report
    # The best is known by its loss from the start, and by its accuracy only late.
    assert rows["quota-0.01", by_loss]["regret"] == rows[ties, by_accuracy]["regret"] == "0"
    drawing = ElementTree.parse(tmp_path / "finetune_policies.svg").getroot()
    assert drawing.tag.endswith("svg")


def test_a_set_says_how_many_texts_an_accuracy_is_of(tmp_path: Path) -> None:
    folder = saved(tmp_path / "tiny")
    with pytest.raises(ValueError, match=r"tasks.csv must have a number n_val of task 'one'"):
        finetune_policies.main(["--curves", str(folder), "--out", str(tmp_path)])


def test_the_noise_of_a_value_by_hand() -> None:
    accuracy = [[0.5, 0.6], [0.9, 0.8], [0.2, 0.2]]
    seen = [[0.5, 0.4], [0.8, 0.8], [0.2, 0.2]]
    curves = task_curves(
        accuracy, "eval_accuracy", "max", eval_loss=accuracy, test_accuracy=seen, test_loss=seen
    )
    judged = Judged(curves, "eval_accuracy", "max", 25)
    assert judged.best == 0.9
    assert judged.scale == pytest.approx(0.9 - 0.6)  # of the last 0.6, 0.8 and 0.2
    assert judged.noise == pytest.approx(0.3 / 5)
    assert judged.noise_as_regret == pytest.approx(0.2)
    # The best two of three: 0.9 against 0.8, and 0.6 against 0.4.
    assert judged.spread == pytest.approx(math.sqrt(0.5 * 0.1**2) / math.sqrt(2))
    by_loss = Judged(curves, "eval_loss", "min", 25)
    assert (by_loss.best, by_loss.noise) == (0.2, by_loss.spread)
    assert by_loss.scale == pytest.approx(0.6 - 0.2)
