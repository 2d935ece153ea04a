"""Writes the event log of a sweep; :func:`tune_es.monitoring.read_experiment` reads it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, NamedTuple

from ray.tune.experiment import Trial

from tune_es.monitoring import Why
from tune_es.monitoring.events import LAYOUT, EventWriter
from tune_es.params import KEY
from tune_es.ray.monitor import Watched
from tune_es.ray_files import ITERATIONS, metrics_of
from tune_es.reading import flat_items, lookup, read_number
from tune_es.records import Action, Decision

#: How long lines wait for the disk, and after how long a silent sweep says that it lives.
FLUSH_S, ALIVE_S = 1.0, 30.0


class _Kept(NamedTuple):
    """A result that waits to be written."""

    time: float
    trial_id: str
    step: object
    done: bool
    words: object
    result: dict[str, Any]
    decision: Decision | None

    def told(self) -> dict[str, Any]:
        """What is written of it."""
        result, decision, why = self.result, self.decision, self._why()
        told = {
            "trial": self.trial_id,
            "step": self.step,
            "seconds": result.get("time_this_iter_s"),
            "where": f"{result.get('hostname')}:{result.get('pid')}",
            "values": metrics_of(result),
            "left": self._left(),
        }
        if decision is not None and decision.action is not Action.CONTINUE:
            told["action"] = decision.action.value
        if why is not None:
            told["why"] = why.as_dict()
        if self.done:
            told["done"] = True
        return told

    def _why(self) -> Why | None:
        """From the decision, or from what an EarlyStopper has written into the result."""
        if self.decision is not None:
            return Why.of(self.decision)
        words, step = self.words, self.step
        if not isinstance(words, dict) or not read_number(words.get("code")):
            return None
        return Why.said(words.get("reason"), step) if isinstance(step, (int, float)) else None

    def _left(self) -> object:
        if self.decision is not None:
            return self.decision.verdict.left
        return self.words.get("patience_left") if isinstance(self.words, dict) else None


class EventLog:
    """A monitor that writes down what happens.

    Results wait for a second and are written together: in the loop of the sweep, one by one, each
    takes three times as long.
    """

    def __init__(self) -> None:
        self._writer: EventWriter | None = None
        self._time_attr = ITERATIONS
        self._waiting: list[_Kept] = []
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
        """Keep a result until it is written, and what Ray or a stopper changes in it until then."""
        if self._writer is None:
            return
        step, done = lookup(result, self._time_attr), bool(result.get("done"))
        words, now = result.get(KEY), time.time()
        self._waiting.append(_Kept(now, trial.trial_id, step, done, words, result, decision))

    def _settle(self) -> None:
        """Write the results that wait."""
        waiting, self._waiting = self._waiting, []
        for kept in waiting:
            self._put("result", kept.time, **kept.told())

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
        self._settle()
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
        self._settle()
        if self._writer is not None:
            self._writer.close()

    def _tell(self, trial: Trial) -> None:
        """What the trial is, once."""
        if trial.trial_id not in self._told:
            self._told.add(trial.trial_id)
            config = dict(flat_items(trial.config or {}))
            self._write("trial", trial=trial.trial_id, name=str(trial), config=config)

    def _write(self, event: str, **more: Any) -> None:
        self._settle()
        self._put(event, time.time(), **more)

    def _put(self, event: str, now: float, **more: Any) -> None:
        if self._writer is not None:
            self._wrote = time.monotonic()
            self._writer.write({"event": event, "time": now, **more})


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
