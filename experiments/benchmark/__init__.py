"""Schedulers and pruners of other packages, driven through the replay engine beside our own.

Each module `*_peers.py` wraps the unmodified objects of one package; `PEERS` in it names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tune_es.replay.cluster import Scheduler
from tune_es.replay.curves import Task

BUDGET = "T"
"""Stands for a task's budget among the arguments of a peer."""


@dataclass(frozen=True)
class PeerFactory:
    """How a competitor is built for a task; calling it gives a fresh scheduler.

    Args:
        settings: What is built, its arguments included, in one line for a table. ``T`` is the
            task's budget; the metric and its mode are always the task's.
        build: From the task and the number of trials in the stream.

    Raises:
        MissingExtraError: On the call, where the package is not installed.
    """

    settings: str
    build: Callable[[Task, int], Scheduler]

    def __call__(self, task: Task, trials: int) -> Scheduler:
        """A scheduler that has seen nothing yet."""
        return self.build(task, trials)


def written(kind: str, arguments: Mapping[str, Any]) -> str:
    """A call as it would be typed.

    >>> written("ASHAScheduler", {"max_t": BUDGET, "grace_period": 3})
    'ASHAScheduler(max_t=T, grace_period=3)'
    """
    return f"{kind}({', '.join(f'{name}={value}' for name, value in arguments.items())})"


def filled(arguments: Mapping[str, Any], task: Task) -> dict[str, Any]:
    """The arguments with the task's budget in its place; no grace period is longer than that.

    >>> filled({"max_t": BUDGET, "grace_period": 5}, Task("set", "task", "loss", "min", max_t=4))
    {'max_t': 4, 'grace_period': 4}
    """
    given = {name: task.max_t if value == BUDGET else value for name, value in arguments.items()}
    if "grace_period" in given:
        given["grace_period"] = min(given["grace_period"], task.max_t)
    return given
