"""One training for each framework, of the kind and size that a step of it is no trifle."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import torch
import transformers as hf
from lightning import pytorch as pl
from torch.utils.data import DataLoader, TensorDataset

#: A training that is ready to start.
Training = Callable[[], object]


#: What each reports of an evaluation, which is better every time.
METRICS = {"transformers": "eval_score", "lightning": "val_score", "keras": "val_score"}


def transformers(callback: Any, folder: Path) -> Training:
    """BERT, 3 layers of 192 units, AdamW, 24 steps of 16 x 48 words, evaluated every 3 steps."""
    hf.logging.set_verbosity_error()
    hf.logging.disable_progress_bar()
    hf.set_seed(0)
    config = hf.BertConfig(
        vocab_size=8000,
        hidden_size=192,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=768,
        max_position_embeddings=48,
    )
    words = torch.randint(0, 8000, (64, 48))
    rows: Any = [{"input_ids": each, "labels": at % 2} for at, each in enumerate(words)]
    scores = iter(range(99))
    arguments = hf.TrainingArguments(
        output_dir=str(folder),
        max_steps=24,
        per_device_train_batch_size=16,
        eval_strategy="steps",
        eval_steps=3,
        logging_steps=3,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    trainer = hf.Trainer(
        model=hf.BertForSequenceClassification(config),
        args=arguments,
        train_dataset=rows,
        eval_dataset=rows[:32],
        compute_metrics=lambda _: {"score": float(next(scores))},
        callbacks=[] if callback is None else [callback],
    )
    trainer.remove_callback(hf.PrinterCallback)
    return trainer.train


class Layers(pl.LightningModule):
    """A perceptron with 2.6 million weights."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(512, 1024),
            torch.nn.ReLU(),
            torch.nn.Linear(1024, 2048),
            torch.nn.ReLU(),
            torch.nn.Linear(2048, 1),
        )

    def training_step(self, batch: Any, at: int) -> torch.Tensor:
        """The square of the output."""
        loss: torch.Tensor = self.layers(batch[0]).square().mean()
        self.log("train_loss", loss, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch: Any, at: int) -> None:
        """The number of the epoch as a score."""
        self.layers(batch[0])
        self.log("val_score", float(self.current_epoch))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Adam."""
        return torch.optim.Adam(self.parameters())


def lightning(callback: Any, folder: Path) -> Training:
    """A perceptron of 512, 1024 and 2048 units, Adam, 8 epochs of 8 steps of 128 rows."""
    for name in ("lightning.pytorch", "lightning", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    module = Layers()
    data = DataLoader(TensorDataset(torch.randn(1024, 512)), batch_size=128)
    trainer = pl.Trainer(
        max_epochs=8,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
        default_root_dir=str(folder),
        callbacks=[] if callback is None else [callback],
    )
    return lambda: trainer.fit(module, data, data)


def keras(callback: Any, folder: Path) -> Training:
    """The same perceptron in Keras on torch."""
    keras_: Any = import_module("keras")
    keras_.utils.set_random_seed(0)
    warnings.filterwarnings("ignore")
    layers = [keras_.layers.Dense(units, "relu") for units in (1024, 2048)]
    model = keras_.Sequential([keras_.Input((512,)), *layers, keras_.layers.Dense(1)])
    model.compile(optimizer="adam", loss="mse")
    x, y = torch.randn(1024, 512).numpy(), torch.zeros(1024, 1).numpy()
    score = keras_.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(val_score=float(epoch))
    )
    callbacks = [score] if callback is None else [score, callback]
    options = {"epochs": 8, "batch_size": 128, "verbose": 0, "callbacks": callbacks}
    return lambda: model.fit(x, y, validation_data=(x, y), **options)


TRAININGS = {"transformers": transformers, "lightning": lightning, "keras": keras}
