r"""Fine-tunes the head of a sentence encoder by DP-SGD, and stops it privately.

    python -m experiments.private_finetune --texts ../shared/text \
        --out experiments/results/private.md

Sentences are seen by a frozen public encoder, each scaled to length 1 by itself: no number of the
data set goes into the features. The head is trained with a batch drawn anew for every step, each
gradient of one example clipped, and Gaussian noise on their sum; after every epoch a
:class:`tune_es.privacy.PrivateStop` is asked about its validation accuracy. The test accuracies in
the table are for the reader: they are no part of what is private.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor
from torch.func import grad, vmap
from torch.nn.functional import cross_entropy, normalize

from experiments.finetune.data import Split
from experiments.finetune.features import frozen_features
from experiments.finetune.tasks import load_task
from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es import Private
from tune_es.privacy import Account, PrivateStop, Training, told_apart

N_VAL, BATCH, EPOCHS, DELTA = 3872, 256, 40, 1e-5
NOISE, CLIP, RATE = 3.0, 1.0, 2.0
RULES = {
    "target reached": Private(epsilon=1, n_val=N_VAL, target=0.75, checks=EPOCHS),
    "no gain": Private(epsilon=2, n_val=N_VAL, min_gain=0.02, patience=8, checks=EPOCHS),
}

Weights = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Rows:
    """Features and classes."""

    features: Tensor
    classes: Tensor

    def take(self, rows: Tensor | slice) -> Rows:
        """Some of them."""
        return Rows(self.features[rows], self.classes[rows])

    def accuracy(self, weights: Weights) -> float:
        """The share of them that the head has right."""
        hits = (logits(weights, self.features).argmax(-1) == self.classes).sum()
        return int(hits) / len(self.classes)


def logits(weights: Weights, features: Tensor) -> Tensor:
    """The head: one linear layer."""
    return features @ weights[0] + weights[1]


def loss(weights: Weights, features: Tensor, label: Tensor) -> Tensor:
    """Of one example."""
    return cross_entropy(logits(weights, features)[None], label[None])


def private_step(weights: Weights, rows: Rows, chance: torch.Generator) -> Weights:
    """One step of DP-SGD: every example is drawn by itself, and moves the sum by at most CLIP.

    M. Abadi et al., "Deep Learning with Differential Privacy", 2016. The sum is divided by the
    expected size of the batch, because its true size is private.
    """
    sampling = BATCH / len(rows.classes)
    drawn = rows.take(torch.rand(len(rows.classes), generator=chance) < sampling)
    each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, drawn.features, drawn.classes)
    lengths = torch.sqrt(sum((part**2).flatten(1).sum(1) for part in each))
    shares = (CLIP / (lengths + 1e-9)).clamp(max=1)
    sums = [torch.einsum("n,n...->...", shares, part) for part in each]
    noisy = [one + NOISE * CLIP * torch.randn(one.shape, generator=chance) for one in sums]
    first, second = (part - RATE * one / BATCH for part, one in zip(weights, noisy, strict=True))
    return first, second


def epochs(rows: Rows, chance: torch.Generator) -> Iterator[Weights]:
    """The head after every epoch of a private training."""
    inputs, outputs = rows.features.shape[1], 2
    weights: Weights = torch.zeros(inputs, outputs), torch.zeros(outputs)
    for _ in range(EPOCHS):
        for _ in range(steps_of(rows)):
            weights = private_step(weights, rows, chance)
        yield weights


def steps_of(rows: Rows) -> int:
    """Steps of an epoch: after them every example was in one batch on average."""
    return len(rows.classes) // BATCH


def chance_of(seed: int | None) -> torch.Generator:
    """The noise of a training: from the system's secure source, or from a seed for a study.

    Torch's generator is no secure one even then: who needs that adds noise of another.
    """
    return torch.Generator().manual_seed(secrets.randbits(63) if seed is None else seed)


def encoded(split: Split) -> Rows:
    """Sentences as the frozen encoder sees them, each of length 1."""
    return Rows(normalize(frozen_features(split.texts), dim=1), torch.tensor(split.labels))


def run(train: Rows, validation: Rows, test: Rows, seed: int) -> dict[str, tuple[int, float]]:
    """Epochs and test accuracy of one training, in full and as each rule would have stopped it."""
    stops = {name: PrivateStop(rule, mode="max") for name, rule in RULES.items()}
    found: dict[str, tuple[int, float]] = {}
    for epoch, weights in enumerate(epochs(train, chance_of(seed)), start=1):
        accuracy, here = validation.accuracy(weights), (epoch, test.accuracy(weights))
        found["in full"] = here
        for name, stop in stops.items():
            if name not in found and (stop.ask(accuracy) or epoch == EPOCHS):
                found[name] = here
    return found


def row(name: str, runs: Sequence[tuple[int, float]], train: Rows) -> dict[str, object]:
    """The mean of what a rule has kept, and what it costs."""
    rule = RULES.get(name)
    training = Training(BATCH / len(train.classes), NOISE, EPOCHS * steps_of(train))
    account = Account(DELTA, training, stop=rule.epsilon if rule else 0.0, shared=False)
    apart = told_apart(rule.epsilon, rule.checks, rule.sensitivity) if rule else None
    return {
        "stop": name,
        "epochs": f"{mean(epochs for epochs, _ in runs):.1f}",
        "fewest, most": f"{min(runs)[0]}, {max(runs)[0]}",
        "test accuracy": f"{mean(accuracy for _, accuracy in runs):.4f}",
        "told apart": "" if apart is None else f"{apart:.4f}",
        "epsilon: stop": account.of_stop,
        "training": f"{account.of_training:.3f}",
        "run": f"{account.of_run:.3f}",
        "run, if shared": f"{Account(DELTA, training, account.stop).of_run:.3f}",
    }


def main() -> None:
    """Train, stop, and write the table."""
    parser = argparse.ArgumentParser(description="Stop a private training privately.")
    parser.add_argument("--texts", type=Path, default=Path("../shared/text"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="write the table to this Markdown file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    task = load_task(f"sst2:{options.texts / 'sst2'}")
    rows, test = encoded(task.train), encoded(task.test)
    order = torch.randperm(len(rows.classes), generator=chance_of(0))
    validation, train = rows.take(order[:N_VAL]), rows.take(order[N_VAL:])
    runs = [run(train, validation, test, seed) for seed in range(options.seeds)]
    table = [row(name, [each[name] for each in runs], train) for name in ("in full", *RULES)]
    text = (
        f"# A private training, stopped privately\n\n{len(train.classes)} sentences of SST-2 to "
        f"train the head of a frozen encoder on, {N_VAL} to ask about, {len(test.classes)} to "
        f"test; {EPOCHS} epochs, batches of {BATCH} on average, noise {NOISE:g}, clip {CLIP:g}, "
        f"rate {RATE:g}. Seeds 0 to {options.seeds - 1} for training; the stops have noise of "
        f"their own in every run. Target 0.75; no gain of 0.02 in 8 epochs. Epsilon at delta "
        f"{DELTA:g}: training and validation sentences are apart, so a run costs the larger of the "
        "two; an early stop is not refunded.\n\n"
        f"{markdown_table(table)}\n"
        f"Command: `{command('experiments.private_finetune', sys.argv[1:])}`; "
        f"{versions(('torch', 'transformers', 'dp-accounting'))}; {machine()}.\n"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
