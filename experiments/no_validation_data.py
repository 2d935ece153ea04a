"""Real problems small enough that a validation set hurts, as tensors: features and classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from experiments.finetune.features import frozen_features
from experiments.finetune.tasks import load_task

TEXTS = 1800

#: Scikit-learn has no types.
datasets: Any = import_module("sklearn.datasets")


class Rows(NamedTuple):
    """Features and classes."""

    features: Tensor
    classes: Tensor

    def take(self, rows: Tensor) -> Rows:
        """Some of them."""
        return Rows(self.features[rows], self.classes[rows])

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True)
class Problem:
    """Data, how much of it is for training, and what is trained on it how fast."""

    name: str
    rows: Callable[[Path], Rows]
    train: int
    rate: float
    hidden: int | None = None

    def model(self, rows: Rows) -> nn.Module:
        """Logistic regression, or a network with one hidden layer."""
        inputs, outputs = rows.features.shape[1], int(rows.classes.max()) + 1
        if self.hidden is None:
            return nn.Sequential(nn.Linear(inputs, outputs))
        layers = nn.Linear(inputs, self.hidden), nn.ReLU(), nn.Linear(self.hidden, outputs)
        return nn.Sequential(*layers)


def _bundled(data: Any) -> Rows:
    features = torch.tensor(data.data, dtype=torch.float32)
    spread = features.std(0)
    features = (features - features.mean(0)) / torch.where(spread > 0, spread, 1.0)
    return Rows(features, torch.tensor(data.target, dtype=torch.long))


def tumours(_: Path) -> Rows:
    """569 tumours, 30 features: the Wisconsin breast cancer data that the paper has, too."""
    return _bundled(datasets.load_breast_cancer())


def digits(_: Path) -> Rows:
    """1,797 handwritten digits of 8 x 8 pixels."""
    return _bundled(datasets.load_digits())


def questions(texts: Path) -> Rows:
    """Questions by what they ask for, seen by a frozen encoder: the mean of its last layer."""
    task = load_task(f"trec:{texts / 'trec'}")
    split = task.train.take(range(TEXTS))
    features = frozen_features(split.texts)
    spread = (features - features.mean(0)) / features.std(0)
    return Rows(spread, torch.tensor(split.labels, dtype=torch.long))


PROBLEMS = (
    Problem("tumours, logistic regression", tumours, 200, 0.5),
    Problem("digits, logistic regression", digits, 300, 0.1),
    Problem("digits, 64 hidden units", digits, 300, 0.1, hidden=64),
    Problem("questions, logistic regression", questions, 600, 0.02),
)
