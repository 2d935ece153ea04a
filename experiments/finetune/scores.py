"""Loss, accuracy and macro F1 of a classifier on a split."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from transformers.modeling_utils import PreTrainedModel

from experiments.finetune.encoding import EncodedSplit

EVAL_BATCH = 64


@dataclass(frozen=True)
class Scores:
    """Mean cross-entropy without label smoothing, accuracy, and F1 averaged over the classes."""

    loss: float
    accuracy: float
    f1: float


def evaluate(
    model: PreTrainedModel,
    split: EncodedSplit,
    pad_id: int,
    autocast: AbstractContextManager[object],
) -> Scores:
    """Score every row. Dropout is off meanwhile; the random state is not touched."""
    order = split.by_length()
    logits, labels = [], []
    model.eval()
    with torch.inference_mode(), autocast:
        for start in range(0, len(order), EVAL_BATCH):
            batch = split.batch(order[start : start + EVAL_BATCH], pad_id)
            labels.append(batch.pop("labels"))
            inputs = {name: tensor.to(model.device) for name, tensor in batch.items()}
            logits.append(model(**inputs).logits.float().cpu())
    model.train()
    return score(torch.cat(logits), torch.cat(labels))


def score(logits: torch.Tensor, labels: torch.Tensor) -> Scores:
    """The scores of those outputs. A class that is neither predicted nor present has an F1 of 0."""
    predicted = logits.argmax(dim=-1)
    classes = torch.arange(logits.shape[-1])[:, None]
    hits = ((predicted == classes) & (labels == classes)).sum(dim=1)
    seen = (predicted == classes).sum(dim=1) + (labels == classes).sum(dim=1)
    f1 = 2 * hits / seen.clamp(min=1)
    return Scores(
        loss=float(torch.nn.functional.cross_entropy(logits, labels)),
        accuracy=float((predicted == labels).float().mean()),
        f1=float(f1.mean()),
    )
