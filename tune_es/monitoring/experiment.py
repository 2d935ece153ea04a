"""A sweep as a person looks at it, while it runs or afterwards: trials, curves, why each ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from tune_es.monitoring.why import Why
from tune_es.policy import Policy


class Status(Enum):
    """Where a trial stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    """By the policy, or by another rule of the sweep, before its budget ended."""
    FINISHED = "finished"
    """It ran to the end of its budget, ended by itself, or with the whole sweep."""
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """True where nothing more will come of the trial."""
        return self in (Status.STOPPED, Status.FINISHED, Status.FAILED)


@dataclass(frozen=True)
class Span:
    """A stretch of time on a worker, in Unix seconds; ``end`` is None while it goes on.

    ``ended`` says how: ``"paused"``, ``"stopped"``, ``"finished"``, ``"failed"``, ``"lost"`` where
    the worker or the whole sweep was lost, ``"running"`` while it goes on. ``first`` and ``last``
    are the steps reported in it; None where none was.
    """

    start: float
    end: float | None
    where: str = ""
    ended: str = "running"
    first: float | None = None
    last: float | None = None


@dataclass(frozen=True)
class TrialRecord:
    """What is known of one trial; all sequences have an entry a result, in the order of steps.

    Args:
        trial_id: Ray's id of it.
        name: What Ray calls it, with its number and its parameters; any text.
        config: Its hyperparameters, nested keys joined with a slash; any values.
        status: Where it stands.
        steps: The ``time_attr`` of every result that counts; they grow.
        values: Every metric by its joined name, in the user's own sign; NaN where a result lacked
            it.
        times: When each result came, in Unix seconds; NaN where unknown.
        seconds: What each took, as Ray counts it; NaN where unknown.
        why: Why it was stopped; None where it was not, or nobody says.
        pauses: The steps at which it was paused.
        spans: Its time on workers; empty where nobody recorded it.
        patience_left: Evaluations until it is stopped should nothing improve; None if unknown.
        error: What a failed trial died of, in one line; empty where unknown.
    """

    trial_id: str
    name: str
    config: Mapping[str, Any]
    status: Status
    steps: Sequence[float] = ()
    values: Mapping[str, Sequence[float]] = field(default_factory=dict)
    times: Sequence[float] = ()
    seconds: Sequence[float] = ()
    why: Why | None = None
    pauses: Sequence[float] = ()
    spans: Sequence[Span] = ()
    patience_left: float | None = None
    error: str = ""


@dataclass(frozen=True)
class Experiment:
    """A sweep, read from its folder by :func:`read_experiment`.

    Args:
        folder: Where it lies.
        name: What it is called.
        metric: What it optimises, joined name.
        mode: ``"min"`` or ``"max"``.
        policy: What stopped its trials; None where another scheduler did.
        trials: Every trial that has joined, in that order.
        max_t: The budget of a trial; the longest trial's last step where no policy says it.
        time_attr: What counts steps.
        planned: How many trials it will have; None where nobody knows.
        started: When it began, Unix seconds; None where unknown.
        latest: When something was last heard of it, Unix seconds; None where unknown.
        is_over: True where it has ended in an orderly way.
    """

    folder: Path
    name: str
    metric: str
    mode: str
    policy: Policy | None
    trials: Sequence[TrialRecord]
    max_t: float | None
    time_attr: str = "training_iteration"
    planned: int | None = None
    started: float | None = None
    latest: float | None = None
    is_over: bool = False
