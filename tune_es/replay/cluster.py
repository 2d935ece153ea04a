"""What is simulated: a cluster, and the scheduler that decides on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tune_es.checks import check_count, check_number
from tune_es.records import Action


class Scheduler(Protocol):
    """What decides in a replay, called in the order in which Ray Tune calls a scheduler.

    A scheduler sees results as they happen and nothing else; it may keep anything between calls.
    """

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        """A trial joins the sweep; nothing of it has run."""

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        """A trial finished a step.

        ``result`` holds its metrics in the user's own sign, ``training_iteration`` (1, 2, ...) and
        ``time_total_s``. After STOP it is over; after PAUSE its worker is free, and it goes on
        from its checkpoint when it is chosen again. A step that is lost with its worker is not
        reported; the trial waits among the pending ones again, and earlier steps may come twice.

        The last step of a curve or of the budget is reported, too. At the end of the budget the
        trial is over whatever is answered; at the end of a shorter curve it may still be paused,
        and if it is chosen then it ends without another report.
        """

    def end(self, trial_id: str, failed: bool) -> None:
        """A trial is over: stopped, at the end of its curve, or failed for good."""

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        """Which trial a free worker takes: one of these, oldest first, or None to leave it idle.

        It is asked again after every result. Where it answers None while nothing runs, the sweep
        is over and paused trials are given up.
        """


@dataclass(frozen=True)
class Cluster:
    """Workers and what they cost.

    Args:
        workers: Trials that run at the same time.
        startup_s: Seconds before a trial's first step: process, imports, model, data.
        resume_s: Seconds before a paused or failed trial goes on from its checkpoint.
        step_s: Seconds of a step where none were recorded.
        failure_rate: Chance that a step is lost with its worker process.
        max_failures: Times a trial is tried again before it is given up.
        checkpoint_every: Steps between checkpoints: where a failed trial goes on. ``0`` is none,
            and it starts again from step 1. Pausing always writes one.
        ahead: Trials that the searcher keeps waiting; None: all are added at once. Ray keeps 16,
            or 1.1 for every CPU.

    Raises:
        ValueError: A number outside its range.
    """

    workers: int = 8
    startup_s: float = 0.0
    resume_s: float = 0.0
    step_s: float = 1.0
    failure_rate: float = 0.0
    max_failures: int = 0
    checkpoint_every: int = 1
    ahead: int | None = None

    def __post_init__(self) -> None:
        check_count("Cluster", "workers", self.workers)
        for name in ("startup_s", "resume_s"):
            check_number("Cluster", name, getattr(self, name), least=0)
        check_number("Cluster", "step_s", self.step_s, above=0)
        check_number("Cluster", "failure_rate", self.failure_rate, least=0, most=0.9)
        for name in ("max_failures", "checkpoint_every"):
            check_count("Cluster", name, getattr(self, name), least=0)
        if self.ahead is not None:
            check_count("Cluster", "ahead", self.ahead)
