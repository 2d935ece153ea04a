from __future__ import annotations

import doctest
import logging
import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments import benchmark, extras
from experiments.benchmark.ray_peers import PEERS, RayScheduler, RayStopper
from experiments.extras import MissingExtraError
from tests.replay.schedulers import Rows, recorded
from tune_es import Action
from tune_es.replay import Cluster, Run, Task, replay

NAN = math.nan
TASK = Task("made", "task", "val_loss", "max", 9)
RESULT = {"training_iteration": 1}
CONTINUE, STOP, PAUSE = Action.CONTINUE, Action.STOP, Action.PAUSE

pytest.importorskip("ray", reason="Ray is not installed: pip install 'tune-es[peers]'")


def flat(*values: float, steps: int = 9) -> list[list[float]]:
    return [[value] * steps for value in values]


def run(name: str, curves: Rows, mode: str = "max", workers: int = 1, **cluster: Any) -> Run:
    stream = recorded(curves, mode=mode)
    return replay(PEERS[name](stream.task, len(curves)), stream, Cluster(workers, **cluster))


def reached(name: str, curves: Rows, mode: str = "max", workers: int = 1) -> list[int]:
    return [int(last) for last in run(name, curves, mode, workers).reached]


def actions(of: Run, trial: int) -> list[Action]:
    return [event.action for event in of.events if event.trial == trial]


def test_asha_known_answer() -> None:
    # Rungs at 1, 3 and 9; who is below two thirds of the way up what a rung saw before is stopped.
    # Rung 1 has seen .50; then .50 .60 (cut .567); .50 .55 .60 (.567); .50 .55 .58 .60 (.58);
    # .50 .55 .56 .58 .60 (.573). Rung 3 has seen .50 .58 .60 (.587) when the last one comes.
    curves = [*flat(0.50, 0.60, 0.55, 0.58, 0.56), [0.70, 0.70, 0.50, *[0.9] * 6]]
    assert reached("ray-asha-1-3", curves) == [9, 9, 1, 9, 1, 3]


def test_a_grace_period_moves_the_first_rung() -> None:
    curves = flat(0.6, 0.5, steps=20)
    asha = {name: reached(name, curves) for name in PEERS if "asha" in name}
    expected = {"ray-asha-1-3": [20, 1], "ray-asha-3-3": [20, 3], "ray-asha-5-3": [20, 5]}
    assert asha == expected


def test_a_budget_below_the_grace_period_is_one_rung() -> None:
    assert reached("ray-asha-5-3", flat(0.6, 0.5, steps=2)) == [2, 2]


def test_asha_never_stops_a_nan_which_no_number_beats() -> None:
    assert reached("ray-asha-1-3", flat(0.6, NAN, 0.5)) == [9, 9, 1]


def test_asha_alone_is_the_same() -> None:
    curves = np.random.default_rng(0).normal(size=(40, 27)).cumsum(axis=1).tolist()
    from ray.tune.experiment import Trial
    from ray.tune.schedulers import ASHAScheduler

    asha = ASHAScheduler("training_iteration", "val_loss", "max", 27, 1, 3)
    nobody: Any = None
    alone = []
    for number, curve in enumerate(curves):
        trial = Trial("alone", trial_id=str(number), stub=True)
        asha.on_trial_add(nobody, trial)
        for step, value in enumerate(curve, start=1):
            result = {"training_iteration": step, "val_loss": value}
            if asha.on_trial_result(nobody, trial, result) == "STOP":
                break
        asha.on_trial_complete(nobody, trial, result)
        alone.append(step)
    assert reached("ray-asha-1-3", curves) == alone
    assert len(set(alone)) == 4


def test_the_median_rule_pauses_until_it_knows_three_others() -> None:
    # Each of the first three is paused at step 3, so that the next can start; the fourth then
    # meets means of .1 .2 .3: .15 is below their median. The three go on, the oldest first, and
    # the first two are paused at every further step while there is another one that waits.
    done = run("ray-median-3", flat(0.1, 0.2, 0.3, 0.15, steps=5))
    assert done.reached.tolist() == [5, 5, 5, 3]
    assert [actions(done, trial) for trial in range(4)] == [
        [CONTINUE, CONTINUE, PAUSE, PAUSE, PAUSE],
        [CONTINUE, CONTINUE, PAUSE, PAUSE, PAUSE],
        [CONTINUE, CONTINUE, PAUSE, CONTINUE, CONTINUE],
        [CONTINUE, CONTINUE, STOP],
    ]


