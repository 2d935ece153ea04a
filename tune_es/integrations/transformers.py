"""A callback for the Trainer of Transformers that stops, restores the best and reports to Ray."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tune_es.checks import check_flags, check_name
from tune_es.integrations import trial
from tune_es.integrations.best import BestState, first_of_all
from tune_es.integrations.rates import scale
from tune_es.integrations.run import SAVED, Judged, Run, is_best, is_wanted
from tune_es.integrations.source import Source
from tune_es.integrations.trainer_files import (
    IGNORED,
    check_arguments,
    checkpoint_of,
    find_best,
    load_weights,
    logged_rows,
    save_best,
)

logger = logging.getLogger("tune_es")

PLACES = ("memory", "checkpoint")


class PolicyCallback(Judged, TrainerCallback):
    """Ends a run of the ``Trainer`` when a policy says so, judged at every evaluation.

    Metrics are named as the Trainer reports them: ``eval_loss``, ``eval_accuracy``, and ``loss``
    for the training loss. ``time_attr`` may be ``training_iteration`` (the number of evaluations,
    and the default, as on Ray), ``epoch`` or ``step``. Several evaluation sets are judged together,
    once all metrics of the policy have come. The ``es/*`` values are in ``state.log_history``;
    callbacks that come after this one are given the numbers among them.

    All that is remembered is read from ``state.log_history``, which the Trainer saves and brings
    back: a run that is resumed decides as one that was never interrupted, whatever folder it is
    resumed from and whatever ``restore_callback_states_from_checkpoint`` says.

    In a trial of Ray Tune the scheduler decides, and this reports every evaluation to it; where the
    scheduler stops the trial, ``train()`` does not return. All processes of a distributed run see
    the same metrics and decide alike; seconds are those of the first one.

    Args:
        policy: A :class:`tune_es.Policy`, the name of a preset, or a YAML file.
        restore_best: Put the weights of the best evaluation back at the end. Not beside
            ``load_best_model_at_end``, which knows no policy: it needs a save at every evaluation
            and takes any gain for a new best.
        best_in: ``"memory"``: a copy on the CPU, which later checkpoints hold, too, so that it
            survives a resume. ``"checkpoint"``: the Trainer saves one at every new best and does
            not delete it.
        restore_optimizer: From memory, restore the optimiser and the scheduler, too.
        checkpoint: In a trial of Ray Tune, report a checkpoint with ``"all"`` evaluations, or with
            every new ``"best"``; the Trainer saves it whatever its ``save_strategy`` is.
        fields: Fields of the policy, such as ``metric``, ``mode`` and ``max_t``.

    Raises:
        ValueError: What can be found out before training.

    >>> callback = PolicyCallback("safe", metric="eval_loss", mode="min", max_t=20)
    >>> PolicyCallback("safe", metric="eval_loss", mode="minimum")
    Traceback (most recent call last):
    ValueError: Metric.mode must be a known name, got 'minimum'; did you mean 'min'? Valid: max, min
    """

    def __init__(
        self,
        policy: Source = None,
        *,
        restore_best: bool = False,
        best_in: str = "memory",
        restore_optimizer: bool = False,
        checkpoint: str = "no",
        **fields: Any,
    ) -> None:
        name = type(self).__name__
        self.restore_best, self.restore_optimizer = restore_best, restore_optimizer
        check_flags(self, "restore_best", "restore_optimizer")
        check_name(name, "best_in", best_in, PLACES)
        check_name(name, "checkpoint", checkpoint, SAVED)
        self._in_memory = restore_best and best_in == "memory"
        self._in_checkpoint = restore_best and best_in == "checkpoint"
        self._checkpoint = checkpoint
        self._run = Run(name, policy, fields, agree=first_of_all)
        self._best = BestState()
        self._row: dict[str, Any] = {}
        self._held = self._is_training = False
        self._due: Mapping[str, Any] | None = None
        self._resumed_at: int | None = None

    def on_init_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Refuse arguments that would leave this without anything to judge or to restore."""
        check_arguments(args, self.restore_best, self._in_checkpoint)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Begin, or go on from what the Trainer has logged so far."""
        self.on_init_end(args, state, control)
        self._row, self._held, self._due = {}, False, None
        self._is_training = True
        self._best.forget()
        self._resumed_at = state.global_step or None
        self._run.load(list(logged_rows(state.log_history)) if state.global_step else [])
        if self._run.rows and self._in_memory:
            self._find_best(args, state, kwargs)
        if self._run.stopped:
            logger.warning("the run that is resumed had been stopped: %s", self.why)
            control.should_training_stop = True

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Collect what is logged until there is an evaluation to judge."""
        self._row.update(logs or {})

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        """Judge, unless further evaluation sets have to come first."""
        if not self._is_training:
            return
        known = {self._resumed_at, *(row.get("step") for row in self._run.rows[-1:])}
        if state.global_step in known:  # eval_on_start when resumed, or a second one at a step
            self._row, state.log_history[-1][IGNORED] = {}, 1
            return
        self._held = True
        if all(name in self._row for name in self._run.policy.metrics):
            self._judge(state, control, kwargs)
            if metrics is not None:
                metrics.update(self._run.numbers())

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Judge what was held back for metrics that did not come."""
        self._settle(state, control, kwargs)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Put the best weights beside later ones, and report the checkpoint to Ray."""
        folder = checkpoint_of(args, state.global_step)
        if self._held:
            self._judge(state, control, kwargs)
        if self._in_checkpoint and state.best_global_step == state.global_step:
            state.best_model_checkpoint = str(folder)
        is_elsewhere = self._best.step is not None and not self._is_best_now(state)
        if self._in_memory and is_elsewhere and state.is_world_process_zero:
            save_best(self._best, folder)
        self._report(folder)

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Restore the best, where that was asked for."""
        self._settle(state, control, kwargs)
        self._is_training = False
        if self._is_best_now(state):
            return
        if self._in_memory and self._best.restore() is not None:
            logger.info("restored the weights of step %s", self._best.step)
        elif self._in_checkpoint and state.best_model_checkpoint is not None:
            load_weights(kwargs["model"], Path(state.best_model_checkpoint))

    def _judge(
        self, state: TrainerState, control: TrainerControl, kwargs: Mapping[str, Any]
    ) -> None:
        row = {**self._row, "epoch": state.epoch, "step": state.global_step}
        self._row, self._held = {}, False
        decision = self._run.judge(row)
        logged: dict[str, Any] = state.log_history[-1]
        logged.update(self._run.words() | self._run.seconds())
        if is_best(decision):
            self._keep(state, control, kwargs)
        if self._run.lowered < 1:
            scale(self._run.lowered, kwargs["optimizer"], kwargs["lr_scheduler"])
        if self._run.is_trial and not state.is_hyper_param_search:
            self._due = row if state.is_world_process_zero else None
            if is_wanted(self._checkpoint, decision):
                control.should_save = True
            else:
                self._report(None)
        if self._run.stopped:
            control.should_training_stop = True

    def _keep(
        self, state: TrainerState, control: TrainerControl, kwargs: Mapping[str, Any]
    ) -> None:
        if self._in_memory:
            self._best.saw(self.decision, **self._parts(kwargs))
        if self._in_checkpoint and self.decision is not None:
            state.best_metric, state.best_global_step = self.decision.best, state.global_step
            control.should_save = True

    def _is_best_now(self, state: TrainerState) -> bool:
        """True where the weights are those of the best evaluation."""
        best = self._run.best_row
        return best is not None and best.get("step") == state.global_step

    def _parts(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """What of the Trainer is kept."""
        names = ("model", "optimizer", "lr_scheduler") if self.restore_optimizer else ("model",)
        return {name: kwargs[name] for name in names if kwargs.get(name) is not None}

    def _settle(
        self, state: TrainerState, control: TrainerControl, kwargs: Mapping[str, Any]
    ) -> None:
        if self._held:
            self._judge(state, control, kwargs)
        self._report(None)

    def _report(self, folder: Path | None) -> None:
        """Report what is due; a trial that the scheduler stops ends in here."""
        due, self._due = self._due, None
        if due is not None:
            trial.report(due, folder)

    def _find_best(
        self, args: TrainingArguments, state: TrainerState, kwargs: Mapping[str, Any]
    ) -> None:
        """The best weights of a run that is resumed: those at hand, or those in its checkpoint."""
        parts, decision = self._parts(kwargs), self.decision
        if decision is None or decision.best_step is None:
            return
        if self._is_best_now(state):
            self._best.keep(decision.step, **parts)
            return
        self._best.know(**parts)
        find_best(self._best, decision.best_step, args, state.global_step)
