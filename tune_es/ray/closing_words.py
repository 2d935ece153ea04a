"""What the output of a sweep ends with."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial
from ray.tune.experimental.output import ProgressReporter
from ray.tune.utils.log import Verbosity, has_verbosity

from tune_es.monitoring import read_experiment, summary
from tune_es.ray.judge import logger
from tune_es.ray.monitor import Watched
from tune_es.records import Decision


class ClosingWords:
    """A monitor that says what the sweep came to, from its event log, when it is over."""

    def __init__(self) -> None:
        self._where: str | None = None

    def begin(self, sweep: Watched) -> None:
        self._where = sweep.where

    def on_start(self, trial: Trial) -> None:
        pass

    def on_result(self, trial: Trial, result: dict[str, Any], decision: Decision | None) -> None:
        pass

    def on_end(self, trial: Trial, failed: bool, decision: Decision | None) -> None:
        pass

    def on_step(self, trials: list[Trial]) -> None:
        pass

    def close(self, trials: list[Trial]) -> None:
        if self._where is None:
            return
        try:
            words = summary(read_experiment(self._where))
        except (ValueError, OSError) as error:
            logger.warning("no summary of %s: %s", self._where, error)
            return
        more = f"tune-es report {self._where} --out report.html"
        sys.stdout.write(f"\nEarly stopping\n{words}\nreport   {more}\n")


def has_reporter(callbacks: Iterable[Callback]) -> bool:
    """True where Ray prints something of a sweep with these callbacks."""
    reporters = [each for each in callbacks if isinstance(each, ProgressReporter)]
    if reporters:
        return any(each.verbosity > 0 for each in reporters)
    return bool(has_verbosity(Verbosity.V1_EXPERIMENT))