def test_the_median_rule_compares_the_best_with_means_from_the_grace_period_on() -> None:
    # The means of steps 3 and 4 are .5 (of .9 and .1), .3 and .3: the median at step 4 is .3. The
    # fourth trial's best is .31 from step 1 on. At step 5 the median is .2, of .3333 .2 .2.
    others = [[0, 0, 0.9, 0.1, 0], [0, 0, 0.3, 0.3, 0], [9, 9, 0.3, 0.3, 0]]
    assert reached("ray-median-3", [*others, [0.31, 0, 0, 0, 0]], workers=4) == [5, 5, 5, 5]
    assert reached("ray-median-3", [*others, [0.29, 0, 0, 0, 0]], workers=4) == [5, 5, 5, 3]


#: 17 trials of 9 steps are one band: 3 trials with 9 steps; 5 with 3, of which the best 2 go on to
#: 9; 9 with 1, of which 3 go on to 3, of which 1 goes on to 9. Later trials are better.
BAND = flat(*(number / 100 for number in range(17)))
BANDED = [9, 9, 9, 3, 3, 3, 9, 9, 1, 1, 1, 1, 1, 1, 3, 3, 9]


@pytest.mark.parametrize("workers", [1, 2, 5, 30])
def test_hyperband_known_answer(workers: int) -> None:
    done = run("ray-hyperband", BAND, workers=workers)
    assert done.reached.tolist() == BANDED
    assert done.steps.sum() == 75


def test_hyperband_pauses_what_waits_and_stops_one_of_a_finished_round() -> None:
    done = run("ray-hyperband", BAND)
    # The one whose step ends a round is not paused there.
    assert actions(done, 3) == [CONTINUE, CONTINUE, PAUSE]
    assert actions(done, 6) == [CONTINUE, CONTINUE, PAUSE, *[CONTINUE] * 5, STOP]
    assert actions(done, 7) == [*[CONTINUE] * 8, PAUSE]
    assert actions(done, 16) == [CONTINUE, CONTINUE, PAUSE, *[CONTINUE] * 5, STOP]


def test_hyperband_resumes_a_trial_that_ended_when_it_was_paused() -> None:
    # The third best has no second step. It is one of the 3 that go on, and complete at once.
    early = [curve[:1] if number == 14 else curve for number, curve in enumerate(BAND)]
    expected = [*BANDED[:14], 1, 3, 9]
    assert reached("ray-hyperband", early) == expected
    assert reached("ray-hyperband", early, workers=4) == expected


def test_hyperband_resumes_such_a_trial_while_nothing_else_waits() -> None:
    # Only 3 trials with 1 step first, all of which go on; two of them have no second step. They
    # are complete before the third has its third step, or that one would wait for them.
    rows = [*BAND[:8], [0.5], [0.6], [0.7] * 9]
    seconds = [[0.1 if number > 7 else 1.0] * len(row) for number, row in enumerate(rows)]
    stream = recorded(rows, mode="max", seconds=seconds)
    done = replay(PEERS["ray-hyperband"](stream.task, len(rows)), stream, Cluster(11))
    assert done.reached.tolist() == [*BANDED[:8], 1, 1, 9]


def test_hyperband_leaves_a_round_paused_whose_last_trial_ends_early() -> None:
    # Ray judges a bracket when a trial of it ends, but only before its first round is over. With
    # one worker the last trial of a round goes straight on, then the others in their order.
    def without_a_third_step(short: int) -> list[list[float]]:
        return [curve[:2] if number == short else curve for number, curve in enumerate(BAND)]

    assert reached("ray-hyperband", without_a_third_step(14)) == [*BANDED[:14], 2, 3, 9]
    assert reached("ray-hyperband", without_a_third_step(15)) == [*BANDED[:14], 3, 2, 3]


