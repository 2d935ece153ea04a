"""Writes the event log of a sweep; :func:`tune_es.monitoring.read_experiment` reads it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial

from tune_es.monitoring import Why
from tune_es.monitoring.events import LAYOUT, EventWriter
from tune_es.params import KEY
from tune_es.ray.monitor import Watched
from tune_es.ray_files import ITERATIONS, metrics_of
from tune_es.reading import flat_items, lookup
from tune_es.records import Action, Decision

#: How long lines wait for the disk, and after how long a silent sweep says that it lives.
FLUSH_S, ALIVE_S = 1.0, 30.0


class EventLog:
    """A monitor that writes down what happens, at some twenty microseconds a result."""

    def __init__(self) -> None:
        self._writer: EventWriter | None = None
        self._time_attr = ITERATIONS
        self._told: set[str] = set()
        self._seen = 0
        self._over: set[str] = set()
        self._flushed = self._wrote = 0.0

    def begin(self, sweep: Watched) -> None:
        if sweep.where is None:
            return
        policy = sweep.policy
        plain = None if policy is None else policy.to_dict()
        self._time_attr = ITERATIONS if policy is None else policy.time_attr
        if self._writer is not None:
            self._write("policy", policy=plain)
            return
        self._writer = EventWriter(Path(sweep.where))
        self._write(
            "sweep",
            layout=LAYOUT,
            experiment=sweep.experiment,
            policy=plain,
            planned=sweep.planned,
        )

    def on_start(self, trial: Trial) -> None:
        self._tell(trial)
        self._over.discard(trial.trial_id)
        self._write("start", trial=trial.trial_id)

    def on_result(self, trial: Trial, result: dict[str, Any], decision: Decision | None) -> None:
        step = lookup(result, self._time_attr)
        more: dict[str, Any] = {}
        if decision is not None and decision.action is not Action.CONTINUE:
            more["action"] = decision.action.value
        if (why := _why(result, step, decision)) is not None:
            more["why"] = why.as_dict()
        if result.get("done"):
            more["done"] = True
        self._write(
            "result",
            trial=trial.trial_id,
            step=step,
            seconds=result.get("time_this_iter_s"),
            where=f"{result.get('hostname')}:{result.get('pid')}",
            values=metrics_of(result),
            left=_left(result, decision),
            **more,
        )

    def on_end(self, trial: Trial, failed: bool, decision: Decision | None) -> None:
        if trial.trial_id in self._over:
            return
        self._over.add(trial.trial_id)
        why = Why.of(decision)
        self._write(
            "end",
            trial=trial.trial_id,
            failed=failed,
            why=None if why is None else why.as_dict(),
            error=_error(trial) if failed else "",
        )

    def on_step(self, trials: list[Trial]) -> None:
        now = time.monotonic()
        if now - self._flushed < FLUSH_S or self._writer is None:
            return
        self._flushed = now
        for trial in trials[self._seen :]:
            self._tell(trial)
        self._seen = len(trials)
        if now - self._wrote > ALIVE_S:
            self._write("alive")
        self._writer.flush()

    def close(self, trials: list[Trial]) -> None:
        for trial in trials:
            self._tell(trial)
            if trial.is_finished():
                self.on_end(trial, trial.status == Trial.ERROR, None)
        if all(trial.is_finished() for trial in trials):  # else it was interrupted
            self._write("over")
        if self._writer is not None:
            self._writer.close()

    def _tell(self, trial: Trial) -> None:
        """What the trial is, once."""
        if trial.trial_id not in self._told:
            self._told.add(trial.trial_id)
            config = dict(flat_items(trial.config or {}))
            self._write("trial", trial=trial.trial_id, name=str(trial), config=config)

    def _write(self, event: str, **more: Any) -> None:
        if self._writer is not None:
            self._wrote = time.monotonic()
            self._writer.write({"event": event, "time": time.time(), **more})


def _why(result: dict[str, Any], step: object, decision: Decision | None) -> Why | None:
    """From the decision, or from what an EarlyStopper has written into the result."""
    if decision is not None:
        return Why.of(decision)
    words = result.get(KEY)
    if not isinstance(words, dict) or not words.get("code") or not isinstance(step, (int, float)):
        return None
    return Why.said(words.get("reason"), step)


def _left(result: dict[str, Any], decision: Decision | None) -> object:
    if decision is not None:
        return decision.verdict.left
    words = result.get(KEY)
    return words.get("patience_left") if isinstance(words, dict) else None


def _error(trial: Trial) -> str:
    """The last line of what it died of; the file is stored later than it is written."""
    name = trial.run_metadata.error_filename
    if name is None or trial.local_path is None:
        return ""
    try:
        lines = Path(trial.local_path, name).read_text(encoding="utf-8").strip().splitlines()
    except (OSError, ValueError) as error:
        return str(error)[:300]
    return lines[-1][:300] if lines else ""
