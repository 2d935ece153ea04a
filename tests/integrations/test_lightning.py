"""The callback for Lightning, on real trainings of a tiny model."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from tests.builders import refusal
from tests.integrations.weights import Weights, copied, equal, same
from tune_es import Patience, Policy, ReduceFirst
from tune_es.integrations.lightning import PolicyCallback
from tune_es.monitoring.log import line

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import pytorch_lightning
    from lightning import pytorch as pl
    from lightning.pytorch.loggers import CSVLogger

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

SCORES = [0.1, 0.5, 0.7, 0.6, 0.7, 0.2, 0.1, 0.1]
POLICY = Policy("val/score", "max", stop=Patience(3), other_metrics={"train_loss": "min"})


class Steps:
    """What a module does here: validations report given scores, one after another."""

    name = "val/score"

    def begin(self, scores: Sequence[float], every: int = 4) -> None:
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Linear(4, 1))
        self.scores, self.every = list(scores), every
        self.seen: dict[int, Weights] = {}

    def training_step(self: Any, batch: Any, at: int) -> Any:
        loss = self.layers(batch[0]).square().mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self: Any, batch: Any, at: int) -> None:
        index = max(0, self.trainer.global_step // self.every - 1)
        self.log(self.name, self.scores[index])

    def on_validation_end(self: Any) -> None:
        self.seen[self.trainer.global_step] = copied(self)

    def configure_optimizers(self: Any) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=0.05)
        return [optimizer], [torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)]


class Module(Steps, pl.LightningModule):
    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.begin(*args)


class OtherModule(Steps, pytorch_lightning.LightningModule):
    def __init__(self, *args: Any) -> None:
        super().__init__()
        self.begin(*args)


def data(rows: int) -> DataLoader[Any]:
    draw = torch.Generator().manual_seed(rows)
    return DataLoader(TensorDataset(torch.randn(rows, 4, generator=draw)), batch_size=8)


def fit(
    folder: Path,
    *callbacks: Any,
    module: Any = None,
    checkpoint: Path | None = None,
    package: Any = pl,
    **options: Any,
) -> Any:
    """Train for up to 8 epochs of 4 steps."""
    torch.set_num_threads(1)
    settings: Mapping[str, Any] = {
        "max_epochs": 8,
        "accelerator": "cpu",
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "default_root_dir": str(folder),
        "num_sanity_val_steps": 1,
        **options,
    }
    trainer = package.Trainer(callbacks=list(callbacks), **settings)
    module = Module(SCORES) if module is None else module
    trainer.fit(module, data(32), data(8), ckpt_path=checkpoint and str(checkpoint))
    return trainer


def test_it_stops_where_the_policy_does_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tune_es")
    callback = PolicyCallback(POLICY)
    trainer = fit(tmp_path, callback, logger=CSVLogger(tmp_path))
    assert (trainer.current_epoch, trainer.global_step) == (6, 24)
    assert callback.why == "stalled: Patience (value=0.2, misses=3, limit=3, best=0.7)"
    said = [record.getMessage() for record in caplog.records if "tune_es" in record.name]
    assert callback.decision is not None
    assert said == [line(callback.decision)]
    trainer.logger.save()
    log = (Path(trainer.logger.log_dir) / "metrics.csv").read_text().splitlines()
    assert {"es/best", "es/best_step", "es/code"} <= set(log[0].split(","))
    assert [row["training_iteration"] for row in callback._run.rows] == [1, 2, 3, 4, 5, 6]
    assert all("train_loss" in row for row in callback._run.rows)


def test_the_other_package_of_lightning_is_served_alike(tmp_path: Path) -> None:
    callback = PolicyCallback(POLICY, restore_best=True)
    module = OtherModule(SCORES)
    trainer = fit(tmp_path, callback, module=module, package=pytorch_lightning)
    assert trainer.global_step == 24
    assert same(module, module.seen[12])


def test_several_validations_an_epoch_or_one_in_several(tmp_path: Path) -> None:
    often = PolicyCallback("none", metric="val/score", mode="max", max_t=1.5, time_attr="epoch")
    module = Module([0.5] * 20, 2)
    trainer = fit(tmp_path, often, module=module, val_check_interval=0.5)
    assert [row["epoch"] for row in often._run.rows] == [0.5, 1.0, 1.5]
    assert trainer.global_step == 6
    rare = PolicyCallback(Policy("val/score", "max", stop=Patience(1)))
    trainer = fit(tmp_path, rare, module=Module([0.5] * 20), check_val_every_n_epoch=2)
    assert (trainer.current_epoch, len(rare._run.rows)) == (4, 2)


class DiedError(RuntimeError):
    """What a run is interrupted by."""


class Interrupt(pl.Callback):
    """Dies at the beginning of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch == self.epoch:
            raise DiedError