def test_plateau_known_answer() -> None:
    # The last 4 values lie within .01: at steps 4 and 5. Values of 0 and .02 have a deviation of
    # exactly .01, which is not below it; .0199 is. NaN never stops.
    curves: list[list[float]] = [
        *flat(0.5),
        [0.9] + [0.5] * 8,
        [0.0, 0.02] * 5,
        [0.0, 0.0199] * 5,
        *flat(NAN),
        [0.5, 0.5, 0.5],
    ]
    assert reached("ray-plateau", curves) == [4, 5, 10, 4, 9, 3]


@pytest.mark.parametrize("stops", [False, True])
def test_a_stopper_sees_a_last_result_again_unless_it_stopped_there(stops: bool) -> None:
    seen: list[dict[str, Any]] = []

    def stopper(trial_id: str, result: dict[str, Any]) -> bool:
        seen.append(result)
        return stops and result["training_iteration"] == 2

    stream = recorded([[0.5, 0.4]], mode="max")
    replay(RayStopper(stopper), stream, Cluster(1))
    steps = [(result["training_iteration"], result.get("done", False)) for result in seen]
    assert steps == [(1, False), (2, False), *([] if stops else [(2, True)])]


def test_a_stopper_is_not_shown_what_failed() -> None:
    seen: list[str] = []

    def never(trial_id: str, result: dict[str, Any]) -> bool:
        seen.append(trial_id)
        return False

    stopper = RayStopper(never)
    stopper.report("a", RESULT)
    stopper.end("a", failed=True)
    assert seen == ["a"]


class Heard:
    """Writes down what it hears of trials, and answers as it is told; first come, first served."""

    def __init__(self, answer: str = "CONTINUE") -> None:
        self.answer, self.heard = answer, list[tuple[str, str]]()

    def on_trial_add(self, controller: Any, trial: Any) -> None:
        self.heard.append(("add", trial.status))

    def on_trial_result(self, controller: Any, trial: Any, result: Any) -> str:
        self.heard.append((f"result, {len(controller.get_live_trials())} live", trial.status))
        if self.answer == "stop all":
            for each in controller.get_trials():
                controller.stop_trial(each)
        return "NOOP" if self.answer == "stop all" else self.answer

    def on_trial_error(self, controller: Any, trial: Any) -> None:
        self.heard.append(("error", trial.status))

    def on_trial_complete(self, controller: Any, trial: Any, result: Any) -> None:
        self.heard.append((f"complete {result.get('training_iteration')}", trial.status))

    def on_trial_remove(self, controller: Any, trial: Any) -> None:
        self.heard.append(("remove", trial.status))

    def choose_trial_to_run(self, controller: Any) -> Any:
        waiting = [one for one in controller.get_trials() if one.status in ("PENDING", "PAUSED")]
        return min(waiting, key=lambda one: one.status == "PAUSED", default=None)


def started(heard: Heard, *names: str) -> RayScheduler:
    scheduler = RayScheduler(heard)
    for name in names:
        scheduler.add(name, {})
    for at in range(len(names)):
        assert scheduler.choose(names[at:], []) == names[at]
    return scheduler


def test_a_lost_trial_is_an_error_and_is_added_behind_the_others() -> None:
    heard = Heard()
    scheduler = started(heard, "a")
    scheduler.add("b", {})
    assert scheduler.choose(["b", "a"], []) == "b"
    assert scheduler.choose(["a"], []) == "a"
    assert heard.heard == [("add", "PENDING")] * 2 + [("error", "ERROR"), ("add", "PENDING")]


def test_a_trial_that_failed_for_good_is_an_error_while_it_runs() -> None:
    heard = Heard("stop all")
    scheduler = started(heard, "a", "b")
    scheduler.end("a", failed=True)
    scheduler.report("b", RESULT)
    assert heard.heard[2] == ("error", "RUNNING")
    assert heard.heard[4:] == [("complete None", "RUNNING")]


def test_a_stopped_trial_completes_with_its_last_result() -> None:
    heard = Heard("STOP")
    scheduler = started(heard, "a", "b")
    assert scheduler.report("a", RESULT) is STOP
    scheduler.end("a", failed=False)
    scheduler.end("a", failed=False)
    scheduler.report("b", RESULT)
    results = [(f"result, {live} live", "RUNNING") for live in (2, 1)]
    assert heard.heard[2:] == [results[0], ("complete 1", "RUNNING"), results[1]]


