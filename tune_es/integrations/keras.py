"""A callback for Keras 3 that stops, restores the best and reports to Ray."""

from __future__ import annotations

import json
import logging
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tune_es.checks import check_flags, check_name, nearest
from tune_es.integrations import trial
from tune_es.integrations.arrays import Arrays, has_schedule, lower_rate, put, take
from tune_es.integrations.run import SAVED, Judged, Run, is_best, is_wanted
from tune_es.integrations.source import Source

if TYPE_CHECKING:  # Keras carries no types

    class Callback:
        """What Keras calls while it trains."""

        model: Any
else:
    Callback = import_module("keras").callbacks.Callback

logger = logging.getLogger("tune_es")

#: What a checkpoint that is reported to Ray holds.
MODEL_FILE, STATE_FILE = "model.keras", "policy_callback.json"

#: A crash may be an epoch behind the latest best, so that the one before is needed.
BESTS_KEPT = 2


class PolicyCallback(Judged, Callback):
    """Ends ``model.fit`` when a policy says so, judged at the end of every epoch with its metrics.

    Metrics are named as in the logs of Keras: ``loss``, ``val_loss``, ``val_accuracy``.
    ``time_attr`` may be ``training_iteration`` (the number of evaluations, and the default, as on
    Ray), ``epoch`` or ``step``. The ``es/*`` numbers are put into the logs, so the history has
    them, and callbacks that come after this one.

    Keras saves no state of callbacks. With a ``state_file`` this saves its own, and a run that is
    resumed, by ``BackupAndRestore`` or with ``initial_epoch``, decides as one that was never
    interrupted: epochs that are trained again are judged again. Put it before ``BackupAndRestore``
    in the list; a file in its folder is deleted with it at the end.

    In a trial of Ray Tune the scheduler decides, and this reports every evaluation to it; where the
    scheduler stops the trial, ``fit`` does not return.

    Args:
        policy: A :class:`tune_es.Policy`, the name of a preset, or a YAML file.
        restore_best: Keep the weights of the best evaluation in memory and put them back at the
            end; with a ``state_file`` they are beside it on the disk, too.
        restore_optimizer: Restore the variables of the optimiser, too.
        state_file: Where to save the state; any folder that lives as long as the checkpoints.
        checkpoint: In a trial of Ray Tune, report a checkpoint with ``"all"`` evaluations, or with
            every new ``"best"``: a folder with ``model.keras`` and ``policy_callback.json``, which
            is a ``state_file``.
        fields: Fields of the policy, such as ``metric``, ``mode`` and ``max_t``.

    Raises:
        ValueError: What can be found out when it is built; a schedule of the learning rate beside
            :class:`tune_es.ReduceFirst`, when training starts.
    """

    def __init__(
        self,
        policy: Source = None,
        *,
        restore_best: bool = False,
        restore_optimizer: bool = False,
        state_file: str | Path | None = None,
        checkpoint: str = "no",
        **fields: Any,
    ) -> None:
        super().__init__()
        self.restore_best, self.restore_optimizer = restore_best, restore_optimizer
        check_flags(self, "restore_best", "restore_optimizer")
        check_name(type(self).__name__, "checkpoint", checkpoint, SAVED)
        self._checkpoint = checkpoint
        self._file = None if state_file is None else Path(state_file)
        self._run = Run(type(self).__name__, policy, fields)
        self._best: Arrays | None = None
        self._began = False
        self._names: set[str] = set()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Wait for the first epoch: its number says how much of a saved state counts."""
        self._began, self._names = False, set()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin, or go on after the epochs that had been judged before this one."""
        if not self._began:
            self._began = True
            self._resume(epoch)
        if self._run.stopped:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Judge, where the epoch has metrics of the policy; with ``validation_freq`` not all do."""
        logs = {} if logs is None else logs
        self._names.update(logs)
        if self._run.stopped or not any(name in logs for name in self.policy.metrics):
            return
        step = int(self.model.optimizer.iterations)
        row = {**trial.numbers(logs), "epoch": epoch + 1, "step": step}
        decision = self._run.judge(row)
        logs.update(self._run.numbers())
        if self.restore_best and is_best(decision):
            self._best = take(self.model, self.restore_optimizer)
        if self._run.lowered < 1:
            lower_rate(self.model, self._run.lowered)
        self._save(epoch + 1, is_best(decision))
        if self._run.is_trial:
            self._report(row, is_wanted(self._checkpoint, decision))
        if self._run.stopped:
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the best, where that was asked for."""
        if not self._run.rows and self._names:
            hint = nearest(self.policy.metric, self._names)
            logger.warning("PolicyCallback: %r never came; %s", self.policy.metric, hint)
        if self.restore_best and self._best is not None and self.decision is not None:
            put(self._best, self.model)
            logger.info("restored the weights of step %s", self.decision.best_step)

    def _resume(self, epoch: int) -> None:
        """Go on with what was judged before this epoch."""
        if self.policy.criterion.reduces and has_schedule(self.model):
            raise ValueError(
                "ReduceFirst needs an optimizer with a plain learning_rate in Keras, got a schedule"
            )
        has_file = self._file is not None and self._file.is_file()
        saved = json.loads(self._file.read_text()) if self._file and has_file else self._run.rows
        self._run.load([row for row in saved if row["epoch"] <= epoch])
        best = self._run.best_row
        if best is None:
            self._best = None
        elif self.restore_best:
            self._find_best(self._best_path(best["epoch"]))

    def _find_best(self, path: Path | None) -> None:
        """The best weights of a run that is resumed."""
        if path is not None and path.is_file():
            now = take(self.model, with_optimizer=True)
            self.model.load_weights(path)
            self._best = take(self.model, self.restore_optimizer)
            put(now, self.model)
        elif self._best is None:
            logger.warning(
                "the weights of the best epoch so far are not saved; if nothing better comes, none "
                "are restored"
            )

    def _best_path(self, epoch: float) -> Path | None:
        if self._file is None:
            return None
        return self._file.with_name(f"{self._file.stem}-{epoch:06.0f}.weights.h5")

    def _save(self, epoch: int, is_new_best: bool) -> None:
        """Save the state, and the best weights in front of it: a crash between leaves both."""
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        path = self._best_path(epoch)
        if self.restore_best and is_new_best and path is not None:
            self.model.save_weights(path, overwrite=True)
            older = sorted(path.parent.glob(f"{self._file.stem}-*.weights.h5"))
            for each in older[:-BESTS_KEPT]:
                each.unlink()
        self._write(self._file)

    def _write(self, path: Path) -> None:
        """The rows, in one piece: a crash leaves the old file or the new one."""
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(self._run.rows))
        part.replace(path)

    def _report(self, row: dict[str, Any], with_checkpoint: bool) -> None:
        """Report to Ray; a trial that the scheduler stops ends in here."""
        if not with_checkpoint:
            trial.report(row)
            return
        with tempfile.TemporaryDirectory() as folder:
            self.model.save(Path(folder) / MODEL_FILE)
            self._write(Path(folder) / STATE_FILE)
            trial.report(row, Path(folder))
