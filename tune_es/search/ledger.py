"""What a study is told: one entry for each trial, opened, kept up to date and always closed."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from tune_es.records import Cause
from tune_es.search.objectives import Objectives
from tune_es.search.record import Record

logger = logging.getLogger("tune_es")

#: User attributes of an Optuna trial: who asked for it, and under which name.
SWEEP = "es/sweep"
TRIAL = "es/trial_id"


@dataclass(frozen=True)
class Ending:
    """How a trial ended: why, whether it failed, and what is noted of it beside its values."""

    cause: str
    failed: bool = False
    attrs: Mapping[str, float] = field(default_factory=dict)


@dataclass
class Entry:
    """A trial in the study; ``told`` is the last step that it was closed with."""

    number: int
    trial_id: int
    record: Record = field(default_factory=Record)
    told: int | None = None
    failed: bool = False

    @property
    def is_open(self) -> bool:
        """True while the study waits for its values."""
        return self.told is None


class Ledger:
    """Keeps a study true to what trials did, and leaves none of them RUNNING.

    A trial that ended with finite values is COMPLETE with the values of its best step; one that
    failed or has no finite value is FAIL. Steps are reported as they come; those of a life that a
    trial has lost, when it started again earlier, are overwritten, with NaN until they come again.
    A trial that goes on after it was closed, in a sweep that was resumed, gets a new entry with the
    same parameters and what it had reported before: Optuna changes no trial that has ended.

    Args:
        study: The study; whoever asks it for trials does so here.
        objectives: What the values are.
        sweep: A name for who asks. Trials of the study that another one asked for are let alone.
    """

    def __init__(self, study: Study, objectives: Objectives, sweep: str) -> None:
        self.study = study
        self.objectives = objectives
        self.sweep = sweep
        self._entries: dict[str, Entry] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    @property
    def open(self) -> list[str]:
        """The names of the trials that have not been closed."""
        return [name for name, entry in self._entries.items() if entry.is_open]

    def ask(self, name: str, space: Mapping[str, BaseDistribution] | None = None) -> Trial:
        """A new trial with the parameters of the space, marked as ours before they are drawn."""
        trial = self.study.ask()
        self._entries[name] = Entry(trial.number, trial._trial_id)
        for key, value in self._marks(name).items():
            trial.set_user_attr(key, value)
        for parameter, distribution in (space or {}).items():
            _draw(trial, parameter, distribution)
        return trial

    def adopt(
        self, name: str, params: dict[str, Any], distributions: dict[str, BaseDistribution]
    ) -> None:
        """Open an entry for a trial that the study was not asked for."""
        marks = self._marks(name)
        trial = create_trial(
            state=TrialState.RUNNING, params=params, distributions=distributions, user_attrs=marks
        )
        self._entries[name] = self._added(trial)

    def note(self, name: str, step: int, values: Sequence[float | None]) -> None:
        """What a trial reported at a step; None for what is missing or not finite."""
        entry = self._entries[name]
        if entry.told is not None:
            if step <= entry.told and not entry.failed:
                return  # steps that are gone through again
            entry = self._reopened(entry)
            self._entries[name] = entry
        dropped = entry.record.note(step, values)
        if self.objectives.single:
            value = entry.record.rows[step][0]
            self._report(entry, dict.fromkeys(dropped, math.nan))
            self._report(entry, {} if value is None else {step: value})

    def note_end(self, name: str, values: Sequence[float | None]) -> None:
        """Values that were given at the end without a step: they are of the next one."""
        entry = self._entries[name]
        if entry.is_open and any(each is not None for each in values):
            self.note(name, (entry.record.last or 0) + 1, values)

    def close(self, name: str, ending: Ending) -> None:
        """A trial has ended; nothing happens where that was told before."""
        entry = self._entries[name]
        if not entry.is_open:
            return
        best = None if ending.failed else self.objectives.best(entry.record)
        last = entry.record.last
        is_broken = best is None and last is not None and not ending.failed
        cause = Cause.BROKEN.name if is_broken else ending.cause
        attrs: dict[str, Any] = {"es/cause": cause, "es/steps": last or 0, **ending.attrs}
        if best is not None:
            attrs["es/best_step"] = best[0]
        entry.told, entry.failed = last or 0, best is None
        if not self._storage.get_trial(entry.trial_id).state.is_finished():
            for key, value in attrs.items():
                self._storage.set_trial_user_attr(entry.trial_id, key, value)
            self._tell(entry, None if best is None else best[1])
        if not entry.failed:
            entry.record = Record(dict([*entry.record.vectors()][-1:]))

    def heal(self) -> None:
        """Bring ledger and study together after one of them was read from an older state.

        Trials that were closed meanwhile are closed here; steps that only the study has are taken
        back, for they will come again; trials that are known to nobody any more failed, and points
        that had been enqueued for them are enqueued again.
        """
        for entry in self._entries.values():
            if not entry.is_open:
                continue
            trial = self._storage.get_trial(entry.trial_id)
            if trial.state.is_finished():
                entry.told = int(trial.user_attrs.get("es/steps", entry.record.last or 0))
                entry.failed = trial.state != TrialState.COMPLETE
            else:
                unknown = trial.intermediate_values.keys() - entry.record.rows.keys()
                self._report(entry, dict.fromkeys(unknown, math.nan))
        for point in filter(None, self.close_lost()):
            self.study.enqueue_trial(point, user_attrs={SWEEP: self.sweep})

    def close_lost(self) -> list[dict[str, Any] | None]:
        """Close what runs in the study, was asked for by this sweep, and is known to nobody.

        Such are trials of a process that died. Gives for each the point that had been enqueued.
        """
        points = []
        ours = {entry.number for entry in self._entries.values()}
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.user_attrs.get(SWEEP) == self.sweep and trial.number not in ours:
                self._storage.set_trial_user_attr(trial._trial_id, "es/cause", "LOST")
                self._tell(Entry(trial.number, trial._trial_id), None)
                points.append(trial.system_attrs.get("fixed_params"))
        return points

    @property
    def _storage(self) -> BaseStorage:
        return self.study._storage

    def _marks(self, name: str) -> dict[str, str]:
        return {SWEEP: self.sweep, TRIAL: name}

    def _report(self, entry: Entry, values: Mapping[int, float]) -> None:
        try:
            for step, value in values.items():
                self._storage.set_trial_intermediate_value(entry.trial_id, step, value)
        except UpdateFinishedTrialError:  # somebody else has ended it in the storage
            entry.told, entry.failed = entry.record.last or 0, False

    def _tell(self, entry: Entry, values: Sequence[float] | None) -> None:
        """Tell the study; a sampler that cannot bear it (GridSampler at its end) ends no sweep."""
        state = TrialState.FAIL if values is None else TrialState.COMPLETE
        try:
            self.study.tell(entry.number, values, state=state, skip_if_finished=True)
        except (RuntimeError, ValueError, KeyError) as error:
            logger.warning("Optuna trial %s: %s", entry.number, error)

    def _reopened(self, entry: Entry) -> Entry:
        before = self._storage.get_trial(entry.trial_id)
        params, distributions = dict(before.params), dict(before.distributions)
        trial = create_trial(
            state=TrialState.RUNNING,
            params=params,
            distributions=distributions,
            user_attrs={key: before.user_attrs[key] for key in (SWEEP, TRIAL)},
            intermediate_values=dict(before.intermediate_values),
        )
        added = self._added(trial)
        added.record = entry.record
        return added

    def _added(self, trial: FrozenTrial) -> Entry:
        trial_id = self._storage.create_new_trial(self.study._study_id, template_trial=trial)
        return Entry(self._storage.get_trial_number_from_id(trial_id), trial_id)


def _draw(trial: Trial, name: str, space: BaseDistribution) -> None:
    if isinstance(space, FloatDistribution):
        trial.suggest_float(name, space.low, space.high, step=space.step, log=space.log)
    elif isinstance(space, IntDistribution):
        trial.suggest_int(name, space.low, space.high, step=space.step, log=space.log)
    elif isinstance(space, CategoricalDistribution):
        trial.suggest_categorical(name, space.choices)
    else:
        raise ValueError(f"parameter {name!r} must be of a distribution of Optuna, got {space!r}")
