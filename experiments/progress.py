"""What a user sees while a sweep runs: one bar for the sweep, one for each running trial."""

from __future__ import annotations

import math
import time
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from experiments.sweep import MODES


class SweepProgress(Callback):
    """Bars in a terminal; anywhere else one line for every trial that ends.

    The bars have a thread of their own, which Ray could not pickle, so they are made in `setup`,
    when the sweep has been handed over, and are gone after `on_experiment_end`.
    """

    def __init__(self, trials: int, max_t: int, metric: str) -> None:
        self._trials, self._max_t, self._metric = trials, max_t, metric
        self._numbers: dict[str, int] = {}
        self._bars: dict[str, TaskID] = {}
        self._best: tuple[float, int] | None = None
        self._ended = 0
        self._evaluations = 0
        self._live: Progress | None = None
        self._sweep = TaskID(0)

    def setup(self, *args: Any, **info: Any) -> None:
        """Ray is about to start the first trial."""
        self._live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=Console(),
            refresh_per_second=4,
        )
        self._sweep = self._live.add_task("[bold]sweep", total=self._trials, note="starting")
        if self._live.console.is_terminal:
            self._live.start()

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        number = self._numbers.setdefault(trial.trial_id, trials.index(trial) + 1)
        if self._live is not None and trial.trial_id not in self._bars:
            self._bars[trial.trial_id] = self._live.add_task(
                f"trial {number:>2}", total=self._max_t, note="loading the model"
            )

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        step, value = int(result["training_iteration"]), float(result[self._metric])
        self._evaluations += 1
        if self._is_best(value):
            self._best = value, self._numbers.get(trial.trial_id, 0)
        if self._live is not None and trial.trial_id in self._bars:
            note = f"{step:>2}/{self._max_t}  {self._metric} {value:.4f}"
            if self._metric != "eval_accuracy" and "eval_accuracy" in result:
                note += f"  accuracy {result['eval_accuracy']:.3f}"
            self._live.update(self._bars[trial.trial_id], completed=step, note=note)
        self._refresh()

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        last = trial.last_result or {}
        stop = last.get("es", {})
        steps = int(last.get("training_iteration", 0))
        why = "ran in full" if steps >= self._max_t else str(stop.get("cause", "stopped")).lower()
        text = f"{steps:>2}/{self._max_t}  {why}"
        if "best" in stop:
            text += f", best {self._metric} {stop['best']:.4f} at {stop['best_step']:.0f}"
        self._close(trial, text)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._close(trial, f"failed, see {trial.local_path}")

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _close(self, trial: Trial, text: str) -> None:
        self._ended += 1
        if self._live is None:
            return
        number = self._numbers.get(trial.trial_id, 0)
        if trial.trial_id in self._bars:
            self._live.remove_task(self._bars.pop(trial.trial_id))
        at = time.strftime("%H:%M:%S")
        self._live.console.print(f"[dim]{at}[/] trial {number:>2}  {escape(text)}", soft_wrap=True)
        self._refresh()

    def _refresh(self) -> None:
        if self._live is None:
            return
        running = [task for task in self._live.tasks if task.id in self._bars.values()]
        part = sum(task.completed for task in running) / self._max_t
        note = f"{self._ended}/{self._trials} trials, {self._evaluations} evaluations"
        if self._best is not None:
            note += f", best {self._metric} {self._best[0]:.4f} (trial {self._best[1]})"
        self._live.update(self._sweep, completed=self._ended + part, note=note)

    def _is_best(self, value: float) -> bool:
        if math.isnan(value):
            return False
        if self._best is None:
            return True
        return value < self._best[0] if MODES[self._metric] == "min" else value > self._best[0]
