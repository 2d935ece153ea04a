"""One trial while it is simulated: how far it is, what it has cost, and when it will fail."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import Floats, TaskCurves

TIME_ATTR, SECONDS_ATTR = "training_iteration", "time_total_s"

#: Columns that a recorded sweep may have beside its metrics: 1 at the last evaluation of a trial
#: that failed for good; and 1 where a trial could go on from this evaluation after a pause, 0 where
#: it could not. Without the columns nobody failed, and everybody could.
FAILED, SAVED = "es/failed", "es/saved"


class Life:
    """A trial from its first start on.

    ``step`` counts the evaluations it is past, ``saved`` those in the checkpoint of its last pause,
    ``paid`` those it has run, ``seconds`` the worker time it has taken. Its failures are drawn
    from random numbers of its own.
    """

    __slots__ = (
        "attempts", "began", "columns", "durations", "failure_rate", "lost_in", "paid", "random",
        "saved", "seconds", "step", "worker",
    )  # fmt: skip

    def __init__(
        self, curves: TaskCurves, trial: int, spent: Floats, rate: float, seeds: Sequence[int]
    ):
        rows = curves.rows(trial)
        columns = {key: one[rows].tolist() for key, one in curves.metrics.items()}
        columns[TIME_ATTR] = list(range(1, len(spent) + 1))
        columns[SECONDS_ATTR] = np.cumsum(spent).tolist()
        self.columns = columns
        self.durations: list[float] = spent.tolist()
        self.step = self.saved = self.paid = self.attempts = 0
        self.seconds = self.began = 0.0
        self.worker = -1
        self.failure_rate = rate
        self.random = np.random.default_rng(seeds) if rate else None
        self._draw()

    def _draw(self) -> None:
        """In how many steps its worker will be lost; 0 where it never will."""
        self.lost_in = 0 if self.random is None else int(self.random.geometric(self.failure_rate))

    @property
    def at_end(self) -> bool:
        """True past the last evaluation."""
        return self.step == len(self.durations)

    @property
    def has_failed(self) -> bool:
        """True where the trial failed when it was recorded, and has come to that."""
        return self.at_end and FAILED in self.columns and self.columns[FAILED][-1] == 1

    def result(self) -> dict[str, float]:
        """What the next evaluation reports, as Ray's dictionary."""
        return {name: column[self.step] for name, column in self.columns.items()}

    def is_lost(self) -> bool:
        """True where the step that has just run is lost with its worker; called once a step."""
        if not self.lost_in:
            return False
        self.lost_in -= 1
        return not self.lost_in

    def fail(self, cluster: Cluster) -> bool:
        """Go back to the last checkpoint; False where the trial is given up."""
        self.attempts += 1
        every = cluster.checkpoint_every
        self.step = max(self.saved, self.step // every * every if every else 0)
        self._draw()
        return self.attempts <= cluster.max_failures


def durations(curves: TaskCurves, step_s: float) -> Floats:
    """The seconds of every row; unknown ones are the median of the known ones.

    Where none is known every step takes ``step_s``.
    """
    if curves.seconds is None or not np.isfinite(curves.seconds).any():
        return np.full(int(curves.starts[-1]), step_s)
    known = np.isfinite(curves.seconds)
    return np.where(known, curves.seconds, np.median(curves.seconds[known]))


def recorded_failures(curves: TaskCurves) -> NDArray[np.bool_]:
    """Of every trial whether it failed for good at the end of its curve when it was recorded."""
    if FAILED not in curves.metrics:
        return np.zeros(len(curves), dtype=np.bool_)
    return np.asarray(curves.metrics[FAILED][curves.starts[:-1] + curves.lengths - 1] == 1)
