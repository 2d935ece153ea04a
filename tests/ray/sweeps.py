"""Runs small sweeps on the shared Ray and reads what they left."""

from __future__ import annotations

import copy
import json
import logging
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tune_es import Decision, Policy

Row = dict[str, Any]
Trainable = Callable[[Mapping[str, Any]], None] | type[tune.Trainable]

#: What a decision comes to in a result, without its wording.
NUMBERS = ("code", "cause", "best", "best_step")


def run(name: str, losses: Iterable[object] = (), **options: Any) -> Row:
    """One curve for the trainables that report what their config says."""
    return {"name": name, "losses": list(losses), **options}


def runs(*each: Row) -> Row:
    """The search space in which each of these runs is one trial, in this order."""
    return {"run": tune.grid_search(list(each))}


@dataclass(frozen=True)
class Sweep:
    """What a sweep left: results by the name of their run."""

    grid: tune.ResultGrid

    @property
    def results(self) -> list[tune.Result]:
        return [self.grid[at] for at in range(len(self.grid))]

    @property
    def lasts(self) -> list[Row]:
        """The last result of every trial, its config under ``config``."""
        return [{**(each.metrics or {}), "config": each.config} for each in self.results]

    @property
    def errors(self) -> list[Exception | None]:
        return [each.error for each in self.results]

    def result(self, name: str) -> tune.Result:
        names = [last["config"]["run"]["name"] for last in self.lasts]
        return self.results[names.index(name)]

    def last(self, name: str) -> Row:
        return self.result(name).metrics or {}

    def steps(self, name: str) -> int:
        return int(self.last(name)["training_iteration"])

    def es(self, name: str) -> Row:
        words: Row = self.last(name)["es"]
        return words

    def numbers(self, name: str) -> tuple[Any, ...]:
        """Where and why a trial was stopped, and what its best was."""
        return (self.steps(name), *(self.es(name)[key] for key in NUMBERS))

    def rows(self, name: str) -> list[Row]:
        """Every result of a trial as the JSON logger wrote it."""
        text = Path(self.result(name).path, "result.json").read_text()
        return [json.loads(line) for line in text.splitlines()]


def expected(policy: Policy, losses: Sequence[float]) -> tuple[Any, ...]:
    """What ``Sweep.numbers`` is to be for a curve that the policy stops."""
    decision = policy.first_stop(losses)
    assert decision is not None
    return numbers(decision)


def numbers(decision: Decision) -> tuple[Any, ...]:
    cause = decision.verdict.cause
    assert cause is not None
    return decision.step, cause.value, cause.name, decision.best, decision.best_step


def fit(
    trainable: Trainable,
    space: Mapping[str, Any],
    storage: Path,
    *,
    name: str = "sweep",
    reuse_actors: bool = True,
    callbacks: Sequence[tune.Callback] = (),
    stop: Any = None,
    max_failures: int = 0,
    checkpoint: tune.CheckpointConfig | None = None,
    **config: Any,
) -> Sweep:
    """Run one sweep; ``config`` are arguments of ``TuneConfig``."""
    return Sweep(
        tuner(
            trainable,
            space,
            storage,
            name=name,
            callbacks=callbacks,
            stop=stop,
            max_failures=max_failures,
            checkpoint=checkpoint,
            reuse_actors=reuse_actors,
            **config,
        ).fit()
    )


def tuner(
    trainable: Trainable,
    space: Mapping[str, Any],
    storage: Path,
    *,
    name: str = "sweep",
    callbacks: Sequence[tune.Callback] = (),
    stop: Any = None,
    max_failures: int = 0,
    checkpoint: tune.CheckpointConfig | None = None,
    **config: Any,
) -> tune.Tuner:
    """A sweep that is ready to run."""
    return tune.Tuner(
        trainable,
        param_space=dict(space),
        tune_config=tune.TuneConfig(**config),
        run_config=tune.RunConfig(
            name=name,
            storage_path=str(storage),
            callbacks=list(callbacks),
            stop=stop,
            failure_config=tune.FailureConfig(max_failures=max_failures),
            checkpoint_config=checkpoint or tune.CheckpointConfig(),
            verbose=0,
        ),
    )


@dataclass
class Recorder(tune.Callback):
    """A callback that notes what it is told, in order."""

    results: list[tuple[str, Row]] = field(default_factory=list)
    events: list[tuple[str, str]] = field(default_factory=list)

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.events.append(("start", run_of(trial)))

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        self.events.append(("result", run_of(trial)))
        self.results.append((trial.trial_id, copy.deepcopy(result)))

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.events.append(("complete", run_of(trial)))


def run_of(trial: Trial) -> str:
    """The name of the run that a trial is."""
    return str(trial.config["run"]["name"])


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError where what is done here hangs."""

    def stop(number: int, frame: object) -> None:
        raise TimeoutError(f"nothing came of it in {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class _Kept(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextmanager
def warned() -> Iterator[list[str]]:
    """What the package warns of meanwhile."""
    kept, log = _Kept(), logging.getLogger("tune_es")
    log.addHandler(kept)
    try:
        yield kept.messages
    finally:
        log.removeHandler(kept)
