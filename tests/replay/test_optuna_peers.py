from __future__ import annotations

import logging
import math
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import extras
from experiments.benchmark.optuna_peers import PEERS, OptunaPruner
from experiments.extras import MissingExtraError
from tests.replay.schedulers import Rows, recorded
from tune_es.replay import Cluster, Run, Task, replay

optuna = pytest.importorskip(
    "optuna", reason="Optuna is not installed: pip install 'tune-es[peers]'"
)
pytest.importorskip("scipy", reason="SciPy is not installed: pip install 'tune-es[peers]'")

NAN = math.nan
TASK = Task("made", "task", "val_loss", "min", 9)
FIVE = (0.5, 0.4, 0.3, 0.6, 0.45)


def flat(*values: float, steps: int = 9) -> list[list[float]]:
    return [[value] * steps for value in values]


def pruner_named(name: str, task: Task = TASK) -> OptunaPruner:
    scheduler = PEERS[name](task, 10)
    assert isinstance(scheduler, OptunaPruner)
    return scheduler


def replayed(
    name: str, curves: Rows, mode: str = "min", workers: int = 1, seed: int = 0, **cluster: Any
) -> tuple[Run, Any]:
    """The run, and the study afterwards."""
    stream = recorded(curves, mode=mode)
    scheduler = pruner_named(name, stream.task)
    return replay(scheduler, stream, Cluster(workers, **cluster), seed), scheduler.study


def reached(name: str, curves: Rows, mode: str = "min", workers: int = 1) -> list[int]:
    return [int(last) for last in replayed(name, curves, mode, workers)[0].reached]


def told(name: str, curves: Rows, **cluster: Any) -> list[tuple[str, float | None]]:
    study = replayed(name, curves, **cluster)[1]
    return [(trial.state.name, trial.value) for trial in study.trials]


def test_median_known_answer() -> None:
    # Judged from the sixth on, by those that completed: .50 is above their median of .45; .45 is
    # not. The seven that completed by then still have a median of .45, whatever was pruned.
    curves = flat(*FIVE, 0.50, 0.45, 0.44, 0.46)
    assert reached("optuna-median", curves) == [*[9] * 5, 1, 9, 9, 1]


def test_median_judges_the_best_so_far_at_the_same_step() -> None:
    falling = [[0.5, 0.4, 0.3, 0.2]] * 5
    curves = [*falling, [0.4, 0.4, 0.4, 0.1], [0.2, 0.9, 0.9, 0.9]]
    assert reached("optuna-median", curves) == [*[4] * 5, 3, 4]


def test_percentile_keeps_the_best_quarter() -> None:
    # A quarter of the way up .1 .2 .3 .4 .5 is .2, and up .1 .2 .2 .3 .4 .5 it is .2 again.
    curves = flat(0.1, 0.2, 0.3, 0.4, 0.5, 0.2, 0.21)
    assert reached("optuna-percentile-25", curves) == [*[9] * 6, 1]


def test_halving_known_answer() -> None:
    # The first to complete shows how long trials are, and has no rung. Rungs are the steps 1, 4
    # and 16: evaluations 2, 5 and 17. With factor 4 only the best of up to 7 at a rung goes on.
    # The first rung sees .4, .45, .3, .35 and .3 (a tie with the best goes on), the second .4, .3
    # and .35.
    curves = [*flat(0.5, 0.4, 0.45, 0.3, 0.35), [0.3, 0.3, *[0.35] * 7]]
    assert reached("optuna-halving", curves) == [9, 9, 2, 9, 2, 5]


def test_hyperband_known_answer() -> None:
    # Budget 9, factor 3: brackets of weight 9, 5 and 3, drawn by the names of study and trial;
    # their first rungs are the steps 1, 3 and 9 (evaluations 2, 4 and 10). Every trial is worse
    # than those before it, so of a bracket only the first passes its first rung.
    curves = flat(*(number / 100 for number in range(40)))
    first_rung = {0: 2, 1: 4, 2: 9}
    seen = set[int]()
    expected = []
    for number in range(40):
        draw = zlib.crc32(f"made/task_{number}".encode()) % 17
        bracket = 0 if draw < 9 else 1 if draw < 14 else 2
        expected.append(first_rung[bracket] if bracket in seen else 9)
        seen.add(bracket)
    assert set(expected) == {2, 4, 9}
    assert reached("optuna-hyperband", curves) == expected


def test_patient_waits_for_two_evaluations_without_improvement() -> None:
    # At the third, .7 .7 is no improvement on .6, and .6 is above the median; a tie with the
    # value before is not worse; and .4 is not above the median.
    worse, level, good = [0.6, *[0.7] * 8], [0.6] * 9, [0.4, *[0.7] * 8]
    assert reached("optuna-patient", [*flat(*[0.5] * 5), worse, level, good]) == [*[9] * 5, 3, 9, 9]


def test_wilcoxon_known_answer() -> None:
    # Against the best trial: n differences that are all positive have a chance of 1 in 2^n, below
    # .1 from 4 on. With the smallest of 5 negative it is 2 of 32 (3 of 16 at 4). A trial with a
    # NaN is never pruned.
    rising = [0.6 + number / 100 for number in range(9)]
    curves = [*flat(0.5), rising, [0.45, *rising[:8]], [NAN, *rising[:8]]]
    assert reached("optuna-wilcoxon", curves) == [9, 4, 5, 9]


def test_what_a_nan_does() -> None:
    first_only, never = [0.4, *[NAN] * 8], [NAN] * 9
    assert reached("optuna-median", [*flat(*FIVE), first_only, never]) == [*[9] * 5, 9, 1]
    assert reached("optuna-halving", [*flat(0.5), never]) == [9, 2]
    assert reached("optuna-patient", [*flat(*FIVE), never]) == [9] * 6


