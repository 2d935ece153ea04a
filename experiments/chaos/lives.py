"""Drivers that die: each life of a sweep is a process of its own.

They are forked from one that has imported Ray before, which saves seconds a life.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ray
from ray import tune
from ray.tune.experiment import Trial

from experiments.chaos.journal import Told, places
from experiments.chaos.sweeps import Plan
from tune_es.ray.resume import check_restorable

#: When a driver dies; half of them at any moment.
MOMENTS = ("start", "result", "saving", "copying", *["any"] * 4)
#: The longest that a sweep goes on before its driver dies, in seconds, and a save's in the
#: background.
LONGEST_S, COPY_S = 3.0, 0.02
#: How often the state is saved.
PERIOD_S = "0.5"
LOG = "log"
#: What a refusal is called among deaths.
TORN = "a torn state refused"
STATES, CALLBACKS = "experiment_state-*", "callback-states-*"
Fault = Callable[[], None]


@dataclass(frozen=True)
class Death:
    """When a driver dies: at a moment, and after how much of it."""

    moment: str
    share: float

    @classmethod
    def drawn(cls, seed: str, count: int) -> list[Death]:
        """So many deaths at random."""
        rng = random.Random(f"deaths/{seed}")
        return [cls(rng.choice(MOMENTS), rng.random()) for _ in range(count)]

    def arm(self) -> None:
        """Have this process die so."""
        _fate.append(self)


#: How this process is to die; a restored callback is another object than the one given.
_fate: list[Death] = []


class Killer(tune.Callback):
    """Kills its process when its hour has come."""

    def __init__(self) -> None:
        self.steps = self.results = self.saves = 0

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self.steps += 1
        if _fate and self.steps == 1 and _fate[0].moment == "any":
            _die_in(LONGEST_S * _fate[0].share)
        self._at("start", self.steps, 4)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Any, **info: Any
    ) -> None:
        self.results += 1
        self._at("result", self.results, 30)

    def get_state(self) -> dict[str, Any]:
        self.saves += 1
        self._at("saving", self.saves, 5)
        if _fate and _fate[0].moment == "copying" and self.saves == 1 + int(4 * _fate[0].share):
            _die_in(COPY_S * random.random())
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """There is none."""

    def _at(self, moment: str, count: int, most: int) -> None:
        if _fate and _fate[0].moment == moment and count >= 1 + int(_fate[0].share * most):
            os.kill(os.getpid(), signal.SIGKILL)


def _die_in(seconds: float) -> None:
    def end() -> None:
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=end, daemon=True).start()


def live(
    address: str, plan: Plan, folder: Path, again: bool = False, fault: Fault | None = None
) -> None:
    """One life of a driver; ``fault`` is called before its sweep begins."""
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = PERIOD_S
    with (folder / LOG).open("a") as log, redirect_stdout(log), redirect_stderr(log):
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        ray.init(address=address, log_to_driver=False)
        places[plan.name] = folder
        if fault is not None:
            fault()
        if again and plan.by == "stopper":  # which is not told where its sweep lies
            check_restorable(str(plan.state(folder)))
        if again and is_torn(plan.state(folder)):
            plan.tuner(folder, [Killer()])  # writes it anew
        tuner = plan.restored(folder) if again else plan.tuner(folder, [Killer()])
        tuner.fit()


def in_process(target: Callable[..., None], *arguments: Any) -> int:
    """Run a function in a process of its own; how that ended."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["experiments.chaos.lives"])
    process = context.Process(target=target, args=arguments)
    process.start()
    process.join()
    return process.exitcode or 0


class Sweep(NamedTuple):
    """A sweep in a folder, and the Ray that it uses."""

    address: str
    plan: Plan
    folder: Path

    def run(self, again: bool = False, fault: Fault | None = None) -> int:
        """Run it in a process; how that ended."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return in_process(live, self.address, self.plan, self.folder, again, fault)

    @property
    def told(self) -> Told:
        """What came of it."""
        return Told.of(self.folder)

    @property
    def state(self) -> Path:
        """Where Ray keeps its state."""
        return self.plan.state(self.folder)

    @property
    def log(self) -> str:
        """What its drivers said."""
        return (self.folder / LOG).read_text(errors="replace")

    def kill(self, deaths: Sequence[Death], until_over: bool = True) -> list[str]:
        """Kill the driver again and again, or until the sweep is over, restoring it each time.

        Where it died before a state was saved there is nothing to restore, and it begins again.
        Where a state was torn by that and is refused, what the error says is done. Returns when it
        was killed, each time, and :data:`TORN` for each refusal.
        """
        died: list[str] = []
        waiting: list[Death | None] = [*deaths, *([None] if until_over else [])]
        while waiting:
            again = any(self.state.glob(STATES))
            if not again:
                shutil.rmtree(self.state, ignore_errors=True)
            death = waiting[0]
            ended = self.run(again, None if death is None else death.arm)
            if ended == 0:
                break
            if ended == -signal.SIGKILL and death is not None:
                died.append(death.moment)
                del waiting[0]
            elif again and is_told(self.last_words):
                died.append(TORN)
                back(self.state)
            else:
                raise RuntimeError(f"a driver ended with {ended}: {self.log[-2000:]}")
        return died

    @property
    def last_words(self) -> str:
        """The error that its last driver ended with."""
        return self.log.strip().splitlines()[-1].replace(str(self.state), "the folder")


def is_told(error: str) -> bool:
    """True where an error says what to do."""
    return "remove" in error or "put a copy" in error


def back(state: Path) -> None:
    """Remove all state files of the newest time in their names, Ray's own copies included."""
    saved = (path.stem for kind in (STATES, CALLBACKS) for path in state.glob(kind))
    time = max(each.partition("-20")[2] for each in saved)
    worker: Any = ray._private.worker
    session = Path(worker._global_node.get_session_dir_path())
    for folder in (state, *session.glob(f"artifacts/*/{state.name}/driver_artifacts")):
        for path in folder.glob(f"*-20{time}.*"):
            path.unlink()


def is_torn(state: Path) -> bool:
    """True where Ray's file of the sweep itself cannot be read."""
    try:
        pickle.loads((state / "tuner.pkl").read_bytes())
    except (EOFError, pickle.UnpicklingError):
        return True
    return False
