"""The trials of a sweep that have not ended: who is started next, who is held, who is let go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ray.tune import Trainable
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.result import SHOULD_CHECKPOINT
from ray.tune.trainable.function_trainable import FunctionTrainable

from tune_es.params import KEY
from tune_es.promotion import Saved
from tune_es.ray.judge import Judge, logger
from tune_es.ray.line import Line, Place
from tune_es.ray.silence import Silence
from tune_es.ray.sweep import tell_of_end, unwrapped


class Queue:
    """What Ray asks for whenever something may be started, in the order in which trials joined.

    Under promotion a paused trial that was sent on and did not start goes first, and one that was
    let go is ended here: nothing else would. Ray asks many times a second, so an answer costs the
    same however many trials wait: only those are looked at that run, or stand in front.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._trials: dict[str, Place] = {}
        self._joined = 0
        #: The places that trials of a restored sweep had.
        self._recalled: dict[str, int] = {}
        self._pending = Line(self._trials, Trial.PENDING)
        self._paused = Line(self._trials, Trial.PAUSED, self._is_held)
        #: Those that were seen to start or were told to: their status changes without a word.
        self._moving: dict[str, Trial] = {}
        self._classes: dict[str, Saved | None] = {}
        self._has_warned = False
        self._silence = Silence()

    def add(self, trial: Trial) -> None:
        """A trial joins, or comes again after a failure, to the end then.

        After a crash Ray has every trial that had not ended wait to be started; those that were
        paused are paused again, which Ray takes from a trial that is being added. One whose pause
        Ray did not save first comes to it again.
        """
        name = trial.trial_id
        is_new = self._trials.pop(name, None) is None
        number = self._recalled.pop(name, 0)
        if not number:
            self._joined = number = self._joined + 1
        self._trials[name] = Place(number, trial)
        is_waiting = is_new and trial.status == Trial.PENDING and self._is_held(name)
        if is_waiting and self._has_come(trial):
            trial.set_status(Trial.PAUSED)
        self._moving[name] = trial

    def recall(self, names: Iterable[str]) -> None:
        """Give trials the places that they had before a crash: Ray adds them in any order."""
        self._recalled = {name: number for number, name in enumerate(names, start=1)}
        self._joined = len(self._recalled)

    def line_up(self, controller: TuneController) -> None:
        """Have Ray keep to these places where it requests actors for many trials at once."""
        places = {name: place.number for name, place in self._trials.items()}
        waiting = unwrapped(controller)._pending_trials_list
        waiting.sort(key=lambda trial: places.get(trial.trial_id, self._joined))

    def drop(self, trial_id: str) -> None:
        """A trial has ended."""
        self._trials.pop(trial_id, None)
        self._moving.pop(trial_id, None)

    def fail(self, trial: Trial) -> None:
        """A trial has failed for good; where trials wait for each other, it is not waited for.

        Otherwise its history stays, for a sweep that resumes it.
        """
        if self._promotes:
            self._judge.forget(trial.trial_id, failed=True)
        self.drop(trial.trial_id)

    def choose(self, controller: TuneController) -> Trial | None:
        """The trial to start next, if any; ends those that were let go."""
        referee = self._judge.referee
        let_go = [*self._seen(controller)]
        if self._promotes and self._paused:
            name = self._paused[0]
        else:
            name = referee.choose(self._pending, self._paused)
        chosen = None if name is None else self._trials[name].trial
        if chosen is not None and chosen.status == Trial.PAUSED:
            self._moving[chosen.trial_id] = chosen
        if self._promotes and chosen is None:
            self._silence.look(self._trials)
        for each in [*let_go, *referee.given_up()]:
            place = self._trials.get(each)
            if place is not None and place.trial.status == Trial.PAUSED:
                self._end(controller, place.trial)
        return chosen

    def settle(self, controller: TuneController) -> None:
        """Take leave of trials that Ray has ended without a word, as it does with all at once.

        A time budget and a stopper of the whole sweep end them so.
        """
        first = next(iter(self._trials.values()), None)
        if first is not None and first.trial.is_finished():
            for place in [*self._trials.values()]:
                if place.trial.is_finished():
                    self._part_with(place.trial, controller)

    def noted(self, trial: Trial) -> None:
        """A result has come: the trial may pause, and others may be judged by now."""
        if trial.trial_id in self._trials:
            self._moving[trial.trial_id] = trial
        self._silence.ends()
        if not self._has_warned and self._promotes and not self._judge.referee.pauses:
            self._has_warned = True
            logger.warning(
                "a trial came to a rung without any checkpoint: it would start from step 1 after a "
                "pause, so no trial is paused from now on, and each is stopped at a rung or goes "
                "on. To have trials paused and promoted, report a checkpoint with every result, "
                "tune.report(metrics, checkpoint=...); a class needs save_checkpoint"
            )

    def saved(self, trial: Trial, result: Mapping[str, Any]) -> Saved:
        """Where a trial would go on if it paused at this result."""
        if not self._judge.referee.pauses:
            return Saved.NEVER
        name = trial.trainable_name
        if name not in self._classes:
            self._classes[name] = _saved_by(trial.get_trainable_cls())
        of_class = self._classes[name]
        if of_class is not None:
            return of_class
        if result.get(SHOULD_CHECKPOINT):
            return Saved.HERE
        return Saved.NEVER if trial.checkpoint is None else Saved.EARLIER

    def _seen(self, controller: TuneController) -> Iterator[str]:
        """Look where those have come that move; gives the paused ones that were let go."""
        for line in (self._pending, self._paused):
            for place in filter(None, map(self._trials.get, line.left())):
                self._moving[place.trial.trial_id] = place.trial
        for trial in [one for one in self._moving.values() if one.status != Trial.RUNNING]:
            name = trial.trial_id
            if self._moving.pop(name, None) is None:
                continue
            if trial.status == Trial.PENDING:
                self._pending.put(name)
            elif trial.status != Trial.PAUSED:
                self._part_with(trial, controller)
            elif name in self._judge.referee.let_go:
                yield name
            elif not self._is_held(name):
                self._paused.put(name)

    def _part_with(self, trial: Trial, controller: TuneController) -> None:
        """Tell the searcher of the end, and save it: a restored sweep would go on with the trial.

        Ray itself saves no end of a trial that is paused.
        """
        tell_of_end(controller, trial)
        unwrapped(controller)._mark_trial_to_checkpoint(trial)
        if trial.status == Trial.ERROR:
            self.fail(trial)
        else:
            self._judge.forget(trial.trial_id)
            self.drop(trial.trial_id)

    def _end(self, controller: TuneController, trial: Trial) -> None:
        """End a paused trial as one that was stopped at its last result, and say why in it.

        Ray gives searchers no result of a trial that is ended while it is paused, and does not
        save that it ended. Loggers had its last result when it paused.
        """
        inner = unwrapped(controller)
        why = {KEY: self._judge.parting(trial.trial_id)}
        trial.run_metadata.last_result = {**trial.run_metadata.last_result, **why}
        inner._set_trial_status(trial, Trial.RUNNING)
        inner.stop_trial(trial)
        inner._mark_trial_to_checkpoint(trial)

    @property
    def _promotes(self) -> bool:
        return self._judge.referee.policy.promotion is not None

    def _has_come(self, trial: Trial) -> bool:
        """True where Ray has saved that a trial came to where it is held."""
        last = self._judge.referee.last(trial.trial_id)
        step = self._judge.step_of(trial.run_metadata.last_result)
        return last is not None and step is not None and step >= last.step

    def _is_held(self, trial_id: str) -> bool:
        return self._judge.referee.is_held(trial_id)


def _saved_by(kind: type[Trainable]) -> Saved | None:
    """Where trials of a class go on after a pause; None of functions, which save when they like."""
    if issubclass(kind, FunctionTrainable):
        return None
    return Saved.NEVER if kind.save_checkpoint is Trainable.save_checkpoint else Saved.HERE
