"""One fine-tuning run as an object that advances, is scored, saved and restored."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy
from transformers import get_scheduler, set_seed

from experiments.finetune.encoding import EncodedSplit, EncodedTask
from experiments.finetune.model import load_classifier, parameter_groups
from experiments.finetune.order import TrainingOrder
from experiments.finetune.scores import Scores, evaluate
from experiments.finetune.settings import Settings

STATE_FILE = "training.pt"
SCHEDULE_NAMES = {"constant": "constant_with_warmup"}
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass
class Progress:
    """Where a run is: what a checkpoint carries beside the tensors."""

    updates: int = 0
    train_seconds: float = 0.0
    best_loss: float = float("inf")
    test: dict[str, float] = field(default_factory=dict)


class Training:
    """A model being fine-tuned; the same settings and data give the same numbers on a CPU.

    The data's order is a function of the seed and the epoch, so the number of updates is the
    whole of its position. Saved and restored between two updates, a run goes on exactly as if it
    had not been interrupted, random state included.
    """

    def __init__(self, settings: Settings, data: EncodedTask) -> None:
        set_seed(settings.seed)
        self.settings, self.data = settings, data
        self.order = TrainingOrder(len(data.train), settings)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = load_classifier(settings, len(data.label_names), data.pad_id)
        torch.nn.Module.to(self.model, self.device)
        self.model.train()
        self.forward: torch.nn.Module = self.model  # or what passes it on to other workers
        self.optimizer = torch.optim.AdamW(parameter_groups(self.model, settings))
        self.scheduler = get_scheduler(
            SCHEDULE_NAMES.get(settings.schedule, settings.schedule),
            self.optimizer,
            num_warmup_steps=round(settings.warmup * self.order.updates),
            num_training_steps=self.order.updates,
        )
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=settings.precision == "fp16")
        self.progress = Progress()

    def advance(self, until: int) -> float:
        """Train up to that number of updates; returns the mean training loss on the way."""
        started = time.perf_counter()
        total, rows = 0.0, 0
        for update in range(self.progress.updates, until):
            batches = self.order.batches(update)
            total += self._update(batches)
            rows += sum(len(batch) for batch in batches)
        self.progress.updates = until
        self.progress.train_seconds += time.perf_counter() - started
        return total / max(rows, 1)

    def learning_rate(self) -> float:
        """The rate of the topmost layer for the next update."""
        return max(float(rate) for rate in self.scheduler.get_last_lr())

    def score(self, split: EncodedSplit) -> Scores:
        """Score a split; its seconds are not training seconds."""
        return evaluate(self.model, split, self.data.pad_id, self._autocast())

    def save(self, folder: Path) -> None:
        """Write everything needed to go on into the folder: of the model, what is trained."""
        frozen = {name for name, each in self.model.named_parameters() if not each.requires_grad}
        weights = self.model.state_dict()
        state = {
            "model": {name: each for name, each in weights.items() if name not in frozen},
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
            "progress": asdict(self.progress),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all(),
        }
        torch.save(state, folder / STATE_FILE)

    def restore(self, folder: Path) -> None:
        """Go on from what `save` wrote; the settings have to be the same."""
        state = torch.load(folder / STATE_FILE, map_location="cpu", weights_only=True)
        self.model.load_state_dict(state["model"], strict=False)  # the frozen are as they were
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.scaler.load_state_dict(state["scaler"])
        self.progress = Progress(**state["progress"])
        torch.set_rng_state(state["random"])
        if len(state["random_cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(state["random_cuda"])

    def _update(self, batches: list[list[int]]) -> float:
        """One optimiser update; returns the loss summed over its rows."""
        rows = sum(len(batch) for batch in batches)
        total = 0.0
        for batch in batches:
            loss = self._loss(batch)
            self.scaler.scale(loss / rows).backward()
            total += float(loss.detach())
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.scheduler.step()
        return total

    def _loss(self, rows: list[int]) -> torch.Tensor:
        batch = self.data.train.batch(rows, self.data.pad_id)
        inputs = {name: tensor.to(self.device) for name, tensor in batch.items()}
        labels = inputs.pop("labels")
        with self._autocast():
            logits = self.forward(**inputs).logits
        smoothing = self.settings.label_smoothing
        return cross_entropy(logits.float(), labels, reduction="sum", label_smoothing=smoothing)

    def _autocast(self) -> AbstractContextManager[object]:
        dtype = DTYPES.get(self.settings.precision)
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype is not None)
