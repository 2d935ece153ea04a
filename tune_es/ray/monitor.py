"""Who watches a sweep: what :class:`EarlyStoppingCallback` tells them, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from ray.tune.experiment import Trial

from tune_es.policy import Policy
from tune_es.ray.judge import Judge
from tune_es.records import Decision


@dataclass(frozen=True)
class Watched:
    """The sweep that is watched.

    Args:
        experiment: Its name.
        policy: What stops its trials; None where nothing of this package does.
        planned: How many trials it will have; None where nobody knows.
        where: The local folder of its files; None until there is one.
        judge: Who makes the decisions; None where nobody of this package does.
    """

    experiment: str
    policy: Policy | None
    planned: int | None
    where: str | None
    judge: Judge | None = None


class Monitor(Protocol):
    """Somebody who watches.

    It is called in the loop of the sweep, some 500 times a second: what it does has to be cheap,
    and it may not raise.
    """

    def begin(self, sweep: Watched) -> None:
        """The sweep is about to start its first trial, after a restore too.

        It is called again with the first result where an ``EarlyStopper`` decides: only then is
        the policy known.
        """

    def on_start(self, trial: Trial) -> None:
        """A trial starts on a worker: for the first time, after a pause, or after a failure."""

    def on_result(self, trial: Trial, result: dict[str, Any], decision: Decision | None) -> None:
        """A result with its ``es`` entry; ``decision`` is None where nothing of ours decided."""

    def on_end(self, trial: Trial, failed: bool, decision: Decision | None) -> None:
        """A trial is over; ``decision`` is the last one about it."""

    def on_step(self, trials: list[Trial]) -> None:
        """The loop went round once more, results or not: many times a second."""

    def close(self, trials: list[Trial]) -> None:
        """The sweep is over."""
