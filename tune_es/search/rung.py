"""A study as it stood when each of its trials came to one step."""

from __future__ import annotations

import copy
import math
from collections.abc import Container, Sequence
from typing import Any

from optuna.pruners import NopPruner
from optuna.samplers import BaseSampler
from optuna.storages import InMemoryStorage
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

#: What a rung is called where Optuna wants a name; it is never seen.
NAME = "rung"


class Rung(InMemoryStorage):
    """The trials of another study as they stood at ``step``, in the shape that a sampler reads.

    A trial that came so far is COMPLETE, with the best value it had by then, whether it has ended
    or still runs; one that runs and has not come so far is RUNNING; one that ended before is not
    there, and neither is one that failed. A point that was told with its value alone counts at
    every step. Nothing is written here but by :meth:`show`, which looks only at trials that have
    changed: Optuna's storages replace the object of a trial that changes.
    """

    def __init__(self, step: float, direction: StudyDirection) -> None:
        super().__init__()
        self.step = step
        self._direction = direction
        self._shown: dict[int, tuple[FrozenTrial, FrozenTrial | None]] = {}
        self._trials: list[FrozenTrial] = []

    def show(self, trials: Sequence[FrozenTrial], sampler: BaseSampler) -> Study:
        """Take in how the trials of the study are by now; gives them as a study for this sampler.

        A study keeps a list of its trials between its own questions, so each question has a new
        one here.
        """
        shown = self._shown
        for trial in trials:
            before = shown.get(trial.number)
            if before is None or before[0] is not trial:
                shown[trial.number] = (trial, standing(trial, self.step, self._direction))
        seen = (shown[trial.number][1] for trial in trials)
        self._trials = [each for each in seen if each is not None]
        return Study(NAME, self, sampler=sampler, pruner=NopPruner())

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        trials = [each for each in self._trials if states is None or each.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def get_study_id_from_name(self, study_name: str) -> int:
        return 0

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return [self._direction]

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Nothing: a sampler shares what it is about to suggest, and the study itself has it."""

    def __getstate__(self) -> dict[Any, Any]:
        return {**super().__getstate__(), "_shown": {}, "_trials": []}


def reach(trial: FrozenTrial) -> float:
    """How far a trial has come: the last step with a finite value; minus infinity for nowhere."""
    if trial.state in (TrialState.FAIL, TrialState.WAITING):
        return -math.inf
    steps = [step for step, value in trial.intermediate_values.items() if math.isfinite(value)]
    nowhere = math.inf if trial.state == TrialState.COMPLETE else -math.inf
    return max(steps, default=nowhere)


def standing(trial: FrozenTrial, step: float, direction: StudyDirection) -> FrozenTrial | None:
    """A trial as it stood at a step; None where it has nothing to say there."""
    if trial.state == TrialState.WAITING:
        return trial
    if reach(trial) < step:
        return trial if trial.state == TrialState.RUNNING else None
    values = {at: value for at, value in trial.intermediate_values.items() if math.isfinite(value)}
    then = copy.copy(trial)
    then.state = TrialState.COMPLETE
    if values:
        until = min(at for at in values if at >= step)
        best = max if direction == StudyDirection.MAXIMIZE else min
        then.value = best(value for at, value in values.items() if at <= until)
    return then
