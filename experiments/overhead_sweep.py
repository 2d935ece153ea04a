"""Sweeps through the real schedulers without a cluster: what each call costs, and what is kept.

The trials are Ray's own, and so are the schedulers. A stand-in takes the place of Ray's controller
and does what it does to the trials of a sweep: it makes a trial when one is wanted, asks which to
start, hands every result over, pauses, resumes and ends. Curves are noisy power laws.
"""

from __future__ import annotations

import random
import time
from array import array
from collections import deque
from typing import Any

from ray import cloudpickle, tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import BasicVariantGenerator

from tune_es.ray import EarlyStoppingCallback

#: Steps of a trial, trials that run at a time, and trials that wait to be started, as Ray has it.
STEPS, WORKERS, PENDING = 100, 64, 16
ACCURACY = 400


class Curve(tune.Trainable):
    """A trainable that saves, which is all that is asked of it here."""

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        return None


def new_trials(count: int) -> list[Trial]:
    """Trials of Ray that wait to be started."""
    tune.register_trainable(Curve.__name__, Curve)
    return [Trial(Curve.__name__, trial_id=f"{at:05x}_{at:05}") for at in range(count)]


def result_at(trial: Trial, quality: float, step: int, draw: random.Random) -> dict[str, Any]:
    """A result as Ray hands it to a scheduler."""
    loss = quality + 1 / step**0.5 + draw.gauss(0, 0.01)
    return {
        "training_iteration": step,
        "loss": loss,
        "accuracy": round(ACCURACY / (1 + max(0.0, loss))) / ACCURACY,
        "latency": quality + draw.random(),
        "time_total_s": float(step),
        "trial_id": trial.trial_id,
        "done": False,
        "config/lr": 0.1,
    }


class Sweep:
    """One sweep; :meth:`run` goes through it and notes the microseconds of the thread's CPU time.

    Args:
        scheduler: Who decides.
        trials: All trials that will come.
        save_every: Take a snapshot whenever that many results have come; 0 is never.
        ask_every: Ask for a trial at every so manyth result while no worker is free; Ray does at 1.
    """

    def __init__(
        self,
        scheduler: Any,
        trials: list[Trial],
        seed: int,
        save_every: int = 0,
        ask_every: int = 1,
    ) -> None:
        self.scheduler, self.search_alg = scheduler, BasicVariantGenerator()
        self.callback = EarlyStoppingCallback(event_log=False, metrics=False)
        self._callbacks, self._storage = [self.callback], None
        self._coming, self._trials = iter(trials), list[Trial]()
        self._live: dict[str, Trial] = {}
        self._running: deque[Trial] = deque()
        self._at: dict[str, tuple[float, int]] = {}
        self._waiting = 0
        self._draw, self._save_every = random.Random(seed), save_every
        self._ask_every = ask_every
        self.decisions, self.choices, self.ends = array("d"), array("d"), array("d")
        self.saves: list[tuple[float, int]] = []

    def get_trials(self) -> list[Trial]:
        return self._trials

    def get_live_trials(self) -> list[Trial]:
        return [*self._live.values()]

    def _set_trial_status(self, trial: Trial, status: str) -> None:
        trial.set_status(status)

    def _mark_trial_to_checkpoint(self, trial: Trial) -> None:
        """Nothing is saved here."""

    def stop_trial(self, trial: Trial) -> None:
        """A trial ends: the scheduler is given its last result once more."""
        start = time.thread_time()
        self.scheduler.on_trial_complete(self, trial, trial.run_metadata.last_result)
        self.ends.append(1e6 * (time.thread_time() - start))
        trial.set_status(Trial.TERMINATED)
        del self._live[trial.trial_id]

    def run(self) -> Sweep:
        """From the first trial to the last."""
        while True:
            self._fill()
            if not self._running:
                return self
            self._report(self._running.popleft())
            if self._save_every and not len(self.decisions) % self._save_every:
                self.save()

    def save(self) -> None:
        """What Ray does with the callback from time to time: milliseconds and bytes."""
        start = time.thread_time()
        saved = cloudpickle.dumps(self.callback.get_state())
        self.saves.append((1e3 * (time.thread_time() - start), len(saved)))

    def forget(self) -> None:
        """Let go of everything but the scheduler and the callback."""
        for trial in self._trials:
            trial.run_metadata.last_result = {}
        self._trials, self._at = [], {}
        self.decisions, self.choices, self.ends = array("d"), array("d"), array("d")

    def _fill(self) -> None:
        """Ask for trials until no worker is free or none is given, and once more, as Ray does."""
        while len(self._running) < WORKERS or not len(self.decisions) % self._ask_every:
            self._draw_trials()
            start, before = time.thread_time(), len(self.ends)
            trial = self.scheduler.choose_trial_to_run(self)
            spent = 1e6 * (time.thread_time() - start)
            self.choices.append(spent - sum(self.ends[before:]))
            if trial is None or len(self._running) == WORKERS:
                return
            self._waiting -= trial.status == Trial.PENDING
            trial.set_status(Trial.RUNNING)
            self._running.append(trial)

    def _draw_trials(self) -> None:
        while self._waiting < PENDING:
            trial = next(self._coming, None)
            if trial is None:
                return
            self._trials.append(trial)
            self._live[trial.trial_id] = trial
            self._at[trial.trial_id] = self._draw.random(), 0
            self._waiting += 1
            self.scheduler.on_trial_add(self, trial)

    def _report(self, trial: Trial) -> None:
        quality, step = self._at[trial.trial_id]
        step += 1
        self._at[trial.trial_id] = quality, step
        result = result_at(trial, quality, step, self._draw)
        start = time.thread_time()
        word = self.scheduler.on_trial_result(self, trial, result)
        self.decisions.append(1e6 * (time.thread_time() - start))
        trial.run_metadata.last_result = result
        if word == TrialScheduler.STOP or step == STEPS:
            self.stop_trial(trial)
        elif word == TrialScheduler.PAUSE:
            trial.set_status(Trial.PAUSED)
        else:
            self._running.append(trial)
