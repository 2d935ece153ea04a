"""Trials that pause at rungs with a checkpoint and are promoted or ended, on real Ray."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter

from tests.ray import killed_promotion as killed
from tests.ray.drivers import run_until_killed
from tests.ray.killed import Journal
from tests.ray.killed_promotion import CURVES, ENDS, LENGTH, REACHED, TABLE
from tests.ray.promoted import (
    ALONE,
    ROWS,
    Ends,
    Listed,
    each_once,
    reached,
    scheduler,
    space,
    steps_of,
)
from tests.ray.sweeps import Sweep, fit, run, runs, warned, within
from tests.ray.trainables import OnceLosses, SavedLosses, UnsavedLosses, losses
from tune_es import AdaptiveQuota, AsyncHalving, Patience, Policy, RungTable
from tune_es.ray import EarlyStoppingScheduler
from tune_es.replay import Cluster, PolicyScheduler, TaskCurves, replay, task_curves


class Plain(NamedTuple):
    """A sweep of functions, what callbacks saw and what was warned of."""

    sweep: Sweep
    ends: Ends
    messages: list[str]


def plain(storage: Path, trainable: Any) -> Plain:
    ends = Ends()
    with within(180), warned() as messages:
        sweep = fit(trainable, space(), storage, scheduler=scheduler(), callbacks=[ends])
    return Plain(sweep, ends, messages)


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Plain:
    return plain(tmp_path_factory.mktemp("functions"), losses)


def goes_on_as_the_table_says(done: Plain) -> None:
    assert reached(done.sweep) == REACHED
    assert steps_of(done.ends) == each_once(REACHED)
    assert done.ends.left == {Trial.TERMINATED}
    complete = [name for what, name in done.ends.events if what == "complete"]
    assert sorted(complete) == sorted(ENDS)
    assert done.messages == []


def test_the_table_says_who_goes_on_and_no_step_runs_twice(functions: Plain) -> None:
    goes_on_as_the_table_says(functions)


def test_so_it_does_for_classes(tmp_path: Path) -> None:
    done = plain(tmp_path, SavedLosses)
    goes_on_as_the_table_says(done)
    assert {last["own_step"] - last["training_iteration"] for last in done.sweep.lasts} == {0}


def test_it_needs_no_actors_that_are_used_again(tmp_path: Path) -> None:
    ends, two = Ends(), {name: CURVES[name] for name in "ab"}
    with within(180):
        fit(
            ALONE,
            space(two),
            tmp_path,
            scheduler=scheduler(RungTable({2: 1})),
            callbacks=[ends],
            reuse_actors=False,
        )
    assert steps_of(ends) == each_once({"a": 8, "b": 2})
    assert [what for what, _ in ends.events].count("start") == 3


def test_a_pause_is_named_in_the_result_and_stops_nothing(functions: Plain) -> None:
    sweep = functions.sweep
    reasons = {name: [row["es"]["reason"] for row in sweep.rows(name)] for name in "bca"}
    goes_on, used = "continue", "budget used: Budget (steps=8, steps_limit=8)"
    first, second = "paused at rung 2", "paused at rung 4"
    assert reasons["b"] == [goes_on, first]
    assert reasons["c"] == [goes_on, first, goes_on, second]
    assert reasons["a"][2] == goes_on
    assert set(reasons["a"]) <= {goes_on, first, second, used}
    assert sweep.es("c")["best"] == CURVES["c"][3]


def test_who_is_let_go_is_told_why(functions: Plain) -> None:
    last = functions.sweep.es("c")
    assert (last["cause"], last["code"], last["best_step"]) == ("HOPELESS", 2, 4)
    assert last["reason"] == (
        f"hopeless: RungTable (rung=4, rank=3, trials=4, best={CURVES['c'][3]:.4g}, "
        f"leader={min(CURVES[name][3] for name in 'acf'):.4g}, kept=2)"
    )
    assert functions.sweep.es("a")["cause"] == "EXHAUSTED"


class Uploads(Ends):
    """Stores what is written of a trial at its third result, as Ray does every five minutes."""

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Trial, result: Any, **info: Any
    ) -> None:
        super().on_trial_result(iteration, trials, trial, result, **info)
        if result["training_iteration"] == 3 and trial.storage is not None:
            folder = Path(trial.storage.trial_fs_path)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(Path(trial.local_path or "", "result.json"), folder)


def test_no_result_is_lost_when_a_trial_goes_on(tmp_path: Path) -> None:
    with within(180):
        sweep = fit(losses, space(), tmp_path, scheduler=scheduler(), callbacks=[Uploads()])
    for name, last in REACHED.items():
        steps = [row["training_iteration"] for row in sweep.rows(name)]
        assert steps == [*range(1, last + 1)], name


def falling(start: float, end: float) -> list[float]:
    return [start - (start - end) * step / LENGTH for step in range(1, LENGTH + 1)]


#: Some that begin well end badly.
CROSSING = {
    f"{at}": falling(1.0 - 0.02 * (at * 3 % 20), 0.1 + 0.03 * (at * 7 % 20)) for at in range(20)
}


@pytest.mark.parametrize(
    "rule",
    [AdaptiveQuota(), RungTable({1: 9, 3: 4})],
    ids=["adaptive", "table"],
)
def test_a_live_sweep_promotes_whom_its_replay_promotes(tmp_path: Path, rule: Any) -> None:
    policy = Policy("loss", "min", stop="none", max_t=LENGTH, promotion=rule)
    file = tmp_path / "policy.yaml"
    file.write_text(policy.to_yaml())
    with within(180):
        live = fit(
            losses, space(CROSSING), tmp_path, scheduler=EarlyStoppingScheduler.from_file(file)
        )
    full: TaskCurves = task_curves(list(CROSSING.values()), "loss", "min")
    again = replay(PolicyScheduler(policy, trials=len(CROSSING)), full, Cluster(2))
    assert reached(live) == dict(zip(CROSSING, again.reached.tolist(), strict=True))
    assert set(reached(live).values()) > {LENGTH}


def test_a_rule_of_each_trial_stops_on_top(tmp_path: Path) -> None:
    curves = {**CURVES, "a": [0.5, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]}
    with within(180):
        sweep = fit(ALONE, space(curves), tmp_path, scheduler=scheduler(stop=Patience(3)))
    assert reached(sweep) == {**REACHED, "a": 5}
    assert sweep.es("a")["cause"] == "STALLED"


@pytest.mark.parametrize("max_failures", [0, 1])
def test_a_trial_that_fails_holds_up_no_rung(tmp_path: Path, max_failures: int) -> None:
    rows = [
        run(name, each, saves=1, crash_before=3 if name == "d" else 2 if name == "b" else None,
            marks=str(tmp_path / "marks"))
        for name, each in CURVES.items()
    ]  # fmt: skip
    ends = Ends()
    with within(180):
        sweep = fit(
            losses,
            runs(*rows),
            tmp_path,
            scheduler=scheduler(),
            callbacks=[ends],
            max_failures=max_failures,
        )
    lost = {**REACHED, "b": 1, "d": 2, "c": 8}
    assert reached(sweep) == (REACHED if max_failures else lost)
    assert steps_of(ends) == each_once(REACHED if max_failures else lost)
    assert ends.left == ({Trial.TERMINATED} | (set() if max_failures else {Trial.ERROR}))
    if not max_failures:
        taken_up_again(tmp_path, runs(*rows), lost)


def taken_up_again(storage: Path, rows: Any, lost: Mapping[str, int]) -> None:
    """Those that failed go on and are compared with each other; the others had ended."""
    with within(180):
        again = tune.Tuner.restore(
            str(storage / "sweep"), trainable=losses, param_space=rows, resume_errored=True
        )
        sweep = Sweep(again.fit())
    assert reached(sweep) == {**lost, "b": 8, "d": 8}
    assert sweep.errors == [None] * len(ENDS)


@pytest.mark.chaos
def test_a_worker_that_dies_while_pausing_goes_on_from_the_pause_before(tmp_path: Path) -> None:
    dies = {name: {"die_saving": 4, "mark": str(tmp_path / "mark")} for name in "ac"}
    rows = [run(name, each, **dies.get(name, {})) for name, each in CURVES.items()]
    ends = Ends()
    with within(180):
        sweep = fit(
            SavedLosses,
            runs(*rows),
            tmp_path,
            scheduler=scheduler(),
            callbacks=[ends],
            max_failures=1,
        )
    assert reached(sweep) == REACHED
    steps, undisturbed = steps_of(ends), each_once(REACHED)
    (hit,) = [name for name in "ac" if steps[name] != undisturbed[name]]
    assert steps[hit] == [1, 2, 3, 4, 3, 4, *range(5, REACHED[hit] + 1)]
    assert {**steps, hit: undisturbed[hit]} == undisturbed


def test_without_checkpoints_it_stops_and_says_so_once(tmp_path: Path) -> None:
    ends = Ends()
    with within(180), warned() as messages:
        sweep = fit(ALONE, space(saves=0), tmp_path, scheduler=scheduler(), callbacks=[ends])
    assert [message for message in messages if "without any checkpoint" in message] == messages
    assert len(messages) == 1
    assert steps_of(ends) == each_once(reached(sweep))
    assert {"a": 8, "d": 8}.items() <= reached(sweep).items()
    assert all(
        sweep.es(name)["cause"] == "HOPELESS" for name, at in reached(sweep).items() if at < 8
    )
    assert set(reached(sweep).values()) > {8}
    assert not [row for name in ENDS for row in sweep.rows(name) if "paused" in row["es"]["reason"]]


def test_a_class_that_cannot_save_is_stopped_instead(tmp_path: Path) -> None:
    ends, two = Ends(), {name: CURVES[name] for name in "ab"}
    one_at_a_time = tune.with_resources(UnsavedLosses, {"cpu": 2})
    with within(180), warned() as messages:
        sweep = fit(
            one_at_a_time,
            space(two),
            tmp_path,
            scheduler=scheduler(RungTable({2: 1})),
            callbacks=[ends],
        )
    assert len(messages) == 1
    assert "a class needs save_checkpoint" in messages[0]
    assert steps_of(ends) == each_once({"a": 8, "b": 2})
    assert sweep.es("b")["cause"] == "HOPELESS"


def test_a_trial_that_saves_now_and_then_pauses_where_it_has_saved(tmp_path: Path) -> None:
    rule, ends = RungTable({3: 3, 5: 2}), Ends()
    with within(180), warned() as messages:
        sweep = fit(ALONE, space(saves=2), tmp_path, scheduler=scheduler(rule), callbacks=[ends])
    assert reached(sweep) == {"a": 8, "b": 4, "c": 6, "d": 8, "e": 4, "f": 4}
    assert steps_of(ends) == each_once(reached(sweep))
    assert messages == []


@pytest.mark.parametrize("num_samples", [6, -1], ids=["known", "endless"])
def test_a_searcher_is_told_the_last_value_of_those_let_go(
    tmp_path: Path, num_samples: int
) -> None:
    searcher = Listed(ROWS)
    with within(180):
        sweep = fit(
            ALONE,
            {},
            tmp_path,
            scheduler=scheduler(),
            search_alg=searcher,
            num_samples=num_samples,
        )
    assert reached(sweep) == REACHED
    ends = {name: CURVES[name][at - 1] for name, at in REACHED.items()}
    assert sorted(told for told in searcher.told.values() if told is not None) == pytest.approx(
        sorted(ends.values())
    )


@pytest.mark.parametrize(
    ("rule", "limiter"),
    [(TABLE, "searcher"), (AdaptiveQuota(), "grid"), (AsyncHalving(2, 2), "searcher")],
    ids=["table", "adaptive", "asynchronous"],
)
def test_a_limit_that_counts_paused_trials_ends_and_is_warned_of(
    tmp_path: Path, rule: Any, limiter: str
) -> None:
    ends = Ends()
    limited: dict[str, Any] = {"search_alg": ConcurrencyLimiter(Listed(ROWS), 2), "num_samples": 6}
    if limiter == "grid":
        limited = {"search_alg": BasicVariantGenerator(max_concurrent=2)}
    with within(180), warned() as messages:
        sweep = fit(
            ALONE,
            {} if limiter == "searcher" else space(),
            tmp_path,
            scheduler=scheduler(rule),
            callbacks=[ends],
            **limited,
        )
    assert [message for message in messages if "counts paused trials" in message] == messages
    assert len(messages) == 1
    assert ends.left == {Trial.TERMINATED}
    assert steps_of(ends) == each_once(reached(sweep))
    assert len(reached(sweep)) == len(ENDS)


def test_asynchronous_halving_promotes_as_workers_come_free(tmp_path: Path) -> None:
    ends = Ends()
    with within(180):
        sweep = fit(
            losses, space(), tmp_path, scheduler=scheduler(AsyncHalving(1, 2)), callbacks=[ends]
        )
    assert steps_of(ends) == each_once(reached(sweep))
    assert ends.left == {Trial.TERMINATED}
    assert reached(sweep)["a"] >= 4
    assert {1} < set(reached(sweep).values()) <= {1, 2, 4, LENGTH}


@pytest.mark.chaos
def test_a_killed_sweep_goes_on_with_its_paused_trials(ray_address: str, tmp_path: Path) -> None:
    run_until_killed("killed_promotion", ray_address, str(tmp_path))
    with within(180):
        again = tune.Tuner.restore(
            str(tmp_path / "sweep"), trainable=losses, param_space=killed.space(tmp_path)
        )
        sweep = Sweep(again.fit())
    assert reached(sweep) == REACHED
    lines = [line for line in Journal(tmp_path / "journal.jsonl").read() if "run" in line]
    before: dict[str, list[int]] = {name: [] for name in ENDS}
    after: dict[str, list[int]] = {name: [] for name in ENDS}
    for line in lines:
        (after if line["pid"] == os.getpid() else before)[line["run"]].append(line["step"])
    assert before == each_once({"a": 4, "b": 2, "c": 4, "d": 3, "e": 2, "f": 4})
    assert after == {"a": [5, 6, 7, 8], "b": [], "c": [], "d": [3, 4, 5, 6, 7, 8], "e": [], "f": []}
    ended = tune.Tuner.restore(str(tmp_path / "sweep"), trainable=losses).get_results()
    assert reached(Sweep(ended)) == REACHED


def test_a_trial_whose_actor_cannot_be_used_again_is_not_waited_for(tmp_path: Path) -> None:
    """Ray ends it without a word to scheduler or searcher."""
    ends, searcher = Ends(), Listed(ROWS[:2])
    with within(180):
        sweep = fit(
            tune.with_resources(OnceLosses, {"cpu": 2}),
            {},
            tmp_path,
            scheduler=scheduler(RungTable({2: 2})),
            search_alg=searcher,
            num_samples=2,
            callbacks=[ends],
        )
    assert steps_of(ends) == each_once({"a": LENGTH})
    assert sorted(ends.left) == [Trial.ERROR, Trial.TERMINATED]
    (error,) = filter(None, sweep.errors)
    assert "reset_config" in str(error)
    assert sorted(searcher.told.values(), key=str) == [CURVES["a"][-1], None]
