"""The events of a sweep put together, one after the other, into what a person looks at."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tune_es.checks import nearest
from tune_es.monitoring.events import Event
from tune_es.monitoring.experiment import Experiment, Span, Status, TrialRecord
from tune_es.monitoring.why import Why
from tune_es.policy import Policy
from tune_es.reading import read_number
from tune_es.records import Metric

#: How a stretch on a worker ended, by where the trial stands then.
ENDED = {Status.STOPPED: "stopped", Status.FINISHED: "finished", Status.FAILED: "failed"}


@dataclass
class _Trial:
    """One trial so far."""

    trial_id: str
    name: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    status: Status = Status.PENDING
    steps: list[float] = field(default_factory=list)
    values: dict[str, list[float]] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    why: Why | None = None
    pauses: list[float] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    left: float | None = None
    error: str = ""
    is_done: bool = False

    def start(self, now: float) -> None:
        """It goes on a worker; where it was on one still, that one was lost."""
        self.leave(now, "lost")
        self.status, self.error = Status.RUNNING, ""
        if math.isfinite(now):
            self.spans.append(Span(now, None))

    def leave(self, now: float, how: str) -> None:
        """It is on no worker from now on."""
        if self.spans and self.spans[-1].end is None:
            self.spans[-1] = replace(self.spans[-1], end=now, ended=how)

    def take(self, event: Event, now: float) -> None:
        """A result; an earlier step is a new life, and what came after it is cut off."""
        step = _number(event.get("step"))
        if not math.isfinite(step):
            return
        at = bisect_left(self.steps, step)
        for each in (self.steps, self.times, self.seconds, *self.values.values()):
            del each[at:]
        self.pauses = [each for each in self.pauses if each < step]
        self._add(step, event, now)
        if self.spans and self.spans[-1].end is None:
            span = self.spans[-1]
            first = step if span.first is None else span.first
            where = str(event.get("where") or span.where)
            self.spans[-1] = replace(span, first=first, last=step, where=where)
        self.why, self.is_done = Why.read(event.get("why")), event.get("done") is True
        if event.get("action") == "PAUSE":
            self.pauses.append(step)
            self.status = Status.PAUSED
            self.leave(now, "paused")

    def _add(self, step: float, event: Event, now: float) -> None:
        values = event.get("values")
        values = values if isinstance(values, Mapping) else {}
        for name in values:
            self.values.setdefault(str(name), [math.nan] * len(self.steps))
        for name, column in self.values.items():
            column.append(_number(values.get(name)))
        self.steps.append(step)
        self.times.append(now)
        self.seconds.append(_number(event.get("seconds")))
        left = _number(event.get("left"))
        self.left = left if math.isfinite(left) else None

    def end(self, event: Event, now: float) -> None:
        """It is over: of itself, or because its last result ended it."""
        self.why = Why.read(event.get("why")) or self.why
        self.error, self.left = str(event.get("error") or ""), None
        if event.get("failed") is True:
            self.status = Status.FAILED
        else:
            is_stopped = self.why is not None or self.is_done
            self.status = Status.STOPPED if is_stopped else Status.FINISHED
        self.leave(now, ENDED[self.status])

    def record(self, max_t: float | None) -> TrialRecord:
        """As it stands; who was stopped at the end of the budget has finished."""
        is_full = max_t is not None and bool(self.steps) and self.steps[-1] >= max_t
        if self.status is Status.STOPPED and is_full:
            self.status = Status.FINISHED
            self.spans[-1:] = [replace(each, ended="finished") for each in self.spans[-1:]]
        return TrialRecord(
            self.trial_id,
            self.name or self.trial_id,
            self.config,
            self.status,
            self.steps,
            self.values,
            self.times,
            self.seconds,
            self.why,
            self.pauses,
            self.spans,
            self.left,
            self.error,
        )


class Story:
    """Takes the events of a sweep and tells how it stands; nothing that an event holds raises."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sweep: Event = {}
        self._trials: dict[str, _Trial] = {}
        self._started: float | None = None
        self._latest: float | None = None
        self._is_over = False

    def take(self, event: Event) -> None:
        """What happened next."""
        now = _number(event.get("time"))
        kind, before = event["event"], self._latest
        if math.isfinite(now):
            self._started = now if self._started is None else self._started
            self._latest = now
        if kind == "sweep":
            self._begin(event, now if before is None else before)
        elif kind == "policy":
            self._sweep = {**self._sweep, "policy": event.get("policy")}
        elif kind == "over":
            self._is_over = True
        elif isinstance(event.get("trial"), str):
            self._of_trial(kind, event, now)

    def _begin(self, event: Event, last_heard: float) -> None:
        """Where it was begun before, it broke off then, and trials that ran will run again."""
        self._sweep, self._is_over = event, False
        for trial in self._trials.values():
            trial.leave(last_heard, "lost")
            if trial.status is Status.RUNNING:
                trial.status = Status.PENDING

    def _of_trial(self, kind: str, event: Event, now: float) -> None:
        name = str(event["trial"])
        trial = self._trials.setdefault(name, _Trial(name))
        if kind == "trial":
            config = event.get("config")
            trial.name = str(event.get("name") or name)
            trial.config = config if isinstance(config, Mapping) else {}
        elif kind == "start":
            trial.start(now)
        elif kind == "result":
            trial.take(event, now)
        elif kind == "end":
            trial.end(event, now)

    def experiment(self, metric: str | None = None, mode: str | None = None) -> Experiment:
        """How it stands.

        Args:
            metric: What to judge trials by, where it is not the metric of the policy.
            mode: ``"min"`` or ``"max"``, of ``metric``.

        Raises:
            ValueError: No policy says the metric or its mode, and they are not given either.
        """
        policy = _policy(self._sweep.get("policy"))
        objective = self._objective(policy, metric, mode)
        max_t = self._budget(policy)
        planned = self._sweep.get("planned")
        return Experiment(
            folder=self._folder,
            name=str(self._sweep.get("experiment") or self._folder.resolve().name),
            metric=objective.name,
            mode=objective.mode,
            policy=policy,
            trials=[each.record(max_t) for each in self._trials.values()],
            max_t=max_t,
            time_attr="training_iteration" if policy is None else policy.time_attr,
            planned=planned if isinstance(planned, int) else None,
            started=self._started,
            latest=self._latest,
            is_over=self._is_over,
        )

    def _objective(self, policy: Policy | None, metric: str | None, mode: str | None) -> Metric:
        known = {} if policy is None else policy.metrics
        name = policy.metric if metric is None and policy is not None else metric
        names = {name for each in self._trials.values() for name in each.values}
        if name is None:
            raise ValueError(
                f"{self._folder} has no policy, so its metric and mode must be given; "
                f"metrics: {', '.join(sorted(names)) or 'none'}"
            )
        has_to_be_there = metric is not None or self._is_over  # it may come with a later step
        if has_to_be_there and names and name not in names:
            raise ValueError(
                f"{self._folder}: no result has a metric {name!r}; {nearest(name, names)}"
            )
        if mode is None and name not in known:
            raise ValueError(f"{self._folder}: the mode of {name!r} must be given, min or max")
        return Metric(name, mode) if mode is not None else known[name]

    def _budget(self, policy: Policy | None) -> float | None:
        if policy is not None and policy.max_t is not None:
            return policy.max_t
        return max((each.steps[-1] for each in self._trials.values() if each.steps), default=None)


def _number(value: object) -> float:
    found = read_number(value)
    return math.nan if found is None else found


def _policy(data: object) -> Policy | None:
    """The policy of the sweep; None where there is none, or one of another version."""
    if not isinstance(data, Mapping):
        return None
    try:
        return Policy.from_dict(data)
    except (ValueError, TypeError):
        return None