def test_a_scheduler_may_stop_others_that_run_or_wait() -> None:
    heard = Heard("stop all")
    scheduler = started(heard, "a", "b")
    scheduler.add("c", {})
    assert scheduler.report("a", RESULT) is STOP
    assert scheduler.report("b", RESULT) is STOP
    assert scheduler.choose(["c"], []) is None
    assert heard.heard[4:] == [("complete None", "RUNNING")] * 2 + [("remove", "PENDING")]


def test_a_trial_paused_at_its_end_completes_when_its_turn_comes() -> None:
    heard = Heard("PAUSE")
    scheduler = started(heard, "a", "c")
    scheduler.add("b", {})
    assert scheduler.report("a", RESULT) is PAUSE
    scheduler.end("a", failed=False)
    assert scheduler.report("c", RESULT) is PAUSE
    assert scheduler.choose(["b"], ["c"]) == "b"
    assert heard.heard[-1][0].startswith("result")
    assert scheduler.choose([], ["c"]) == "c"
    assert heard.heard[-1] == ("complete 1", "RUNNING")


def test_a_trial_paused_at_its_end_completes_at_once_where_nothing_waits() -> None:
    heard = Heard("PAUSE")
    scheduler = started(heard, "a", "b")
    assert scheduler.report("a", RESULT) is PAUSE
    scheduler.end("a", failed=False)
    assert heard.heard[-1] == ("complete 1", "RUNNING")


def test_noop_goes_on_where_the_scheduler_did_nothing() -> None:
    assert started(Heard("NOOP"), "a").report("a", RESULT) is CONTINUE


VALUES = st.sampled_from([*map(float, range(-4, 5)), NAN, math.inf, -math.inf])


@given(
    curves=st.lists(st.lists(VALUES, min_size=1, max_size=9), min_size=1, max_size=14),
    workers=st.integers(1, 4),
    failure_rate=st.sampled_from([0.0, 0.2]),
    seed=st.integers(0, 9),
)
@settings(max_examples=40)
@pytest.mark.parametrize("name", list(PEERS))
def test_max_mirrors_min(
    name: str, curves: list[list[float]], workers: int, failure_rate: float, seed: int
) -> None:
    def outcome(mode: str, rows: Sequence[Sequence[float]]) -> Any:
        stream = recorded(rows, mode=mode, max_t=9)
        cluster = Cluster(workers, failure_rate=failure_rate, max_failures=2)
        done = replay(PEERS[name](stream.task, len(rows)), stream, cluster, seed)
        return done.events, done.failed

    assert outcome("max", curves) == outcome("min", [[-one for one in curve] for curve in curves])


def test_the_examples_of_the_docstrings() -> None:
    outcome = doctest.testmod(benchmark)
    assert (outcome.attempted > 0, outcome.failed) == (True, 0)


def test_hyperband_has_no_line_for_every_bracket() -> None:
    PEERS["ray-hyperband"](TASK, 3)
    assert not logging.getLogger("ray.tune.schedulers.hyperband").isEnabledFor(logging.INFO)


def test_settings_are_what_is_built() -> None:
    shown = {name: peer.settings for name, peer in PEERS.items()}
    assert shown["ray-asha-5-3"] == "ASHAScheduler(max_t=T, grace_period=5, reduction_factor=3)"
    assert shown["ray-plateau"] == "TrialPlateauStopper(std=0.01, num_results=4, grace_period=4)"
    built = [peer(TASK, 3) for peer in PEERS.values()]
    parts = [getattr(one, "scheduler", None) or getattr(one, "stopper", None) for one in built]
    written = [text.partition("(")[0] for text in shown.values()]
    names = {"AsyncHyperBandScheduler": "ASHAScheduler"}
    assert [names.get(type(part).__name__, type(part).__name__) for part in parts] == written


@pytest.mark.parametrize("name", list(PEERS))
def test_without_ray_the_answer_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    with pytest.raises(
        MissingExtraError, match=r"^ray is not installed: pip install 'tune-es\[peers\]'$"
    ):
        PEERS[name](TASK, 3)


def test_the_names_are_known_without_ray_or_optuna() -> None:
    code = (
        "import sys; sys.modules.update(ray=None, optuna=None)\n"
        "import experiments.benchmark.ray_peers, experiments.benchmark.optuna_peers"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
