"""All who watch one sweep, and when they are told."""

from __future__ import annotations

import sys
from typing import Any

from ray.train._internal.storage import StorageContext
from ray.tune import Stopper
from ray.tune.experiment import Trial

from tune_es.policy import Policy
from tune_es.ray.judge import Judge
from tune_es.ray.monitor import Monitor, Watched
from tune_es.records import Decision


class Audience:
    """Passes on what Ray tells a callback, with the decisions of the judge.

    Args:
        monitors: Who watches.
        planned: How many trials will come, as Ray counts them.
        policy: What decides where there is no judge: that of an ``EarlyStopper``.
    """

    def __init__(
        self, monitors: list[Monitor], planned: int | None = None, policy: Policy | None = None
    ) -> None:
        self._monitors = monitors
        self._planned = planned if planned and 0 < planned < sys.maxsize else None
        self._policy = policy
        self._judge: Judge | None = None
        self._has_begun = False

    def attach(self, judge: Judge, more: list[Monitor]) -> None:
        """Ask this judge for its decisions, and tell these monitors, too, after the others."""
        self._judge = judge
        self._monitors = [*self._monitors, *more]

    def on_start(self, trial: Trial) -> None:
        self._begin(trial)
        for each in self._monitors:
            each.on_start(trial)

    def on_result(self, trial: Trial, result: dict[str, Any]) -> None:
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
        policy = self._policy if self._judge is None else self._judge.referee.policy
        name = "" if trial.storage is None else trial.storage.experiment_dir_name
        where = None if trial.storage is None else local_folder(trial.storage)
        for each in self._monitors:
            each.begin(Watched(name, policy, self._planned, where))

    def _last(self, trial: Trial) -> Decision | None:
        return None if self._judge is None else self._judge.referee.last(trial.trial_id)


def local_folder(storage: StorageContext) -> str:
    """Where files of an experiment are found at once: in its folder, where that is on a disk.

    Before a cloud storage lies Ray's staging folder, whose files are uploaded every few seconds.
    """
    if storage.storage_filesystem.type_name == "local":
        return str(storage.experiment_fs_path)
    return str(storage.experiment_driver_staging_path)


def policy_of(stop: object) -> Policy | None:
    """The policy of a stopper of ours in what ``RunConfig(stop=...)`` was given."""
    found = getattr(stop, "policy", None) if isinstance(stop, Stopper) else None
    return found if isinstance(found, Policy) else None
