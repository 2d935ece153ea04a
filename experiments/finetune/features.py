"""Sentences as a frozen encoder sees them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import AutoModel

from experiments.finetune.data import Text
from experiments.finetune.model import load_tokenizer, resolve


@torch.no_grad()
def frozen_features(texts: Sequence[Text]) -> Tensor:
    """The mean of the encoder's last layer over each sentence, cut to 32 tokens."""
    tokenizer = load_tokenizer("minilm-l6")
    encoder = AutoModel.from_pretrained(resolve("minilm-l6")).eval()
    found = []
    for at in range(0, len(texts), 100):
        batch = tokenizer(
            list(texts[at : at + 100]), padding=True, truncation=True, max_length=32,
            return_tensors="pt",
        )  # fmt: skip
        mask = batch["attention_mask"][..., None]
        states = encoder(**batch).last_hidden_state
        found.append((states * mask).sum(1) / mask.sum(1))
    return torch.cat(found)
