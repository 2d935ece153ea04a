"""The common rung: what its model sees, and that keeping it up to date changes nothing."""

from __future__ import annotations

import math
import pickle
import random
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from tune_es.search import CommonRungSampler, tpe
from tune_es.search.rung import reach, standing
from tune_es.search.sampler import LEAST, good_set

SPACE: dict[str, BaseDistribution] = {"x": FloatDistribution(0, 1)}
NAN, INF = math.nan, math.inf


def trial_of(state: str, values: dict[int, float], value: float | None = None) -> FrozenTrial:
    return create_trial(
        state=TrialState[state],
        value=value,
        params={"x": 0.5},
        distributions=SPACE,
        intermediate_values=values,
    )


CURVE = {1: 0.5, 2: 0.3, 4: 0.7, 6: NAN, 8: 0.9}


@pytest.mark.parametrize(
    ("trial", "came", "stood"),
    [
        (trial_of("RUNNING", CURVE), 8, {1: 0.5, 2: 0.3, 3: 0.3, 4: 0.3, 8: 0.3, 9: "RUNNING"}),
        (trial_of("COMPLETE", CURVE, 0.3), 8, {1: 0.5, 5: 0.3, 8: 0.3, 9: None}),
        (trial_of("PRUNED", CURVE), 8, {1: 0.5, 9: None}),
        (trial_of("FAIL", CURVE), -INF, {1: None, 9: None}),
        (trial_of("COMPLETE", {}, 0.4), INF, {1: 0.4, 99: 0.4}),
        (trial_of("PRUNED", {}), -INF, {1: None}),
        (trial_of("RUNNING", {1: NAN}), -INF, {1: "RUNNING"}),
        (trial_of("WAITING", {}), -INF, {1: "WAITING"}),
    ],
)
def test_how_a_trial_stood(
    trial: FrozenTrial, came: float, stood: dict[int, float | str | None]
) -> None:
    assert reach(trial) == came
    for step, wanted in stood.items():
        then = standing(trial, step, StudyDirection.MINIMIZE)
        if isinstance(wanted, float):
            assert then is not None
            assert (then.state, then.value) == (TrialState.COMPLETE, wanted)
        else:
            assert (None if then is None else then.state.name) == wanted
    if trial.state == TrialState.RUNNING and came == 8:
        high = standing(trial, 4, StudyDirection.MAXIMIZE)
        assert high is not None
        assert high.value == 0.7


def test_the_good_set_grows_slowly() -> None:
    assert [good_set(count) for count in (0, 10, 16, 17, 500, 9999, 10**5)] == [
        0,
        1,
        1,
        2,
        6,
        25,
        25,
    ]


class RebuiltSampler(BaseSampler):
    """The common rung the slow way: a new study for every question, and no memory but chance."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.drawn: dict[float, TPESampler] = {}

    def rung(self, trials: list[FrozenTrial]) -> float:
        reaches = [each for each in map(reach, trials) if 1 <= each < INF]
        rungs = [*(2.0**power for power in range(20)), max(reaches, default=1)]
        full = [rung for rung in rungs if sum(each >= rung for each in reaches) >= LEAST]
        return max(full, default=1)

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        trials = study.get_trials(deepcopy=True)
        rung = self.rung(trials)
        self.study = optuna.create_study(direction=study.direction)
        for each in trials:
            then = standing(each, rung, study.direction)
            # One that is not there holds its number all the same.
            if then is not None and then.state == TrialState.COMPLETE:
                then.datetime_complete = then.datetime_start
            self.study.add_trial(create_trial(state=TrialState.FAIL) if then is None else then)
        model = tpe((self.seed + int(1000 * (rung - 1))) % 2**32)
        if rung in self.drawn:
            model._rng, model._random_sampler = (
                self.drawn[rung]._rng,
                self.drawn[rung]._random_sampler,
            )
        self.drawn[rung] = self.model = model
        return model.infer_relative_search_space(self.study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self.study.sampler = self.model
        # TPE shares what it draws under the id that a trial has in its own study.
        own = self.study.get_trials(deepcopy=False)[trial.number]
        return self.model.sample_relative(self.study, own, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: Any
    ) -> Any:
        return self.model.sample_independent(self.study, trial, param_name, param_distribution)


class Driven:
    """A study and the trials that run in it, driven by a list of moves."""

    def __init__(self, sampler: BaseSampler, mode: str, dynamic: bool) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.study = optuna.create_study(sampler=sampler, direction=StudyDirection[mode])
        self.dynamic = dynamic
        self.running: list[Trial] = []
        self.asked: list[dict[str, Any]] = []

    def move(self, what: str, who: int, value: float) -> None:
        if what == "ask" or not self.running:
            self.ask()
            return
        trial = self.running[who % len(self.running)]
        if what == "report":
            for _ in range(1 + who % 3):
                values = self.now(trial)
                trial.report(value, max(values, default=0) + 1)
        else:
            self.end(trial, what)

    def now(self, trial: Trial) -> dict[int, float]:
        return self.study.get_trials(deepcopy=False)[trial.number].intermediate_values

    def ask(self) -> None:
        trial = self.study.ask()
        trial.suggest_float("x", 0, 1)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        if self.dynamic and kind == "a":
            trial.suggest_int("depth", 1, 9)
        self.asked.append(trial.params)
        self.running.append(trial)

    def end(self, trial: Trial, how: str) -> None:
        self.running.remove(trial)
        seen = self.now(trial).values()
        finite = [each for each in seen if math.isfinite(each)]
        if how == "fail" or not finite:
            self.study.tell(trial, state=TrialState.FAIL)
        else:
            self.study.tell(trial, min(finite))


MOVES = ["ask", "ask", "report", "report", "report", "end", "end", "fail"]
VALUES = [0.1, 0.2, 0.3, 0.4, 0.5, NAN, INF]


@pytest.mark.parametrize("dynamic", [False, True])
@given(seed=st.integers(0, 2**31))
@settings(max_examples=8, phases=[Phase.explicit, Phase.reuse, Phase.generate])
def test_what_is_kept_suggests_as_what_is_built_anew(seed: int, dynamic: bool) -> None:
    chance = random.Random(seed)
    mode = chance.choice(["MINIMIZE", "MAXIMIZE"])
    kept = Driven(CommonRungSampler(seed=7), mode, dynamic)
    rebuilt = Driven(RebuiltSampler(seed=7), mode, dynamic)
    for at in range(150):
        move = chance.choice(MOVES), chance.randrange(30), chance.choice(VALUES)
        kept.move(*move)
        rebuilt.move(*move)
        assert kept.asked == rebuilt.asked
        if at % 40 == 39:
            kept.study = pickle.loads(pickle.dumps(kept.study))
            kept.running = [Trial(kept.study, each._trial_id) for each in kept.running]


def stepped(study: Study, steps: int, curve: Callable[[float, int], float]) -> Trial:
    """A trial that runs some steps and is told its best, or runs on after them."""
    trial = study.ask(SPACE)
    for step in range(1, steps + 1):
        trial.report(curve(trial.params["x"], step), step)
    return trial


def test_the_script_above_does_ask_the_model() -> None:
    """Else the property shows nothing: these are rungs that models were asked at."""
    driven = Driven(CommonRungSampler(seed=7), "MINIMIZE", False)
    for at in range(150):
        driven.move("ask", 0, 0.0)
        for step in range(1 + at % 4):
            driven.move("report", at, (at * 7 + step) % 10 / 10)
        driven.move("end", at, 0.0)
    sampler: Any = driven.study.sampler
    assert len(sampler._rungs) >= 3


def test_a_trial_that_runs_counts_at_the_rung_it_has_passed() -> None:
    """Nothing has ended, and yet the model knows where values are low."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=CommonRungSampler(seed=3))
    for _ in range(40):
        stepped(study, 1, lambda x, step: abs(x - 0.7))
    misses = [abs(each.params["x"] - 0.7) for each in study.trials]
    assert sum(misses[25:]) / 15 < 0.75 * sum(misses[:10]) / 10
    assert {each.state for each in study.trials} == {TrialState.RUNNING}


