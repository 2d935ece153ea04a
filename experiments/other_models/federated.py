"""Federated averaging: eight clients with data of their own, and one model for all of them.

    python -m experiments.other_models.federated

Each client trains the model on what it holds, and the server averages what comes back, weighted by
how much they hold (McMahan et al. 2017). The data are made here: ten classes, of which a client
holds few, seen by each client through a shift of its own. A round reports the mean and the worst
client's validation loss, and a trial goes on while either of the two still falls.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import torch
from ray import tune
from ray.tune.schedulers import TrialScheduler
from torch import Tensor, nn

from experiments.other_models.sweep import Config, Example, main
from tune_es import After, BelowMedian, Patience, PerMetric
from tune_es.ray import EarlyStoppingScheduler

CLIENTS, CLASSES, FEATURES, WIDTH = 8, 10, 20, 32
ROWS = {"train": (60, 240), "val": (80, 81), "test": (200, 201)}
SKEW, SHIFT, NOISE, BATCH = 0.5, 0.5, 1.6, 20

Part = tuple[Tensor, Tensor]


class Client(NamedTuple):
    """What one client holds."""

    train: Part
    val: Part
    test: Part


def clients(seed: int) -> list[Client]:
    """Clients of unequal size, with classes in unequal shares."""
    chance = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    centres = 1.2 * torch.randn(CLASSES, FEATURES, generator=chance)
    found = []
    for _ in range(CLIENTS):
        shares = torch.distributions.Dirichlet(torch.full((CLASSES,), SKEW)).sample()
        shift = SHIFT * torch.randn(FEATURES, generator=chance)
        parts = []
        for least, most in ROWS.values():
            rows = int(torch.randint(least, most, (), generator=chance))
            labels = torch.multinomial(shares, rows, replacement=True, generator=chance)
            noise = NOISE * torch.randn(rows, FEATURES, generator=chance)
            parts.append((centres[labels] + shift + noise, labels))
        found.append(Client(*parts))
    return found


def model_of(weights: dict[str, Tensor] | None = None) -> nn.Module:
    """The model, with these weights where some are given."""
    model = nn.Sequential(nn.Linear(FEATURES, WIDTH), nn.ReLU(), nn.Linear(WIDTH, CLASSES))
    if weights is not None:
        model.load_state_dict(weights)
    return model


def visited(weights: dict[str, Tensor], client: Client, run: Config) -> dict[str, Tensor]:
    """The weights after a client has trained on its own data."""
    model = model_of(weights)
    optimizer = torch.optim.SGD(model.parameters(), run["lr"], weight_decay=run["decay"])
    inputs, labels = client.train
    for _ in range(run["local_epochs"]):
        for rows in torch.randperm(len(labels)).split(BATCH):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    return model.state_dict()


def train(config: Config) -> None:
    """A report for every round, of the averaged model on every client's validation data."""
    torch.set_num_threads(1)
    run = config["run"]
    everyone = clients(run["seed"])
    chance = random.Random(run["seed"])
    weights = model_of().state_dict()
    for _ in range(run["max_t"]):
        chosen = chance.sample(everyone, max(1, round(run["share"] * CLIENTS)))
        back = [visited(weights, client, run) for client in chosen]
        sizes = torch.tensor([len(client.train[1]) for client in chosen], dtype=torch.float32)
        parts = sizes / sizes.sum()
        weights = {
            name: sum(part * each[name] for part, each in zip(parts, back, strict=True))
            for name in weights
        }
        tune.report(scores(model_of(weights), everyone))


def scores(model: nn.Module, everyone: list[Client]) -> dict[str, float]:
    """The mean and the worst client."""
    with torch.no_grad():
        losses = [
            nn.functional.cross_entropy(model(inputs), labels).item()
            for inputs, labels in (client.val for client in everyone)
        ]
        right = [
            (model(inputs).argmax(1) == labels).float().mean().item()
            for inputs, labels in (client.test for client in everyone)
        ]
    return {
        "mean_loss": sum(losses) / CLIENTS,
        "worst_loss": max(losses),
        "mean_test_accuracy": sum(right) / CLIENTS,
        "worst_test_accuracy": min(right),
    }


def draw(chance: random.Random) -> Config:
    """A configuration."""
    return {
        "lr": 10 ** chance.uniform(-2.5, 0),
        "local_epochs": chance.choice([1, 2, 5]),
        "share": chance.choice([0.5, 1.0]),
        "decay": 10 ** chance.uniform(-5, -2),
    }


def scheduler(max_t: int) -> TrialScheduler:
    """Ends what is behind the others, and what helps neither the mean nor the worst client."""
    rule = Patience(max(3, max_t // 6))
    stop = BelowMedian(grace_period=max_t // 4) | After(
        max_t // 4, PerMetric(rule, metrics=("mean_loss", "worst_loss"), join="all")
    )
    others = {"worst_loss": "min"}
    return EarlyStoppingScheduler(
        metric="mean_loss", mode="min", other_metrics=others, max_t=max_t, stop=stop
    )


EXAMPLE = Example(
    "federated", train, draw, scheduler, "mean_loss", "min", 12, 30, "worst_test_accuracy"
)

if __name__ == "__main__":
    main(EXAMPLE)
