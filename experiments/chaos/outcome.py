"""What came of faults, and the sweeps in peace that disturbed ones are compared with."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import optuna
from optuna.trial import TrialState

from experiments.chaos.journal import Told
from experiments.chaos.lives import Sweep
from experiments.chaos.sweeps import Plan, storage


@dataclass(frozen=True)
class Outcome:
    """What came of one kind of fault.

    Args:
        fault: Its name.
        tries: How many faults there were.
        lost: Trials that were not brought to an end.
        divergent: Trials that ended otherwise than in peace, and steps that were decided twice,
            differently.
        running: Entries of the study that still run.
        refused: How many of the faults were answered by an error, before anything was run again.
        what: What happened, in words.
        seconds: How long it took.
    """

    fault: str
    tries: int
    lost: int = 0
    divergent: int = 0
    running: int = 0
    refused: int = 0
    what: str = ""
    seconds: float = 0.0


@dataclass
class Bench:
    """A Ray, a folder and a seed; sweeps in peace are run once."""

    address: str
    folder: Path
    seed: int = 0
    _peace: dict[Plan, Told] = field(default_factory=dict)
    _made: int = 0

    def sweep(self, plan: Plan) -> Sweep:
        """A sweep in a folder of its own."""
        self._made += 1
        folder = self.folder / f"{self._made}"
        folder.mkdir(parents=True)
        return Sweep(self.address, plan, folder)

    def peace(self, plan: Plan) -> Told:
        """What the sweep comes to where nothing happens."""
        plain = replace(Plan(plan.rule, plan.by), seed=plan.seed)
        if plain not in self._peace:
            sweep = self.sweep(plain)
            if sweep.run() != 0:
                raise RuntimeError(f"a sweep in peace failed: {sweep.log[-2000:]}")
            self._peace[plain] = sweep.told
        return self._peace[plain]

    def outcome(
        self, fault: str, tries: int, sweep: Sweep, what: str = "", in_order: bool = True
    ) -> Outcome:
        """Compare a sweep that is over with the one in peace.

        Where the order of results decides (not ``in_order``), no two sweeps are alike.
        """
        told, peace = sweep.told, self.peace(sweep.plan)
        other = told.divergent(peace) if in_order else set()
        return Outcome(
            fault,
            tries,
            len(told.lost(peace)),
            len(other) + len(told.contradicted()),
            running(sweep),
            what=what,
        )


def running(sweep: Sweep) -> int:
    """The entries of the sweep's study that still run, or are missing."""
    if sweep.plan.by != "search":
        return 0
    study = optuna.load_study(study_name=sweep.plan.name, storage=storage(sweep.folder))
    states = [each.state for each in study.get_trials(deepcopy=False)]
    missing = sweep.plan.trials - states.count(TrialState.COMPLETE) - states.count(TrialState.FAIL)
    return states.count(TrialState.RUNNING) + max(0, missing)


def timed(fault: Callable[[], Outcome]) -> Outcome:
    """The outcome with how long it took; a sweep that ended with an error is lost."""
    start = time.monotonic()
    try:
        outcome = fault()
    except (RuntimeError, OSError, ValueError) as error:
        outcome = Outcome(
            "a sweep ended with an error", 1, lost=1, what=f"{type(error).__name__}, see the log"
        )
    return replace(outcome, seconds=time.monotonic() - start)
