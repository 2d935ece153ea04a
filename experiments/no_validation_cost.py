"""What the evidence in gradients costs: steps with it and without it, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from tune_es.integrations.gradients import GradientEvidence

PARTS = 4
Part = Callable[[int], AbstractContextManager[None]]


class Encoder(nn.Module):
    """A transformer as small ones are fine-tuned: 6 layers, 384 wide, 11 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(384, 12, 1536, 0.0, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 6, enable_nested_tensor=False)
        self.head = nn.Linear(384, 2)

    def forward(self, inputs: Tensor) -> Tensor:
        said: Tensor = self.head(self.body(inputs).mean(1))
        return said


def loss(model: nn.Module, inputs: Tensor, classes: Tensor) -> Tensor:
    """What is minimised."""
    return nn.functional.cross_entropy(model(inputs), classes)


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))


#: What is built, the shape of a batch, rounds, and steps a round.
SIZES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], int, int]] = {
    "network of 5,000 parameters, batch 32": (_network, (32, 64), 40, 10),
    "encoder of 11 million, batch 32 x 32 tokens": (Encoder, (32, 32, 384), 7, 1),
}


def cost_rows() -> Iterator[dict[str, object]]:
    """A row for every model and way of measuring."""
    for name, (build, shape, rounds, steps) in SIZES.items():
        torch.manual_seed(0)
        model, batch = build(), (torch.randn(shape), torch.randint(0, 2, (shape[0],)))
        optimizer = torch.optim.AdamW(model.parameters(), 1e-4)
        for way, (measured, plain) in _ways(model, optimizer, batch).items():
            took = _in_turn(plain, measured, rounds, steps)
            yield {
                "model": name,
                "measured of": way,
                "ms a step": f"{1000 * took[0]:.2f}",
                "ms with it": f"{1000 * took[1]:.2f}",
                "costs": f"{took[1] / took[0] - 1:+.1%}",
            }


def _ways(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: tuple[Tensor, Tensor]
) -> dict[str, tuple[Callable[[], None], Callable[[], None]]]:
    micro, examples = GradientEvidence(model), GradientEvidence(model)

    def accumulated(part: Part, done: Callable[[], None]) -> None:
        optimizer.zero_grad()
        for inputs, classes in zip(*(each.chunk(PARTS) for each in batch), strict=True):
            with part(len(inputs)):
                (loss(model, inputs, classes) / PARTS).backward()
        done()
        optimizer.step()

    def whole() -> None:
        optimizer.zero_grad()
        loss(model, *batch).backward()
        optimizer.step()

    def with_examples() -> None:
        examples.examples(loss, *batch, at_a_time=8)
        examples.step()
        whole()

    def bare() -> None:
        accumulated(lambda _: nullcontext(), lambda: None)

    return {
        f"{PARTS} micro-batches": (lambda: accumulated(micro.part, micro.step), bare),
        "every example": (with_examples, whole),
    }


def _in_turn(
    plain: Callable[[], None], measured: Callable[[], None], rounds: int, steps: int
) -> tuple[float, float]:
    """Median seconds of a processor for a step of each, in turn after a first round of both."""
    seen: tuple[list[float], list[float]] = ([], [])
    for at in range(rounds + 1):
        for taken, step in zip(seen, (plain, measured), strict=True):
            started = time.process_time()
            for _ in range(steps):
                step()
            if at:
                taken.append((time.process_time() - started) / steps)
    return statistics.median(seen[0]), statistics.median(seen[1])
