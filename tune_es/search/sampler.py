"""TPE for a study full of trials that were stopped early."""

from __future__ import annotations

import heapq
import math
import warnings
from collections.abc import Callable
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from tune_es.checks import check_count, check_number
from tune_es.search.rung import Rung, reach

#: How many trials a model needs; before, suggestions are random.
LEAST = 10


def good_set(trials: int) -> int:
    """How many of the trials TPE takes for good ones.

    Optuna's tenth grows too wide where most trials were cheap. (Bergstra and others, Algorithms
    for Hyper-Parameter Optimization, 2011, and its program Hyperopt.)

    >>> [good_set(trials) for trials in (10, 100, 1000, 10**6)]
    [1, 3, 8, 25]
    """
    return min(math.ceil(0.25 * math.sqrt(trials)), 25)


def tpe(seed: int | None = None, n_startup_trials: int = LEAST) -> TPESampler:
    """Multivariate TPE with the smaller good set, which takes running trials for bad ones.

    Optuna 5 warns of ``gamma``, which Optuna 6 is to take away: then this is the place to change.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return TPESampler(
            seed=seed,
            n_startup_trials=n_startup_trials,
            multivariate=True,
            constant_liar=True,
            gamma=good_set,
        )


def tpe_of_several(seed: int | None = None) -> TPESampler:
    """TPE for several objectives, as Optuna sets it up, which takes running trials for bad ones."""
    return TPESampler(seed=seed, constant_liar=True)


class CommonRungSampler(BaseSampler):
    """TPE that compares all trials at one step, running ones included.

    Trials that were stopped early hold values of different steps; a model of these learns who was
    stopped. This one is asked at the highest rung that enough trials have come to, and sees each as
    it stood there: its best value until then. Those that run and have not come so far count as
    running. Rungs are 1, factor, factor^2, ... and the longest step of any trial. (Asked at the
    highest budget with enough observations: Falkner and others, BOHB, 2018.)

    It works in any Optuna study of one objective whose trials report values step by step, from
    step 1 on. Trials that failed are ignored, and points that were told with nothing but a value
    count at every rung.

    Args:
        seed: Fixes all suggestions; None for other ones every time.
        n_startup_trials: How many trials a rung needs; suggestions are random before.
        factor: The step from rung to rung, above 1.

    Raises:
        ValueError: An argument out of range; a study of several objectives.

    >>> import optuna
    >>> optuna.logging.set_verbosity(optuna.logging.WARNING)
    >>> study = optuna.create_study(sampler=CommonRungSampler(seed=1))
    >>> for _ in range(20):
    ...     trial = study.ask()
    ...     x = trial.suggest_float("x", 0, 1)
    ...     trial.report(x, step=1)
    ...     study.tell(trial, x) and None
    >>> study.best_value < 0.1
    True
    """

    def __init__(
        self, *, seed: int | None = None, n_startup_trials: int = LEAST, factor: float = 2.0
    ) -> None:
        check_count("CommonRungSampler", "n_startup_trials", n_startup_trials)
        check_number("CommonRungSampler", "factor", factor, above=1)
        self._seed = seed
        self._least = n_startup_trials
        self._factor = factor
        self._reaches: dict[int, tuple[FrozenTrial, float]] = {}
        self._rungs: dict[float, tuple[Rung, TPESampler]] = {}
        #: The model of the trial that is being asked for, and what it sees; set by every question.
        self._asked: tuple[TPESampler, Study]

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        if len(study.directions) > 1:
            raise ValueError(
                f"CommonRungSampler takes a study of one objective, got {len(study.directions)}"
            )

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        trials = study.get_trials(deepcopy=False)
        step = self._highest(trials)
        if step not in self._rungs:
            # The first draws as a plain TPE with this seed; no two draw the same numbers.
            seed = None if self._seed is None else (self._seed + int(1000 * (step - 1))) % 2**32
            self._rungs[step] = Rung(step, study.direction), tpe(seed, self._least)
        rung, model = self._rungs[step]
        self._asked = model, rung.show(trials, model)
        return model.infer_relative_search_space(self._asked[1], trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        model, seen = self._asked
        return model.sample_relative(seen, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        model, seen = self._asked
        return model.sample_independent(seen, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        self._seed = None
        for _, model in self._rungs.values():
            model.reseed_rng()

    def __getstate__(self) -> dict[str, Any]:
        kept = {name: value for name, value in self.__dict__.items() if name != "_asked"}
        return {**kept, "_reaches": {}}

    def _highest(self, trials: list[FrozenTrial]) -> float:
        """The highest rung that enough trials have come to; the first where none has enough."""
        known = self._reaches
        for trial in trials:
            before = known.get(trial.number)
            if before is None or before[0] is not trial:
                known[trial.number] = (trial, reach(trial))
        reaches = [known[trial.number][1] for trial in trials]
        highest = heapq.nlargest(self._least, (each for each in reaches if 1 <= each < math.inf))
        if len(highest) < self._least:
            return 1.0
        longest, common = highest[0], highest[-1]
        return longest if common == longest else self._rung_below(common)

    def _rung_below(self, step: float) -> float:
        rung = 1.0
        while rung * self._factor <= step:
            rung *= self._factor
        return rung


#: Samplers for one objective by what they look at: a common step, or the values told alone.
MODELS: dict[str, Callable[[int | None], BaseSampler]] = {
    "common_rung": lambda seed: CommonRungSampler(seed=seed),
    "best": tpe,
}
