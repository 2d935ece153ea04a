"""Schedulers and curves for the tests of the replay lab."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tune_es import Action
from tune_es.replay import InOrder, Scheduler, TaskCurves, task_curves
from tune_es.replay.curves import Floats

Rows = Sequence[Sequence[float]]
Plan = Mapping[tuple[str, int], Action]


def flat(rows: Rows) -> Floats:
    """A column: every trial's numbers, one trial after the other."""
    return np.array([number for row in rows for number in row], dtype=float)


def recorded(
    values: Rows,
    *,
    mode: str = "min",
    metric: str = "val_loss",
    max_t: int | None = None,
    seconds: Rows | None = None,
    order: Rows | None = None,
    configs: Sequence[Mapping[str, Any]] = (),
    **more: Rows,
) -> TaskCurves:
    """Curves with times, an order and configs, from plain lists."""
    return replace(
        task_curves(values, metric, mode, max_t, "made", "task", **more),
        seconds=None if seconds is None else flat(seconds),
        order=None if order is None else flat(order),
        configs=configs,
    )


class Logged:
    """Writes down every call of another scheduler, with its answer."""

    def __init__(self, inner: Scheduler) -> None:
        self.inner, self.calls = inner, list[tuple[str, ...]]()

    def add(self, trial_id: str, config: Mapping[str, Any]) -> None:
        self.calls.append(("add", trial_id, repr(dict(config))))
        self.inner.add(trial_id, config)

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        step, seen = str(result["training_iteration"]), repr(sorted(result.items()))
        answer = self.inner.report(trial_id, result)
        self.calls.append(("report", trial_id, step, seen, answer.value))
        return answer

    def end(self, trial_id: str, failed: bool) -> None:
        self.calls.append(("end", trial_id, str(failed)))
        self.inner.end(trial_id, failed)

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        answer = self.inner.choose(pending, paused)
        self.calls.append(("choose", " ".join(pending), " ".join(paused), str(answer)))
        return answer

    def named(self, kind: str) -> list[tuple[str, ...]]:
        """The calls of one kind, without its name."""
        return [call[1:] for call in self.calls if call[0] == kind]

    def before(self, trial_id: str, step: int) -> list[tuple[str, ...]]:
        """The calls before a step of a trial was reported; all of them where it never was."""
        for at, call in enumerate(self.calls):
            if call[:3] == ("report", trial_id, str(step)):
                return self.calls[:at]
        return self.calls


class Planned(InOrder):
    """What was planned for a step of a trial, each time it is reported; else it goes on."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        return self.plan.get((trial_id, result["training_iteration"]), Action.CONTINUE)


class PausedFirst(Planned):
    """Paused trials go on before new ones start."""

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        return (*paused, *pending, None)[0]


class OnlyNew(Planned):
    """Leaves paused trials alone."""

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        return pending[0] if pending else None


class Answers(InOrder):
    """Answers anything to a report and to a choice."""

    def __init__(self, action: Any = Action.CONTINUE, choice: Any = None) -> None:
        self.action, self.choice = action, choice

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        answer: Action = self.action
        return answer

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        answer: str | None = self.choice or pending[0]
        return answer


class Halving(InOrder):
    """Pauses everyone at every other step; the better half so far of the paused goes on."""

    def __init__(self, metric: str = "val_loss", sign: int = -1) -> None:
        self.metric, self.sign = metric, sign
        self.last = dict[str, float]()

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        value = self.sign * float(result[self.metric])
        self.last[trial_id] = value if math.isfinite(value) else -math.inf
        return Action.PAUSE if result["training_iteration"] % 2 else Action.CONTINUE

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        if pending:
            return pending[0]
        best = max(paused, key=lambda name: self.last[name])
        middle = float(np.median(list(self.last.values())))
        return best if self.last[best] >= middle else None


class Chaos(InOrder):
    """Stops, pauses, starts and idles as it pleases, the same way every time it is asked."""

    def __init__(self, salt: int) -> None:
        self.salt = salt

    def _draw(self, *of: object) -> int:
        return zlib.crc32(repr((self.salt, *of)).encode()) >> 8

    def report(self, trial_id: str, result: Mapping[str, Any]) -> Action:
        draw = self._draw(trial_id, result["training_iteration"]) % 10
        return Action.STOP if draw == 0 else Action.PAUSE if draw < 4 else Action.CONTINUE

    def choose(self, pending: Sequence[str], paused: Sequence[str]) -> str | None:
        names = [*pending, *paused]
        at = self._draw(names) % (len(names) + (self.salt % 2))
        return names[at] if at < len(names) else None
