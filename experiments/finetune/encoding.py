"""A task as token ids: done once for a whole sweep, padded batch by batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers.tokenization_utils_base import PreTrainedTokenizerBase

from experiments.finetune.data import Split, Task

Batch = dict[str, torch.Tensor]


@dataclass(frozen=True)
class EncodedSplit:
    """Token ids of every text, the segment of every token where pairs need one, and labels."""

    ids: tuple[tuple[int, ...], ...]
    segments: tuple[tuple[int, ...], ...] | None
    labels: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, rows: Sequence[int], pad_id: int) -> Batch:
        """The rows as tensors, padded to the longest of them; with `labels`."""
        ids = [torch.tensor(self.ids[row]) for row in rows]
        batch = {
            "input_ids": _padded(ids, pad_id),
            "attention_mask": _padded([torch.ones_like(row) for row in ids], 0),
            "labels": torch.tensor([self.labels[row] for row in rows]),
        }
        if self.segments is not None:
            batch["token_type_ids"] = _padded([torch.tensor(self.segments[r]) for r in rows], 0)
        return batch

    def by_length(self) -> list[int]:
        """Row numbers from the longest text to the shortest, so that batches pad little."""
        return sorted(range(len(self)), key=lambda row: -len(self.ids[row]))


@dataclass(frozen=True)
class EncodedTask:
    """What a trial needs of its task; plain numbers, so it goes into an object store as it is."""

    label_names: tuple[str, ...]
    pad_id: int
    train: EncodedSplit
    validation: EncodedSplit
    test: EncodedSplit


def encode_task(task: Task, tokenizer: PreTrainedTokenizerBase, max_length: int) -> EncodedTask:
    """The task in that tokenizer's ids, each text cut to `max_length` tokens."""
    limit = min(max_length, tokenizer.model_max_length)
    pad_id = tokenizer.pad_token_id
    return EncodedTask(
        label_names=task.label_names,
        pad_id=pad_id if isinstance(pad_id, int) else 0,
        train=_encoded(task.train, tokenizer, limit),
        validation=_encoded(task.validation, tokenizer, limit),
        test=_encoded(task.test, tokenizer, limit),
    )


def _encoded(split: Split, tokenizer: PreTrainedTokenizerBase, limit: int) -> EncodedSplit:
    first = [text if isinstance(text, str) else text[0] for text in split.texts]
    pairs = [text[1] for text in split.texts if not isinstance(text, str)]
    out = tokenizer(first, pairs or None, truncation=True, max_length=limit)
    segments = out.get("token_type_ids") if pairs else None
    return EncodedSplit(
        ids=tuple(tuple(row) for row in out["input_ids"]),
        segments=None if segments is None else tuple(tuple(row) for row in segments),
        labels=split.labels,
    )


def _padded(rows: list[torch.Tensor], value: int) -> torch.Tensor:
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)
