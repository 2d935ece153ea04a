"""One search: a searcher, a scheduler, a task and a seed, and what was found when."""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from experiments.benchmark.registry import compared
from experiments.searchers.beside import Beside
from experiments.searchers.tabular import Tabular
from tune_es.replay import Cluster, TaskCurves, replay
from tune_es.replay.policies import candidate

#: Compute at which regret is read, in trainings of a trial in full.
BUDGETS = (5, 10, 20, 30)

#: A scheduler by its name in the table: Ray's own object, or a policy of ours.
SCHEDULERS: Mapping[str, str] = {
    "ASHA": "ray-asha-1-3",
    "halving or patience": "{AnyOf: [SuccessiveHalving: {}, Patience: {patience: 5}]}",
}
SEARCHERS = ("random", "OptunaSearch", "ours: best", "ours: common rung")


class Found(NamedTuple):
    """The regret of one sweep after each budget."""

    task: str
    seed: int
    workers: int
    scheduler: str
    searcher: str
    trials: int
    seconds: float
    regrets: tuple[float, ...]


def sweeps(
    curves: TaskCurves, seed: int, workers: Sequence[int], searchers: Sequence[str]
) -> list[Found]:
    """Every searcher under every scheduler, for one task and seed."""
    quiet()
    problem = Tabular(curves)
    return [
        _sweep(problem, seed, at_once, scheduler, searcher)
        for at_once, scheduler, searcher in product(workers, SCHEDULERS, searchers)
    ]


def _sweep(problem: Tabular, seed: int, workers: int, scheduler: str, searcher: str) -> Found:
    task = problem.curves.task
    budget = max(BUDGETS) * task.max_t
    named = SCHEDULERS[scheduler]
    rule = candidate(named) if named.startswith("{") else compared(named)
    asks = _searcher(searcher, problem, seed)
    beside = Beside(rule.make(task, 10_000), asks, budget, problem)
    began = time.perf_counter()
    run = replay(beside, problem.curves, Cluster(workers), chosen=beside.asked())
    seconds = time.perf_counter() - began
    followed = run.curves or ()
    bests = problem.bests(
        [followed[event.trial] for event in run.events], [event.step for event in run.events]
    )
    regrets = tuple(
        float((problem.best - bests[min(share * task.max_t, len(bests)) - 1]) / problem.scale)
        for share in BUDGETS
    )
    return Found(task.name, seed, workers, scheduler, searcher, len(followed), seconds, regrets)


def _searcher(name: str, problem: Tabular, seed: int) -> Any:
    """A fresh searcher of Ray Tune."""
    import optuna
    from ray.tune.search.optuna import OptunaSearch

    task = problem.curves.task
    given: dict[str, Any] = {"space": problem.space(), "metric": task.metric, "mode": task.mode}
    if name == "random":
        return OptunaSearch(**given, sampler=optuna.samplers.RandomSampler(seed=seed))
    if name == "OptunaSearch":
        return OptunaSearch(**given, seed=seed)
    from tune_es.ray import EarlyStoppingOptunaSearch

    model = "best" if name == "ours: best" else "common_rung"
    return EarlyStoppingOptunaSearch(**given, seed=seed, model=model)


def quiet() -> None:
    """No line for every trial, and no warning about what is experimental."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.getLogger("ray.tune").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    np.seterr(invalid="ignore")
