"""All who watch one sweep, and when they are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ray.train._internal.storage import StorageContext
from ray.tune.experiment import Trial

from tune_es.ray.judge import Judge, judges
from tune_es.ray.monitor import Monitor, Watched
from tune_es.records import Decision


class Audience:
    """Passes on what Ray tells a callback, with the decisions of the judge.

    Args:
        gather: Makes those who watch, when the first trial is known.
    """

    def __init__(self, gather: Callable[[], list[Monitor]]) -> None:
        self._gather = gather
        self._monitors: list[Monitor] = []
        self._judge: Judge | None = None
        self._has_begun = False
        #: How many trials will come, as Ray counts them.
        self.planned: int | None = None

    def attach(self, judge: Judge) -> None:
        """Ask this judge for its decisions."""
        self._judge = judge

    def on_start(self, trial: Trial) -> None:
        self._begin(trial)
        for each in self._monitors:
            each.on_start(trial)

    def on_result(self, trial: Trial, result: dict[str, Any]) -> None:
        if self._judge is None and (judge := judges.get(trial.trial_id)) is not None:
            self._judge, self._has_begun = judge, False  # an EarlyStopper is known from now on
            self._begin(trial)
        decision = self._last(trial)
        for each in self._monitors:
            each.on_result(trial, result, decision)

    def on_end(self, trial: Trial, failed: bool) -> None:
        decision = self._last(trial)
        for each in self._monitors:
            each.on_end(trial, failed, decision)

    def on_step(self, trials: list[Trial]) -> None:
        if trials:
            self._begin(trials[0])
            for each in self._monitors:
                each.on_step(trials)

    def close(self, trials: list[Trial]) -> None:
        if self._has_begun:
            for each in self._monitors:
                each.close(trials)

    def _begin(self, trial: Trial) -> None:
        """Once there is a trial it is known where the files of the sweep lie."""
        if self._has_begun:
            return
        self._has_begun = True
        self._monitors = self._monitors or self._gather()
        planned = self.planned if self.planned and 0 < self.planned < sys.maxsize else None
        policy = None if self._judge is None else self._judge.referee.policy
        name = "" if trial.storage is None else trial.storage.experiment_dir_name
        where = None if trial.storage is None else local_folder(trial.storage)
        for each in self._monitors:
            each.begin(Watched(name, policy, planned, where, self._judge))

    def _last(self, trial: Trial) -> Decision | None:
        return None if self._judge is None else self._judge.referee.last(trial.trial_id)


def local_folder(storage: StorageContext) -> str:
    """Where files of an experiment are found at once: in its folder, where that is on a disk.

    Before a cloud storage lies Ray's staging folder, whose files are uploaded every few seconds.
    """
    if storage.storage_filesystem.type_name == "local":
        return str(storage.experiment_fs_path)
    return str(storage.experiment_driver_staging_path)