def test_values_of_different_steps_are_not_compared() -> None:
    """Those at x > 0.5 run longer, and end better for it alone; at step 1 the lower x is better."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def late(sampler: BaseSampler) -> float:
        study = optuna.create_study(sampler=sampler)
        for at in range(60):
            x = study.ask(SPACE)
            steps = 9 if x.params["x"] > 0.5 and at % 9 == 0 else 1
            values = [x.params["x"] + 5 / step for step in range(1, steps + 1)]
            for step, value in enumerate(values, 1):
                x.report(value, step)
            study.tell(x, min(values))
        return float(sum(each.params["x"] for each in study.trials[30:])) / 30

    assert late(CommonRungSampler(seed=1)) < 0.35
    assert late(tpe(seed=1)) > 0.5


def test_the_rung_is_the_highest_that_enough_have_reached() -> None:
    sampler: Any = CommonRungSampler()
    runs = [trial_of("RUNNING", {step: 0.5}) for step in [1] * 5 + [5] * 5 + [16] * 9]
    for number, each in enumerate(runs):
        each.number = number
    assert sampler._highest(runs) == 4
    assert sampler._highest(runs[:9]) == 1
    assert sampler._highest(runs[10:]) == 1
    full = trial_of("COMPLETE", {21: 0.5}, 0.5)
    full.number = 19
    assert sampler._highest([*runs, full]) == 16
    longest = [trial_of("COMPLETE", {30: 0.5}, 0.5) for _ in range(10)]
    for number, each in enumerate(longest, 20):
        each.number = number
    assert sampler._highest([*runs, *longest]) == 30
    points = [trial_of("COMPLETE", {}, 0.5) for _ in range(10)]
    for number, each in enumerate(points, 40):
        each.number = number
    assert sampler._highest([*runs[:6], *points]) == 1


def test_the_same_seed_suggests_the_same_and_begins_as_plain_tpe() -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def asked(sampler: BaseSampler) -> list[float]:
        study = optuna.create_study(sampler=sampler)
        for _ in range(30):
            trial = stepped(study, 2, lambda x, step: x / step)
            study.tell(trial, trial.params["x"] / 2)
        return [each.params["x"] for each in study.trials]

    first = asked(CommonRungSampler(seed=5))
    assert first == asked(CommonRungSampler(seed=5))
    assert first != asked(CommonRungSampler(seed=6))
    assert first[:10] == asked(TPESampler(seed=5))[:10]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factor": 1}, r"CommonRungSampler\.factor must be a number above 1, got 1"),
        ({"n_startup_trials": 0}, r"n_startup_trials must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CommonRungSampler(**arguments)


def test_a_study_of_several_objectives_is_refused() -> None:
    study = optuna.create_study(sampler=CommonRungSampler(), directions=["minimize", "minimize"])
    with pytest.raises(ValueError, match="one objective, got 2"):
        study.ask()
