"""A graph network: which group a node belongs to, from noisy features and whom it is linked to.

    python -m experiments.other_models.graph

The graph is made here: 600 nodes in 4 groups, links mostly within a group, 10 labelled nodes a
group. Two graph convolutions (Kipf and Welling 2017) in plain torch. Trials are paused at rungs by
`PromotionScheduler`, and the best go on from their checkpoints.
"""

from __future__ import annotations

import math
import random
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch
from ray import tune
from ray.tune.schedulers import TrialScheduler
from torch import Tensor, nn

from experiments.other_models.sweep import Config, Example, main
from tune_es.ray import PromotionScheduler

NODES, GROUPS, FEATURES, LABELLED = 600, 4, 32, 10
WITHIN, ACROSS, NOISE = 0.03, 0.008, 2.5
EPOCHS_A_STEP = 4


class Graph(NamedTuple):
    """Normalised links, what is known of the nodes, and which of them are for what."""

    links: Tensor
    features: Tensor
    groups: Tensor
    train: Tensor
    val: Tensor
    test: Tensor


def graph(seed: int) -> Graph:
    """Links, features and groups, and which nodes are for what."""
    chance = torch.Generator().manual_seed(seed)
    groups = torch.arange(NODES) % GROUPS
    odds = torch.where(groups[:, None] == groups[None], WITHIN, ACROSS)
    upper = torch.triu(torch.rand(NODES, NODES, generator=chance) < odds, 1).float()
    linked = upper + upper.T + torch.eye(NODES)
    scale = linked.sum(1).rsqrt()
    centres = torch.randn(GROUPS, FEATURES, generator=chance)
    features = centres[groups] + NOISE * torch.randn(NODES, FEATURES, generator=chance)
    order = torch.randperm(NODES, generator=chance)
    ends = (LABELLED * GROUPS, LABELLED * GROUPS + 160)
    parts = order[: ends[0]], order[ends[0] : ends[1]], order[ends[1] :]
    return Graph(scale[:, None] * linked * scale, features, groups, *parts)


class Convolutions(nn.Module):
    """Two layers; each mixes a node with its neighbours."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(FEATURES, width), nn.Linear(width, GROUPS)
        self.dropout = nn.Dropout(dropout)

    def forward(self, links: Tensor, features: Tensor) -> Any:
        hidden = torch.relu(links @ self.first(self.dropout(features)))
        return links @ self.second(self.dropout(hidden))


def train(config: Config) -> None:
    """Report validation loss and test accuracy every few epochs, with a checkpoint."""
    torch.set_num_threads(1)
    run, step = config["run"], 0
    torch.manual_seed(run["seed"])
    data = graph(run["seed"])
    model = Convolutions(run["width"], run["dropout"])
    optimizer = torch.optim.Adam(model.parameters(), run["lr"], weight_decay=run["decay"])
    if (start := tune.get_checkpoint()) is not None:
        with start.as_directory() as folder:
            saved = torch.load(Path(folder) / "state.pt")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        step = saved["step"]
    for at in range(step + 1, run["max_t"] + 1):
        for _ in range(EPOCHS_A_STEP):
            model.train()
            optimizer.zero_grad()
            said = model(data.links, data.features)[data.train]
            nn.functional.cross_entropy(said, data.groups[data.train]).backward()
            optimizer.step()
        with tempfile.TemporaryDirectory() as folder:
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": at}
            torch.save(state, Path(folder) / "state.pt")
            tune.report(scores(model, data), checkpoint=tune.Checkpoint.from_directory(folder))


def scores(model: nn.Module, data: Graph) -> dict[str, float]:
    """Of the nodes that are not trained on."""
    model.eval()
    with torch.no_grad():
        said = model(data.links, data.features)
    loss = nn.functional.cross_entropy(said[data.val], data.groups[data.val])
    right = (said[data.test].argmax(1) == data.groups[data.test]).float().mean()
    return {"val_loss": loss.item(), "test_accuracy": right.item()}


def draw(chance: random.Random) -> Config:
    """A configuration."""
    return {
        "lr": 10 ** chance.uniform(-3.5, -1),
        "width": chance.choice([8, 16, 64]),
        "dropout": chance.choice([0.0, 0.3, 0.6]),
        "decay": 10 ** chance.uniform(-5, math.log10(0.05)),
    }


def scheduler(max_t: int) -> TrialScheduler:
    """Pauses at rungs and lets go on what can still win."""
    return PromotionScheduler(metric="val_loss", mode="min", max_t=max_t)


EXAMPLE = Example("graph", train, draw, scheduler, "val_loss", "min", 12, 30, "test_accuracy")

if __name__ == "__main__":
    main(EXAMPLE)
