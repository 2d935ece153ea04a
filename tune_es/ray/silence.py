"""Notices that a sweep stands still: trials that are paused wait for one that may hang."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ray.tune.experiment import Trial

from tune_es.ray.judge import logger
from tune_es.ray.line import Place

#: No silence is worth a word before so many seconds, and so many times the longest one so far.
LEAST_S, TIMES = 60.0, 5.0


class Silence:
    """How long no result has come, by a clock that nobody sets."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._longest = 0.0
        self._has_warned = False

    def ends(self) -> None:
        """A result has come."""
        now = time.monotonic()
        if self._since is not None:
            self._longest = max(self._longest, now - self._since)
        self._since, self._has_warned = now, False

    def look(self, trials: Mapping[str, Place]) -> None:
        """Nobody can be started: say once what is waited for, where that takes too long."""
        if self._since is None or self._has_warned:
            return
        lasts = time.monotonic() - self._since
        if lasts < max(LEAST_S, TIMES * self._longest):
            return
        self._has_warned = True
        each = [place.trial for place in trials.values()]
        running = [trial for trial in each if trial.status == Trial.RUNNING]
        paused = sum(trial.status == Trial.PAUSED for trial in each)
        if running and paused:
            logger.warning(
                "no result for %.0f s: %s paused trials wait for %s. One that hangs keeps its rung "
                "from being judged: end its process, and with max_failures=0 the others go on "
                "without it; or give the sweep a time_budget_s",
                lasts,
                paused,
                ", ".join(map(_where, running)),
            )


def _where(trial: Trial) -> str:
    last = trial.run_metadata.last_result
    return f"trial {trial.trial_id} (process {last.get('pid')} on {last.get('hostname')})"
