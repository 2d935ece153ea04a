"""The early stopping loops of Keras, Lightning and Transformers, written from their documentation.

Each takes values in the user's sign, `better` of two values, and gives the index at which it stops.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

Better = Callable[[float, float], bool]
BETTER: dict[str, Better] = {"min": operator.lt, "max": operator.gt}


def keras_stop(
    values: Sequence[float],
    mode: str,
    *,
    patience: int,
    min_delta: float = 0.0,
    baseline: float | None = None,
    start_from_epoch: int = 0,
) -> int | None:
    """`keras.callbacks.EarlyStopping`; epochs before the start are not looked at at all."""
    better = BETTER[mode]
    delta = min_delta if mode == "max" else -min_delta
    best = math.inf if mode == "min" else -math.inf
    wait = 0
    for epoch, value in enumerate(values):
        if epoch < start_from_epoch:
            continue
        wait += 1
        if better(value - delta, best):
            best = value
            if baseline is None or better(value - delta, baseline):
                wait = 0
            continue
        if wait >= patience and epoch > 0:
            return epoch
    return None


def lightning_stop(
    values: Sequence[float],
    mode: str,
    *,
    patience: int,
    min_delta: float = 0.0,
    check_finite: bool = True,
    stopping_threshold: float | None = None,
    divergence_threshold: float | None = None,
) -> tuple[int, str] | None:
    """`lightning.pytorch.callbacks.EarlyStopping`, with the first reason that it would give."""
    better = BETTER[mode]
    delta = min_delta if mode == "max" else -min_delta
    best = math.inf if mode == "min" else -math.inf
    wait = 0
    for at, value in enumerate(values):
        if check_finite and not math.isfinite(value):
            return at, "not finite"
        if stopping_threshold is not None and better(value, stopping_threshold):
            return at, "threshold reached"
        if divergence_threshold is not None and better(-value, -divergence_threshold):
            return at, "diverged"
        if better(value - delta, best):
            best, wait = value, 0
        else:
            wait += 1
            if wait >= patience:
                return at, "no improvement"
    return None


def transformers_stop(values: Sequence[float], mode: str, *, patience: int) -> int | None:
    """`transformers.EarlyStoppingCallback` with a threshold of 0.

    With a threshold it differs from all others: there every improvement, however small, moves the
    best value, and only a large one starts the count again.
    """
    better = BETTER[mode]
    best: float | None = None
    count = 0
    for at, value in enumerate(values):
        if best is None or better(value, best):
            best, count = value, 0
        else:
            count += 1
        if count >= patience:
            return at
    return None
