"""The callback: writes why into every result, and carries the state across a crash."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import Any

from ray.tune import Callback, Stopper
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.logger import LoggerCallback

from tune_es.params import KEY
from tune_es.ray.audience import Audience
from tune_es.ray.closing_words import ClosingWords, has_reporter
from tune_es.ray.event_log import EventLog
from tune_es.ray.judge import Judge
from tune_es.ray.meters import Meters
from tune_es.ray.monitor import Monitor
from tune_es.ray.sweep import keep_results, unwrapped
from tune_es.reading import read_number

logger = logging.getLogger("tune_es")

#: With it Ray lets a result without the metric pass instead of ending the sweep.
LENIENT = "TUNE_DISABLE_STRICT_METRIC_CHECKING"

UNREADABLE = (
    "its saved state cannot be read: look for 'Failed to restore' above, and "
    "remove callback-states-*.pkl from the experiment to go on with empty histories, or all state "
    "files of the newest time in their names to go on from those before; a Ray that runs on since "
    "then has them in driver_artifacts of its session, too: start it again or remove them there"
)
NO_TRIALS = f"the sweep has no trials; where it was restored, {UNREADABLE}"

#: Ray makes the callbacks named here, after the user's and before its own loggers.
RAY_CALLBACKS = "RAY_TUNE_CALLBACKS"
PATH = "tune_es.ray.EarlyStoppingCallback"


class EarlyStoppingCallback(Callback):
    """Puts the ``es`` entry into every result, and saves and restores the scheduler's state.

    :class:`EarlyStoppingScheduler` brings one along by itself. Name it yourself to fix the order:
    loggers in ``callbacks`` write before a callback that Ray adds, so put this one first.

    It also writes the event log that ``tune-es watch``, ``report`` and ``explain`` read, and where
    Ray prints anything (``RunConfig(verbose=1)`` or more) a summary at the end. Beside an
    :class:`EarlyStopper`, or a scheduler that is not of this package, it only writes the log.

    Args:
        event_log: Write the event log.
        metrics: Keep the numbers of the sweep on Ray's metrics endpoint, for Prometheus.

    >>> from ray.tune import RunConfig
    >>> run_config = RunConfig(callbacks=[EarlyStoppingCallback()])
    """

    def __init__(self, event_log: bool = True, metrics: bool = True) -> None:
        self.restored: dict[str, Any] | None = None
        self._event_log, self._metrics = event_log, metrics
        self._judge: Judge | None = None
        self._after_step: Callable[[], None] | None = None
        self._audience = Audience(self._monitors)
        self._is_loud = self._stands_down = False
        self.begun = False

    def attach(
        self, judge: Judge, after_step: Callable[[], None], controller: TuneController
    ) -> None:
        """Speak for this judge from now on, and have Ray bear results without the metric."""
        if self._judge is None:
            leniency.take()
        self._judge, self._after_step = judge, after_step
        callbacks = callbacks_of(controller)
        self._is_loud = has_reporter(callbacks)
        self._audience.attach(judge)
        for other in callbacks:  # Ray adds one where the user has named one
            if isinstance(other, EarlyStoppingCallback):
                other._stands_down = other is not self

    def _monitors(self) -> list[Monitor]:
        """Who watches this sweep."""
        if self._stands_down:
            return []
        found: list[Monitor] = [Meters()] if self._metrics else []
        found += [EventLog()] if self._event_log else []
        return found + ([ClosingWords()] if self._event_log and self._is_loud else [])

    def setup(
        self,
        stop: Stopper | None = None,
        num_samples: int | None = None,
        total_num_samples: int | None = None,
        **info: Any,
    ) -> None:
        """Called once the callbacks of the sweep are made: no later sweep is to get this one."""
        withdraw_callback()
        self._audience.planned = total_num_samples

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Refuse a restored sweep without trials: Ray logs what it cannot read, and goes on."""
        resumed, self.begun = iteration > 0 and not self.begun, True
        if resumed and not trials:
            raise RuntimeError(NO_TRIALS)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._after_step is not None:
            self._after_step()
        self._audience.on_step(trials)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if not trials and not self.begun:  # nothing was left to be started
            raise RuntimeError(NO_TRIALS)
        self._audience.close(trials)
        self._audience = Audience(self._monitors)
        if self._judge is None:
            return
        leniency.give_back()
        # Ray leaves this object in the user's own list
        self.restored = self._judge = self._after_step = None
        self.begun = self._is_loud = False

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        keep_results(trial)
        self._audience.on_start(trial)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if self._judge is not None and not _code(result):
            result[KEY] = self._judge.columns(trial.trial_id, result)
        self._audience.on_result(trial, result)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._audience.on_end(trial, failed=False)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self._audience.on_end(trial, failed=True)

    def get_state(self) -> dict[str, Any]:
        if self._judge is not None:
            return self._judge.referee.snapshot()
        if not self.begun and self.restored is None:  # Ray would save that there are no trials
            raise RuntimeError(NO_TRIALS)
        return {"by": "another"}

    def set_state(self, state: dict[str, Any]) -> None:
        self.restored = state


def _code(result: dict[str, Any]) -> object:
    """The code that an EarlyStopper has already written into a result it stopped at."""
    written = result.get(KEY)
    return read_number(written.get("code")) if isinstance(written, dict) else None


class Leniency:
    """Has Ray bear results without the metric for as long as somebody holds this."""

    def __init__(self) -> None:
        self._holders = 0
        self._before: str | None = None

    def take(self) -> None:
        if not self._holders:
            self._before = os.environ.get(LENIENT)
        self._holders += 1
        os.environ[LENIENT] = "1"

    def give_back(self) -> None:
        """Ray is as strict as before once all have given it back."""
        self._holders -= 1
        if self._holders:
            return
        if self._before is None:
            os.environ.pop(LENIENT, None)
        else:
            os.environ[LENIENT] = self._before


#: The setting is one of the process: scheduler and searcher of a sweep both want it.
leniency = Leniency()


def bring_callback(path: str = PATH) -> None:
    """Have Ray add a callback to the sweep that is being set up."""
    named = os.environ.get(RAY_CALLBACKS, "").split(",")
    os.environ[RAY_CALLBACKS] = ",".join([*filter(None, named), path])


def withdraw_callback(path: str = PATH) -> None:
    """Have Ray add it to no further sweep."""
    named = [name for name in os.environ.get(RAY_CALLBACKS, "").split(",") if name != path]
    if any(named):
        os.environ[RAY_CALLBACKS] = ",".join(named)
    else:
        os.environ.pop(RAY_CALLBACKS, None)


def callbacks_of(controller: TuneController) -> list[Callback]:
    """All callbacks of a sweep."""
    callbacks = unwrapped(controller)._callbacks
    return [callbacks[at] for at in range(len(callbacks))]


def find_callback(callbacks: Sequence[Callback]) -> EarlyStoppingCallback | None:
    """The callback of this sweep, or None; says once what its place or absence costs."""
    for at, callback in enumerate(callbacks):
        if isinstance(callback, EarlyStoppingCallback):
            before = callbacks[:at]
            early = [type(each).__name__ for each in before if isinstance(each, LoggerCallback)]
            if early:
                logger.warning(
                    "%s writes before EarlyStoppingCallback and misses the es/* values; put "
                    "EarlyStoppingCallback() first in callbacks",
                    ", ".join(early),
                )
            return callback
    logger.warning(
        "EarlyStoppingScheduler runs without its callback: results lack es/* and Tuner.restore "
        "starts with empty histories; add callbacks=[EarlyStoppingCallback()] to RunConfig"
    )
    return None