def test_what_the_study_is_told() -> None:
    falling_and_rising = [0.5, 0.2, 0.4, NAN]
    curves = [falling_and_rising, [NAN] * 4, *flat(*[0.3] * 4, steps=4), [0.3, 0.3, 0.3, 0.9]]
    assert told("optuna-median", curves) == [
        ("COMPLETE", 0.2),
        ("FAIL", None),
        *[("COMPLETE", 0.3)] * 5,
    ]
    worse_at_last = [[0.5, 0.2]] * 5 + [[0.4, 0.3], [0.6, 0.1]]
    assert told("optuna-median", worse_at_last)[5:] == [("PRUNED", 0.3), ("PRUNED", 0.6)]


def test_a_trial_that_failed_for_good_is_failed() -> None:
    run, study = replayed("optuna-median", flat(*[0.5] * 20), failure_rate=0.1)
    states = [trial.state.name for trial in study.trials]
    assert states == ["FAIL" if trial in run.failed else "COMPLETE" for trial in range(20)]
    assert set(states) == {"FAIL", "COMPLETE"}


def test_steps_that_run_again_are_known_already() -> None:
    curves = flat(*FIVE, *[0.7] * 10)
    run, study = replayed(
        "optuna-median", curves, failure_rate=0.2, max_failures=99, checkpoint_every=3
    )
    assert run.steps.sum() > run.reached.sum()
    assert [len(trial.intermediate_values) for trial in study.trials] == run.reached.tolist()
    assert {trial.state.name for trial in study.trials} == {"COMPLETE", "PRUNED"}


def test_trials_are_asked_for_when_they_start() -> None:
    scheduler = pruner_named("optuna-median")
    for name in ("a", "b", "c"):
        scheduler.add(name, {})
    assert scheduler.study.trials == []
    assert scheduler.choose(["b", "c", "a"], []) == "b"
    assert scheduler.choose([], []) is None
    assert len(scheduler.study.trials) == 1
    scheduler.end("a", failed=False)
    assert [trial.state.name for trial in scheduler.study.trials] == ["RUNNING"]


@pytest.mark.parametrize("name", list(PEERS))
@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_same_as_optimize(name: str, mode: str) -> None:
    curves = np.random.default_rng(1).normal(size=(30, 12)).cumsum(axis=1).tolist()
    better = min if mode == "min" else max

    def objective(trial: Any) -> float:
        for step, value in enumerate(curves[trial.number]):
            trial.report(value, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return float(better(curves[trial.number]))

    pruner = pruner_named(name, recorded(curves, mode=mode).task).study.pruner
    direction = "minimize" if mode == "min" else "maximize"
    alone = optuna.create_study(study_name="made/task", direction=direction, pruner=pruner)
    alone.optimize(objective, n_trials=len(curves))

    assert reached(name, curves, mode) == [len(one.intermediate_values) for one in alone.trials]
    ours = replayed(name, curves, mode)[1]
    for one, other in zip(ours.trials, alone.trials, strict=True):
        assert (one.state, one.value) == (other.state, other.value)
        assert one.intermediate_values == other.intermediate_values
    assert len({trial.state for trial in ours.trials}) == 2


#: No infinity: numpy's percentile between one and a number depends on the side it comes from.
VALUES = st.sampled_from([*map(float, range(-4, 5)), NAN])


@given(
    curves=st.lists(st.lists(VALUES, min_size=1, max_size=9), min_size=1, max_size=14),
    workers=st.integers(1, 4),
    failure_rate=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 9),
)
@settings(max_examples=25)
@pytest.mark.parametrize("name", list(PEERS))
def test_max_mirrors_min(
    name: str, curves: list[list[float]], workers: int, failure_rate: float, seed: int
) -> None:
    def outcome(mode: str, rows: Sequence[Sequence[float]]) -> Any:
        run, study = replayed(
            name, rows, mode, workers, seed, failure_rate=failure_rate, max_failures=2
        )
        return run.events, run.failed, [trial.state for trial in study.trials]

    assert outcome("max", curves) == outcome("min", [[-one for one in curve] for curve in curves])


class Kept(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_optuna_says_nothing_and_may_speak_afterwards() -> None:
    before, level, kept = optuna.logging.get_verbosity(), optuna.logging.INFO, Kept()
    optuna.logging.set_verbosity(level)  # whatever another test has left
    logger = logging.getLogger("optuna")
    logger.addHandler(kept)
    try:
        for name in PEERS:
            replayed(name, [[NAN, 0.5], [0.5, NAN], [0.6, 0.6]])
        assert kept.lines == []
        assert optuna.logging.get_verbosity() == level
        optuna.create_study()
        assert len(kept.lines) == 1
    finally:
        optuna.logging.set_verbosity(before)
        logger.removeHandler(kept)


def test_settings_are_what_is_built() -> None:
    shown = {name: peer.settings for name, peer in PEERS.items()}
    assert shown["optuna-hyperband"] == (
        "HyperbandPruner(min_resource=1, max_resource=T, reduction_factor=3)"
    )
    assert shown["optuna-patient"] == "PatientPruner(wrapped_pruner=MedianPruner(), patience=1)"
    for name, text in shown.items():
        assert type(pruner_named(name).study.pruner).__name__ == text.partition("(")[0]


@pytest.mark.parametrize("name", list(PEERS))
def test_without_optuna_the_answer_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    with pytest.raises(
        MissingExtraError,
        match=r"^optuna, scipy are not installed: pip install 'tune-es\[peers\]'$",
    ):
        PEERS[name](TASK, 3)
