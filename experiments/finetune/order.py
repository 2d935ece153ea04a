"""Which rows each optimiser update sees, and when the model is evaluated."""

from __future__ import annotations

import math
import random
from functools import lru_cache

from experiments.finetune.settings import Settings


class TrainingOrder:
    """A fixed order of rows: shuffled anew in every epoch from the seed and the epoch alone."""

    def __init__(self, rows: int, settings: Settings) -> None:
        self._rows, self._settings = rows, settings
        self._per_update = settings.batch_size * settings.accumulation
        self.updates_per_epoch = math.ceil(rows / self._per_update)
        self.updates = math.ceil(settings.epochs * self.updates_per_epoch)
        self._epoch_order = lru_cache(maxsize=1)(self._shuffled)
        if self.updates < settings.evals:
            raise ValueError(
                f"Settings.evals must be at most the number of updates, {self.updates} "
                f"({settings.epochs} epochs of {self.updates_per_epoch}); got {settings.evals}"
            )

    def batches(self, update: int) -> list[list[int]]:
        """The rows of that update (from 0), in batches that pass through the model one by one."""
        epoch, place = divmod(update, self.updates_per_epoch)
        start = place * self._per_update
        chosen = self._epoch_order(epoch)[start : start + self._per_update]
        size = self._settings.batch_size
        return [chosen[i : i + size] for i in range(0, len(chosen), size)]

    def evaluations(self) -> list[int]:
        """Updates after which the model is evaluated, evenly spread, the last one at the end."""
        evals = self._settings.evals
        return [round(self.updates * (k + 1) / evals) for k in range(evals)]

    def _shuffled(self, epoch: int) -> list[int]:
        order = list(range(self._rows))
        random.Random(f"{self._settings.seed}/{epoch}").shuffle(order)
        return order
