from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.finetune.encoding import EncodedTask
from experiments.finetune.loop import Save, run
from experiments.finetune.model import load_classifier, parameter_groups
from experiments.finetune.scores import score
from experiments.finetune.settings import Settings

Metrics = dict[str, float]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def trained(
    config: dict[str, Any], data: EncodedTask, start: Path | None = None, **changes: Any
) -> list[Metrics]:
    """Every evaluation of a run, without its seconds."""
    reports: list[Metrics] = []

    def report(metrics: Metrics, save: Save | None) -> bool:
        assert metrics.pop("train_seconds") > 0
        reports.append(metrics)
        return False

    run(Settings.from_config({**config, **changes}), data, report, start)
    return reports


def interrupted(
    config: dict[str, Any], data: EncodedTask, folder: Path, after: int, **changes: Any
) -> list[Metrics]:
    """A run that is saved and ended after some evaluations, and one that goes on from there."""
    first: list[Metrics] = []

    def report(metrics: Metrics, save: Save | None) -> bool:
        metrics.pop("train_seconds")
        first.append(metrics)
        if len(first) == after and save is not None:
            save(folder)
        return len(first) == after

    run(Settings.from_config({**config, **changes}), data, report)
    return first + trained(config, data, folder, **changes)


@pytest.mark.parametrize("after", [1, 4])
@pytest.mark.parametrize(
    "changes",
    [
        {"schedule": "cosine", "dropout": 0.3, "test": "best"},
        {"accumulation": 2, "batch_size": 4, "label_smoothing": 0.1, "frozen": 1},
        {"precision": "bf16", "layer_decay": 0.8},
    ],
)
def test_a_resumed_run_gives_the_same_numbers(
    settings: dict[str, Any],
    words: EncodedTask,
    tmp_path: Path,
    after: int,
    changes: dict[str, Any],
) -> None:
    changes = {**changes, "checkpoint": True}
    whole = trained(settings, words, **changes)
    assert interrupted(settings, words, tmp_path, after, **changes) == whole
    assert len(whole) == 6


def test_the_same_seed_gives_the_same_run_and_another_seed_another(
    settings: dict[str, Any], words: EncodedTask
) -> None:
    assert trained(settings, words) == trained(settings, words)
    assert trained(settings, words) != trained(settings, words, seed=1)


def test_the_loss_decreases(settings: dict[str, Any], words: EncodedTask) -> None:
    reports = trained(settings, words, epochs=8, evals=8)
    assert reports[-1]["eval_loss"] < 0.5 * reports[0]["eval_loss"]
    assert reports[-1]["train_loss"] < 0.5 * reports[0]["train_loss"]
    assert reports[-1]["eval_accuracy"] == reports[-1]["eval_f1"] == 1.0
    assert [report["epoch"] for report in reports] == list(range(1, 9))


def test_accumulated_batches_are_one_big_batch(
    settings: dict[str, Any], words: EncodedTask
) -> None:
    # 48 rows in updates of 20: the last update of an epoch has 8 rows, in uneven batches of 5.
    whole = trained(settings, words, dropout=0.0, batch_size=20)
    parts = trained(settings, words, dropout=0.0, batch_size=5, accumulation=4)
    for one, other in zip(whole, parts, strict=True):
        assert one == pytest.approx(other, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_lower_precision_learns_too(
    settings: dict[str, Any], words: EncodedTask, precision: str
) -> None:
    full = trained(settings, words, epochs=6)
    low = trained(settings, words, epochs=6, precision=precision)
    assert low[-1]["eval_loss"] < 0.6 * low[0]["eval_loss"]
    assert low[0]["eval_loss"] == pytest.approx(full[0]["eval_loss"], abs=0.05)
    assert low != full


def test_warm_up_rises_and_the_schedule_falls(settings: dict[str, Any], words: EncodedTask) -> None:
    rates = [r["learning_rate"] for r in trained(settings, words, warmup=0.5, schedule="linear")]
    assert rates[2] == max(rates) == pytest.approx(3e-3)
    assert rates[:3] == sorted(rates[:3])
    assert rates[-1] == 0
    constant = trained(settings, words, warmup=0.0, schedule="constant")
    assert {report["learning_rate"] for report in constant} == {3e-3}


def test_the_test_split_is_scored_when_asked(settings: dict[str, Any], words: EncodedTask) -> None:
    always = trained(settings, words, lr=0.03)
    best = trained(settings, words, lr=0.03, test="best")
    never = trained(settings, words, lr=0.03, test="never")
    lowest, known = float("inf"), float("nan")
    for one, other, none in zip(always, best, never, strict=True):
        assert none == {name: value for name, value in one.items() if "test" not in name}
        if one["eval_loss"] < lowest:
            lowest, known = one["eval_loss"], one["test_loss"]
        assert other["test_loss"] == known


def test_checkpoints_are_offered_when_asked(settings: dict[str, Any], words: EncodedTask) -> None:
    offered: dict[object, list[bool]] = {}
    losses: list[float] = []
    for choice in (False, True, "best"):
        offered[choice] = []

        def report(metrics: Metrics, save: Save | None, choice: object = choice) -> bool:
            offered[choice].append(save is not None)
            if choice == "best":
                losses.append(metrics["eval_loss"])
            return False

        run(Settings.from_config({**settings, "lr": 0.03, "checkpoint": choice}), words, report)
    assert offered[False] == [False] * 6
    assert offered[True] == [True] * 6
    assert offered["best"] == [loss == min(losses[: i + 1]) for i, loss in enumerate(losses)]


def test_truncation_freezing_and_layer_decay(settings: dict[str, Any]) -> None:
    chosen = Settings.from_config({**settings, "num_layers": 2, "frozen": 2, "layer_decay": 0.5})
    model = load_classifier(chosen, 3, 0)
    assert model.config.num_hidden_layers == 2
    groups = parameter_groups(model, chosen)
    trained_names = {name for name, p in model.named_parameters() if p.requires_grad}
    assert not any("embeddings" in name or "layer.0." in name for name in trained_names)
    assert {"bert.encoder.layer.1.output.dense.weight", "classifier.bias"} <= trained_names
    assert {group["lr"] for group in groups} == {1.5e-3, 3e-3}
    assert {group["weight_decay"] for group in groups} == {0.0, 0.01}
    with pytest.raises(ValueError, match="frozen must leave something to train"):
        parameter_groups(model, Settings.from_config({**settings, "frozen": 99}))


def test_macro_f1_against_a_hand_computed_case() -> None:
    labels = torch.tensor([0, 0, 0, 1, 1, 2])
    predicted = torch.tensor([0, 0, 1, 1, 0, 0])
    scores = score(torch.nn.functional.one_hot(predicted, 4).float(), labels)
    assert scores.accuracy == pytest.approx(3 / 6)
    # F1 by class: 2*2/(4+3), 2*1/(2+2), 0, and 0 for the class that never occurs.
    assert scores.f1 == pytest.approx((4 / 7 + 1 / 2 + 0 + 0) / 4)
