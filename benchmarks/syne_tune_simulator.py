"""Our replay engine beside Syne Tune's own simulator, on the same recorded curves.

It is a part of `python -m benchmarks.replay --curves ../shared/curves/taskset_text`. Both replay
one stream of trials with a cluster whose only cost is the time of a step. Syne Tune's simulator is
its `UserBlackboxBackend` over a `BlackboxTabular` of the curves, run by its `Tuner` with its
`SimulatorCallback`; the same scheduler objects then run in our engine, and our median rule after
them. Patience has no counterpart in Syne Tune 0.16. What is timed is the replay: building the
table, or the results that our engine hands out trial by trial, as each does it.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from experiments.benchmark.syne_tune_peers import (
    TIME_ATTR,
    TRIAL,
    SyneTuneScheduler,
    asha,
    median_rule,
)
from experiments.extras import require
from tune_es import BelowMedian, Policy
from tune_es.reading import SECONDS_ATTR
from tune_es.replay import (
    Cluster,
    PolicyScheduler,
    Scheduler,
    TaskCurves,
    replay,
)
from tune_es.replay.life import durations

TABLE = "table"


@dataclass(frozen=True)
class Speed:
    """How fast a stream was replayed: ``steps`` are the results that the policy judged.

    ``seconds`` are of the processor: other processes of the machine do not count.
    """

    simulator: str
    policy: str
    curves: int
    steps: int
    seconds: float

    @property
    def curves_per_s(self) -> float:
        """(Policy x curve) evaluations a second."""
        return self.curves / self.seconds

    @property
    def steps_per_s(self) -> float:
        """Judged results a second."""
        return self.steps / self.seconds


class Listed:
    """A searcher of Syne Tune that suggests the trials of a stream in their order, then none."""

    def __init__(self, trials: int) -> None:
        self._coming = iter(range(trials))

    def suggest(self) -> dict[str, int] | None:
        """The next trial's number as its only hyperparameter."""
        number = next(self._coming, None)
        return None if number is None else {TRIAL: number}

    def on_trial_result(self, *args: Any, **kwargs: Any) -> None:
        """Learns nothing."""

    def on_trial_complete(self, *args: Any, **kwargs: Any) -> None:
        """Learns nothing."""


def measure(curves: TaskCurves, trials: int = 1000, workers: int = 8, seed: int = 0) -> list[Speed]:
    """One stream of ``trials`` random curves through both, with each policy once.

    Raises:
        ValueError: Curves of unequal lengths: a table of Syne Tune has no gaps.
        MissingExtraError: Syne Tune is not installed.
    """
    require("peers", "syne_tune")
    drawn = np.random.default_rng(seed).permutation(len(curves))[:trials]
    stream = curves.chosen(drawn.tolist())
    theirs: dict[str, Callable[[], Any]] = {
        "Syne Tune ASHA 1/3": lambda: asha(stream.task),
        "Syne Tune median": lambda: median_rule(stream.task),
    }
    ours = PolicyScheduler(
        Policy(stream.task.metric, stream.task.mode, stop=BelowMedian(), max_t=stream.task.max_t)
    )
    speeds = []
    for name, build in theirs.items():
        speeds.append(_in_simulator(name, build(), stream, workers))
        speeds.append(_in_engine(name, SyneTuneScheduler(build()), stream, workers))
    speeds.append(_in_engine("our BelowMedian", ours, stream, workers))
    return speeds


def _in_engine(policy: str, scheduler: Scheduler, stream: TaskCurves, workers: int) -> Speed:
    start = time.process_time()
    run = replay(scheduler, stream, Cluster(workers))
    seconds = time.process_time() - start
    return Speed("tune_es engine", policy, len(stream), int(run.steps.sum()), seconds)


def _in_simulator(policy: str, scheduler: Any, stream: TaskCurves, workers: int) -> Speed:
    suggesting = getattr(scheduler, "scheduler", scheduler)
    suggesting.searcher = Listed(len(stream))
    suggesting.config_space = {**suggesting.config_space, TABLE: 0}
    callback = _syne_tune("backend.simulator_backend.simulator_callback").SimulatorCallback()
    with _quietly_in_a_temporary_folder():
        tuner = _syne_tune("tuner").Tuner(
            trial_backend=_backend(stream),
            scheduler=scheduler,
            stop_criterion=_syne_tune("stopping_criterion").StoppingCriterion(),
            n_workers=workers,
            sleep_time=0,
            callbacks=[callback],
            save_tuner=False,
            results_update_interval=3600,
            print_update_interval=3600,
        )
        start = time.process_time()
        tuner.run()
        seconds = time.process_time() - start
    return Speed("Syne Tune simulator", policy, len(stream), len(callback.results), seconds)


def _backend(stream: TaskCurves) -> Any:
    """Syne Tune's simulated cluster, without its delays; it looks for results once a step."""
    config = _syne_tune("backend.simulator_backend.simulator_backend").SimulatorConfig
    step_s = float(np.median(durations(stream, 1.0)))
    return _syne_tune("blackbox_repository").UserBlackboxBackend(
        blackbox=_table(stream),
        elapsed_time_attr=SECONDS_ATTR,
        seed=0,
        tuner_sleep_time=step_s,
        simulator_config=config(0, 0, 0, 0, 0),
    )


def _table(stream: TaskCurves) -> Any:
    """The curves as a tabular black box: the trial's number is the configuration.

    The second hyperparameter is always 0: a table of one cannot be looked up with pandas 3.
    """
    if len(set(stream.lengths.tolist())) != 1:
        raise ValueError(f"task {stream.task.name!r} has curves of unequal lengths")
    space = _syne_tune("config_space")
    trials, steps = len(stream), int(stream.lengths[0])
    columns = [
        stream.metrics[stream.task.metric].reshape(trials, steps),
        np.cumsum(durations(stream, 1.0).reshape(trials, steps), axis=1),
    ]
    return _syne_tune("blackbox_repository.blackbox_tabular").BlackboxTabular(
        hyperparameters=pd.DataFrame({TRIAL: np.arange(trials), TABLE: 0}),
        configuration_space={TRIAL: space.randint(0, trials - 1), TABLE: space.randint(0, 1)},
        fidelity_space={TIME_ATTR: space.randint(1, steps)},
        objectives_evaluations=np.stack(columns, axis=-1)[:, None],
        objectives_names=[stream.task.metric, SECONDS_ATTR],
    )


def _syne_tune(module: str) -> Any:
    return importlib.import_module(f"syne_tune.{module}")


@contextlib.contextmanager
def _quietly_in_a_temporary_folder() -> Iterator[None]:
    """Syne Tune prints every trial, and writes its results under the home folder."""
    logging.disable(logging.WARNING)
    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.dict(os.environ, {"SYNETUNE_FOLDER": folder}),
            contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # of pandas, about what its next release takes away
            yield
    finally:
        logging.disable(logging.NOTSET)


def table(speeds: list[Speed]) -> str:
    """A Markdown table, in the order measured."""
    lines = [["simulator", "policy", "curves", "steps judged", "curves/s", "steps/s"], ["---"] * 6]
    for one in speeds:
        rates = [f"{one.curves_per_s:,.0f}", f"{one.steps_per_s:,.0f}"]
        lines.append([one.simulator, one.policy, str(one.curves), str(one.steps), *rates])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
