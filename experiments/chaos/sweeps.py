"""The sweeps into which faults are put, one for each way of deciding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import IntDistribution
from ray import tune

from experiments.chaos.curves import SETTLED, STEPS
from experiments.chaos.journal import Journal
from experiments.chaos.trainable import train
from tune_es import AdaptiveQuota, AsyncHalving, BelowMedian, Patience, Policy, RungTable, Target
from tune_es.ray import (
    EarlyStopper,
    EarlyStoppingCallback,
    EarlyStoppingOptunaSearch,
    EarlyStoppingScheduler,
)

RULES: dict[str, Any] = {
    "alone": {"stop": Patience(4) | Target(0.08)},
    "compared": {"stop": Patience(6) | BelowMedian(grace_period=SETTLED, min_trials=2)},
    # The judgement that does not wait for the last ones is an estimate: which it is depends on
    # who comes first, and that on the faults.
    "quota": {"stop": "none", "promotion": AdaptiveQuota(asynchronous=False)},
    "table": {"stop": "none", "promotion": RungTable({2: 8, 5: 4, 9: 2})},
    "asynchronous": {"stop": "none", "promotion": AsyncHalving(2, 2)},
}
#: Which curves a rule is given, where not those of its own name.
CURVES = {"quota": "raced", "table": "raced", "asynchronous": "raced"}


def policy(rule: str) -> Policy:
    """What decides."""
    return Policy("loss", "min", time_attr="epoch", max_t=STEPS, **RULES[rule])


@dataclass(frozen=True)
class Plan:
    """One sweep: what decides and who is asked.

    Args:
        rule: One of :data:`RULES`.
        by: ``scheduler``, ``stopper`` or ``search``: a scheduler beside our Optuna searcher, whose
            study is a file.
        trials: How many.
        seed: Of the curves, and of the faults.
        pause_s: How long a step takes.
        options: More of what the trials' config says.
        max_failures: How often a trial may die.
        budget_s: When the sweep is to end, in seconds.
        name: Of its folder.
        restarts: Have trials that failed begin anew where the sweep is restored.
        is_named: Name our callback, before the one that writes the journal.
    """

    rule: str = "alone"
    by: str = "scheduler"
    trials: int = 12
    seed: int = 0
    pause_s: float = 0.05
    options: tuple[tuple[str, Any], ...] = ()
    max_failures: int = 0
    budget_s: float | None = None
    name: str = "sweep"
    restarts: bool = False
    is_named: bool = True

    @property
    def space(self) -> dict[str, Any]:
        """The configurations; a searcher of ours brings the trials' numbers itself."""
        fixed = {
            "kind": CURVES.get(self.rule, self.rule),
            "seed": self.seed,
            "pause_s": self.pause_s,
            **dict(self.options),
        }
        own = {} if self.by == "search" else {"at": tune.grid_search([*range(self.trials)])}
        return {**fixed, **own}

    def state(self, folder: Path) -> Path:
        """Where Ray keeps the sweep: no two have one name, by which Ray tells them apart."""
        return folder / f"{self.name}-{folder.name}"

    def tuner(self, folder: Path, more: Sequence[tune.Callback] = ()) -> tune.Tuner:
        """The sweep in a folder, ready to run."""
        by_stopper, decides = self.by == "stopper", policy(self.rule)
        named = [EarlyStoppingCallback()] if self.is_named else []
        search = self._search(folder) if self.by == "search" else None
        return tune.Tuner(
            train,
            param_space=self.space,
            tune_config=tune.TuneConfig(
                scheduler=None if by_stopper else EarlyStoppingScheduler(decides),
                search_alg=search,
                num_samples=self.trials if self.by == "search" else 1,
                reuse_actors=True,
                time_budget_s=self.budget_s,
            ),
            run_config=tune.RunConfig(
                name=self.state(folder).name,
                storage_path=str(folder),
                callbacks=[*named, Journal(self.name), *more],
                stop=EarlyStopper(decides) if by_stopper else None,
                failure_config=tune.FailureConfig(max_failures=self.max_failures),
                verbose=0,
            ),
        )

    def restored(self, folder: Path) -> tune.Tuner:
        """The same sweep after its driver died; Ray wants to be told again what it cannot save."""
        return tune.Tuner.restore(
            str(self.state(folder)),
            trainable=train,
            param_space=self.space,
            restart_errored=self.restarts,
        )

    def _search(self, folder: Path) -> EarlyStoppingOptunaSearch:
        return EarlyStoppingOptunaSearch(
            {"at": IntDistribution(0, self.trials - 1)},
            metric="loss",
            mode="min",
            time_attr="epoch",
            points_to_evaluate=[{"at": at} for at in range(self.trials)],
            storage=storage(folder),
            study_name=self.name,
            seed=self.seed,
        )


def storage(folder: Path) -> str:
    """Where the study of a sweep lies."""
    return f"sqlite:///{folder}/study.db"