def saver(folder: Path) -> Any:
    return pl.callbacks.ModelCheckpoint(folder, "{epoch}", save_top_k=-1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, PolicyCallback]:
    """A run that was never interrupted."""
    folder, module = tmp_path_factory.mktemp("whole"), Module(SCORES)
    callback = PolicyCallback(POLICY, restore_best=True, restore_optimizer=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = fit(folder, callback, saver(folder), module=module, enable_checkpointing=True)
    return trainer, module, callback


@pytest.mark.parametrize("epoch", [2, 3, 5])
def test_a_run_that_is_resumed_decides_and_restores_as_one_that_was_never_interrupted(
    epoch: int, whole: tuple[Any, Any, PolicyCallback], tmp_path: Path
) -> None:
    first = PolicyCallback(POLICY, restore_best=True, restore_optimizer=True)
    with pytest.raises(DiedError):
        fit(tmp_path, first, saver(tmp_path), Interrupt(epoch), enable_checkpointing=True)
    second = PolicyCallback(POLICY, restore_best=True, restore_optimizer=True)
    path, module = tmp_path / f"epoch={epoch - 1}.ckpt", Module(SCORES)
    assert "rows" in torch.load(path, weights_only=True)["callbacks"][second.state_key]
    resumed = fit(tmp_path, second, module=module, checkpoint=path)
    trainer, before, callback = whole
    assert (second.decision, resumed.global_step) == (callback.decision, 24)
    kept = [{**row, "time_total_s": 0} for row in second._run.rows]
    assert kept == [{**row, "time_total_s": 0} for row in callback._run.rows]
    assert same(module, before.seen[12])
    states = [each.optimizers[0].state_dict() for each in (resumed, trainer)]
    assert equal(*states)
    rate = resumed.lr_scheduler_configs[0].scheduler.get_last_lr()
    assert rate == [pytest.approx(0.05 * 0.9**3)]


def test_a_run_that_had_been_stopped_stays_so(
    whole: tuple[Any, Any, PolicyCallback], tmp_path: Path
) -> None:
    path = Path(whole[0].checkpoint_callback.dirpath) / "epoch=5.ckpt"
    callback = PolicyCallback(POLICY)
    resumed = fit(tmp_path, callback, checkpoint=path)
    assert (resumed.global_step, callback.decision) == (24, whole[2].decision)


def test_the_best_weights_are_restored(whole: tuple[Any, Any, PolicyCallback]) -> None:
    _, module, _ = whole
    assert same(module, module.seen[12])
    assert not same(module, module.seen[24])


def test_what_is_missing_is_said_once_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callback = PolicyCallback("none", metric="score", mode="max", restore_best=True)
    trainer = fit(tmp_path, callback, max_epochs=3)
    warned = [each.getMessage() for each in caplog.records if each.name == "tune_es"]
    assert trainer.global_step == 12
    assert len(warned) == 1
    assert "'score' is missing; said once a run; did you mean 'val/score'?" in warned[0]
    broken = PolicyCallback("none", metric="val/score", mode="max")
    fit(tmp_path, broken, module=Module([float("nan")] * 8))
    assert broken.why.startswith("broken: NonFinite")


def test_it_is_refused_when_built() -> None:
    assert "it is called 'metric' here" in refusal(PolicyCallback, monitor="val_loss", mode="min")
    assert "checkpoint must be a known name" in refusal(PolicyCallback, POLICY, checkpoint="last")
    assert "restore_best must be true or false" in refusal(PolicyCallback, POLICY, restore_best=1)


def test_the_rate_is_lowered_before_it_stops_and_stays_so_when_resumed(tmp_path: Path) -> None:
    policy = Policy("val/score", "max", stop=ReduceFirst(Patience(2), times=1, factor=0.5))

    def rates(trainer: Any) -> Any:
        return trainer.lr_scheduler_configs[0].scheduler.get_last_lr()

    callback = PolicyCallback(policy)
    options: dict[str, Any] = {"enable_checkpointing": True}
    trainer = fit(tmp_path, callback, saver(tmp_path), module=Module([0.5] * 8), **options)
    assert trainer.current_epoch == 6
    assert rates(trainer) == pytest.approx([0.5 * 0.05 * 0.9**6])
    second, path = PolicyCallback(policy), tmp_path / "epoch=3.ckpt"
    resumed = fit(tmp_path, second, module=Module([0.5] * 8), checkpoint=path)
    assert resumed.current_epoch == 6
    assert rates(resumed) == pytest.approx([0.5 * 0.05 * 0.9**6])
    assert second.decision == callback.decision
