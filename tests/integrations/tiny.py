"""A BERT of one narrow layer, and what it is trained on, in a second or two."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers import logging as transformers_logging

from tests.integrations.weights import Weights, copied, same

Scores = Callable[[int], Mapping[str, float]]

__all__ = ["Weights", "copied", "same", "trainer"]


class Words(Dataset[dict[str, torch.Tensor]]):
    """Short random sequences; the label is whether the first word is a high one."""

    def __init__(self, rows: int, seed: int) -> None:
        draw = torch.Generator().manual_seed(seed)
        self.words = torch.randint(0, 20, (rows, 4), generator=draw)

    def __len__(self) -> int:
        return len(self.words)

    def __getitem__(self, at: int) -> dict[str, torch.Tensor]:
        return {"input_ids": self.words[at], "labels": (self.words[at, 0] > 9).long()}


def model() -> BertForSequenceClassification:
    set_seed(0)
    config = BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=8,
    )
    return BertForSequenceClassification(config)


def trainer(
    folder: Path,
    *callbacks: TrainerCallback,
    scores: Scores | None = None,
    sets: Sequence[str] = (),
    **arguments: Any,
) -> Trainer:
    """A trainer with an evaluation every second step of 24.

    ``scores`` gives, for a step, what evaluations report besides the loss.
    """
    torch.set_num_threads(1)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    settings: dict[str, Any] = {
        "max_steps": 24,
        "eval_strategy": "steps",
        "eval_steps": 2,
        "logging_steps": 2,
        "save_strategy": "no",
        "learning_rate": 0.05,
        "per_device_train_batch_size": 8,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        **arguments,
    }
    held_out = Words(16, 1)
    made = Trainer(
        model=model(),
        args=TrainingArguments(output_dir=str(folder), **settings),
        train_dataset=Words(32, 0),
        eval_dataset=dict.fromkeys(sets, held_out) if sets else held_out,
        callbacks=list(callbacks),
    )
    if scores is not None:
        given = scores
        made.compute_metrics = lambda _: dict(given(made.state.global_step))
    return made
