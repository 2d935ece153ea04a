"""Trials that are trainings by many workers of Ray Train: stopped at once, paused, gone on with."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple, Protocol

import ray
from ray.actor import ActorHandle
from ray.train import Checkpoint, RunConfig
from ray.train._internal.session import _TrainingResult, get_session
from ray.train._internal.storage import _delete_fs_path, _list_at_fs_path
from ray.train.v2._internal.execution.callback import (
    ControllerCallback,
    ReportCallback,
    WorkerGroupCallback,
)
from ray.tune.result import RESULT_DUPLICATE
from ray.tune.trainable.function_trainable import FunctionTrainable
from ray.util.placement_group import PlacementGroup, remove_placement_group
from ray.util.queue import Queue

Config = dict[str, Any]


class Trainer(Protocol):
    """A trainer of Ray Train."""

    def fit(self) -> Any:
        """Train to the end."""


MakeTrainer = Callable[[Config, RunConfig, "Checkpoint | None"], Trainer]

#: How often Ray Train looks for reports, where the user has not said: its own 2 s would hold back
#: every training that reports faster, and every stop.
POLL = ("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
#: What an end may take; Tune kills what is not gone after 10 s.
END_S = 8.0


def data_parallel(trainer: MakeTrainer) -> type[FunctionTrainable]:
    """A trainable whose trials are trainings by many workers, for ``tune.Tuner``.

    ``trainer(config, run_config, checkpoint)`` gives the trainer of a trial, such as a
    ``TorchTrainer``, with the ``run_config`` as it was given. Its workers report with
    ``ray.train.report``. Of what they report Tune is given the mean where all report a number, and
    what worker 0 reports elsewhere. A checkpoint that they report is Tune's, without being copied:
    ``tune.CheckpointConfig`` says how many are kept. ``checkpoint`` is where a trial goes on that
    was paused, restored or tried again; None at its beginning.

    A trial that ends takes its workers along at once, whatever ended it. Ray's own
    ``TuneReportCallback`` leaves that to an actor that asks the dashboard: where there is none the
    resources of stopped trials are never free again. A trial itself needs no resources but a place,
    for its workers ask for theirs: ``tune.with_resources(data_parallel(trainer), {"trial": 1})``,
    on a Ray with as many resources ``trial`` as there is room for trials. Leave ``reuse_actors``
    off: an actor that waits to be used again keeps its workers.

    >>> from ray.train import ScalingConfig
    >>> def trainer(config, run_config, checkpoint):
    ...     from ray.train.torch import TorchTrainer
    ...
    ...     return TorchTrainer(
    ...         print,
    ...         train_loop_config={**config, "checkpoint": checkpoint},
    ...         scaling_config=ScalingConfig(num_workers=2, use_gpu=True),
    ...         run_config=run_config,
    ...     )
    >>> trainable = data_parallel(trainer)
    """

    class DataParallel(FunctionTrainable):
        """Ends the training of its trial before it ends itself, which is when its owner dies."""

        _name = "data_parallel"
        _training: _Training | None = None

        def _trainable_func(self, config: Config) -> None:
            session: Any = get_session()
            self._training = _Training(trainer, config, session)
            for report in self._training.reports():
                session._report_training_result(report)
            self._end()
            session.report({RESULT_DUPLICATE: True})  # the end, as of any function

        def cleanup(self) -> None:
            self._end()
            inherited: Any = super()
            inherited.cleanup()

        def reset_config(self, new_config: Config) -> bool:
            self._end()
            inherited: Any = super()
            return bool(inherited.reset_config(new_config))

        def _end(self) -> None:
            if self._training is not None:
                self._training.end()
            self._training = None

    return DataParallel


class _Told(NamedTuple):
    """What the controller of a training says to its trial."""

    controller: ActorHandle[Any]
    workers: PlacementGroup | None = None
    result: _TrainingResult | None = None


class _Tells(ControllerCallback, WorkerGroupCallback, ReportCallback):
    """Runs in the controller: says who that is, where the workers are, and what they report."""

    def __init__(self, told: Queue) -> None:
        self._told = told

    def after_controller_start(self, train_run_context: Any) -> None:
        self._tell()

    def after_worker_group_start(self, worker_group: Any) -> None:
        state = worker_group.get_worker_group_state()
        self._tell(workers=state.placement_group_handle.placement_group)

    def after_report(self, training_report: Any, metrics: list[dict[str, Any]]) -> None:
        self._tell(result=_TrainingResult(training_report.checkpoint, merged(metrics)))

    def _tell(self, **what: Any) -> None:
        self._told.put(_Told(ray.get_runtime_context().current_actor, **what))


class _Training:
    """One training by many workers, from its start or a checkpoint to its end."""

    def __init__(self, trainer: MakeTrainer, config: Config, session: Any) -> None:
        os.environ.setdefault(*POLL)
        self._told = Queue(actor_options={"num_cpus": 0})
        self._controller: ActorHandle[Any] | None = None
        self._workers: PlacementGroup | None = None
        self._passed_on: set[str] = set()
        self._is_ending = False
        callbacks: list[Any] = [_Tells(self._told)]
        self._run_config = RunConfig(
            name=f"workers_{uuid.uuid4().hex[:8]}",  # in an earlier one Ray would go on by itself
            storage_path=session.storage.trial_fs_path,
            storage_filesystem=session.storage.storage_filesystem,
            callbacks=callbacks,
        )
        made = trainer(config, self._run_config, session.loaded_checkpoint)
        self._fit: Future[Any] = ThreadPoolExecutor(1).submit(made.fit)
        self._fit.add_done_callback(lambda _: self._told.put(None))

    def reports(self) -> Iterator[_TrainingResult]:
        """What the workers report, as it comes; raises what ended them too early."""
        while (told := self._told.get()) is not None:
            self._controller = told.controller
            self._workers = told.workers or self._workers
            if told.result is not None:
                if told.result.checkpoint is not None:
                    self._passed_on.add(Path(told.result.checkpoint.path).name)
                yield told.result
        if not self._is_ending:
            self._fit.result()

    def end(self) -> None:
        """Take away what there is of the training, the workers first.

        The controller alone would wait for another actor first, while they train on.
        """
        self._is_ending = True
        if self._controller is not None and not self._fit.done():
            self._controller.abort.remote()
            if self._workers is not None:
                remove_placement_group(self._workers)
        wait([self._fit], END_S)
        self._forget_what_was_not_passed_on()

    def _forget_what_was_not_passed_on(self) -> None:
        """Delete checkpoints that came after the end was decided: nobody else knows of them."""
        files = self._run_config.storage_filesystem
        folder = f"{self._run_config.storage_path}/{self._run_config.name}"
        for name in _list_at_fs_path(files, folder):
            if name.startswith("checkpoint_") and name not in self._passed_on:
                _delete_fs_path(files, f"{folder}/{name}")


def merged(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One result of what each worker reports.

    >>> merged([{"loss": 0.5, "epoch": 1, "task": "trec"}, {"loss": 0.25, "epoch": 1}])
    {'loss': 0.375, 'epoch': 1, 'task': 'trec'}
    """
    return {name: _of_all([each.get(name) for each in metrics]) for name in metrics[0]}


def _of_all(values: list[Any]) -> Any:
    are_numbers = all(type(each) in (int, float) for each in values)
    return fmean(values) if are_numbers and len({*values}) > 1 else values[0]
