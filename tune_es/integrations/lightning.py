"""A callback for Lightning that stops, restores the best and reports to Ray."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_es.checks import check_flags, check_name
from tune_es.integrations import trial
from tune_es.integrations.best import BestState
from tune_es.integrations.rates import scale
from tune_es.integrations.run import SAVED, Judged, Run, is_wanted
from tune_es.integrations.source import Source

if TYPE_CHECKING:
    from lightning.pytorch import Callback, LightningModule, Trainer
else:  # the same code under two names; hooks are called by name, so either serves both trainers
    Callback = import_module(
        "lightning.pytorch" if find_spec("lightning") else "pytorch_lightning"
    ).Callback

logger = logging.getLogger("tune_es")

#: The file in a checkpoint that is reported to Ray.
CHECKPOINT_FILE = "checkpoint.ckpt"


class PolicyCallback(Judged, Callback):
    """Ends a run of Lightning's ``Trainer`` when a policy says so, judged at every validation.

    Metrics are those of ``trainer.callback_metrics``, by the names they were logged with. Where
    there is one validation an epoch, or none, it judges at the end of the epoch, so that training
    metrics of the epoch are there; what a module logs in its own ``on_train_epoch_end`` is not yet.
    ``time_attr`` may be ``training_iteration`` (the number of evaluations, and the default, as on
    Ray), ``epoch`` or ``step``. The loggers of the trainer get the ``es/*`` numbers.

    The state is in every checkpoint, as plain data: a run that is resumed from one decides as one
    that was never interrupted. In a trial of Ray Tune the scheduler decides, and this reports every
    evaluation to it; where the scheduler stops the trial, ``fit()`` does not return. In a
    distributed run the numbers of the first process are judged by all.

    Args:
        policy: A :class:`tune_es.Policy`, the name of a preset, or a YAML file.
        restore_best: Copy the weights of the best evaluation to the CPU and put them back at the
            end. Checkpoints hold the copy, too, and are larger by the size of the model.
        restore_optimizer: Restore optimisers and schedulers, too.
        checkpoint: In a trial of Ray Tune, report a checkpoint with ``"all"`` evaluations, or with
            every new ``"best"``: a folder with ``checkpoint.ckpt`` for ``fit(ckpt_path=...)``.
        fields: Fields of the policy, such as ``metric``, ``mode`` and ``max_t``.

    Raises:
        ValueError: What can be found out when it is built.

    >>> callback = PolicyCallback("safe", metric="val_loss", mode="min", max_t=20)
    >>> PolicyCallback("safe", metric="val_loss", mode="min", max_epochs=20)
    Traceback (most recent call last):
    ValueError: PolicyCallback has no field 'max_epochs'; it is called 'max_t' here. Valid: ...
    """

    def __init__(
        self,
        policy: Source = None,
        *,
        restore_best: bool = False,
        restore_optimizer: bool = False,
        checkpoint: str = "no",
        **fields: Any,
    ) -> None:
        self.restore_best, self.restore_optimizer = restore_best, restore_optimizer
        check_flags(self, "restore_best", "restore_optimizer")
        check_name(type(self).__name__, "checkpoint", checkpoint, SAVED)
        self._checkpoint = checkpoint
        self._run = Run(type(self).__name__, policy, fields)
        self._best = BestState()

    @property
    def state_key(self) -> str:
        """Its name in a checkpoint: one callback for each metric."""
        return self._generate_state_key(metric=self.policy.metric, mode=self.policy.mode)

    def state_dict(self) -> dict[str, Any]:
        """What was judged, and the best weights where they are kept."""
        best = {"best": self._best.state_dict()} if self._best.step is not None else {}
        return {"rows": list(self._run.rows), **best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._run.load(state_dict["rows"])
        if self.restore_best and "best" in state_dict:
            self._best.load_state_dict(state_dict["best"])

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Begin, unless a trainer that has trained goes on."""
        if stage == "fit" and not trainer.global_step:
            self._run.begin()
            self._best.forget()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End a run that had been stopped before it was resumed."""
        if self._run.stopped:
            logger.warning("the run that is resumed had been stopped: %s", self.why)
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge, where there is more or less than one validation an epoch."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking and not _by_epoch(trainer):
            done = (trainer.fit_loop.batch_idx + 1) / trainer.num_training_batches
            self._judge(trainer, pl_module, trainer.current_epoch + done)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Judge, where there is one validation an epoch, or none at all."""
        if _by_epoch(trainer):
            self._judge(trainer, pl_module, trainer.current_epoch + 1)

    def on_fit_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Restore the best, where that was asked for."""
        if self.restore_best:
            step = self._best.restore(**self._parts(trainer, pl_module))
            logger.info("restored the weights of step %s", step)

    def _judge(self, trainer: Trainer, pl_module: LightningModule, epoch: float) -> None:
        if getattr(trainer, "fast_dev_run", False):
            return
        logged = {name: value.squeeze() for name, value in trainer.callback_metrics.items()}
        row = {**trial.numbers(logged), "epoch": epoch, "step": trainer.global_step}
        row = self._run.timed(row)
        if trainer.world_size > 1:
            row = trainer.strategy.broadcast(row)
        decision = self._run.judge(row)
        for each in trainer.loggers:
            each.log_metrics(self._run.numbers(), step=trainer.global_step)
        if self.restore_best:
            self._best.saw(decision, **self._parts(trainer, pl_module))
        if self._run.lowered < 1:
            self._lower(trainer)
        if self._run.is_trial and trainer.is_global_zero:
            self._report(trainer, row, is_wanted(self._checkpoint, decision))
        if self._run.stopped:
            trainer.should_stop = True

    def _lower(self, trainer: Trainer) -> None:
        schedulers = [each.scheduler for each in trainer.lr_scheduler_configs]
        for optimizer in trainer.optimizers:
            own = [each for each in schedulers if each.optimizer is optimizer]
            scale(self._run.lowered, optimizer, *own)

    def _report(self, trainer: Trainer, row: Mapping[str, float], with_checkpoint: bool) -> None:
        """Report to Ray; a trial that the scheduler stops ends in here."""
        if not with_checkpoint:
            trial.report(row)
            return
        with tempfile.TemporaryDirectory() as folder:
            trainer.save_checkpoint(Path(folder) / CHECKPOINT_FILE)
            trial.report(row, Path(folder))

    def _parts(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """What is kept."""
        if not self.restore_optimizer:
            return {"model": pl_module}
        schedulers = [each.scheduler for each in trainer.lr_scheduler_configs]
        return {
            "model": pl_module,
            **{f"optimizer{at}": each for at, each in enumerate(trainer.optimizers)},
            **{f"scheduler{at}": each for at, each in enumerate(schedulers)},
        }


def _by_epoch(trainer: Trainer) -> bool:
    """True where there is one validation at the end of every epoch, or none."""
    has_none = not sum(trainer.num_val_batches)
    return has_none or (trainer.val_check_interval, trainer.check_val_every_n_epoch) == (1.0, 1)
