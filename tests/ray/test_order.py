"""In which order Ray asks whom about one result, and what each is given."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from ray import tune
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import BasicVariantGenerator

from tests.ray.sweeps import Row, Sweep, expected, fit, run, run_of, runs
from tests.ray.trainables import losses, nested_losses
from tune_es import Patience, Policy, Target
from tune_es.ray import EarlyStoppingScheduler

ENDS, STOPPED = [3.0, 2.0], [3.0, 2.0, 2.5, 2.5, 2.5]


class Told(NamedTuple):
    """One call: who was called, about which run, and with what."""

    who: str
    run: str
    result: Row
    answer: object = None


class Witness(EarlyStoppingScheduler):
    """The scheduler, noting what it is told and scribbling into the results."""

    def __init__(self, told: list[Told], **fields: Any) -> None:
        super().__init__(**fields)
        self.told = told

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        seen = copy.deepcopy(result)
        word = super().on_trial_result(tune_controller, trial, result)
        self.told.append(Told("scheduler", run_of(trial), seen, word))
        result["from_scheduler"] = 1
        return word

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        self.told.append(Told("scheduler ends", run_of(trial), copy.deepcopy(result)))
        super().on_trial_complete(tune_controller, trial, result)


class WitnessStopper(tune.Stopper):
    def __init__(self, told: list[Told]) -> None:
        self.told = told

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        name = result["config"]["run"]["name"]
        self.told.append(Told("stopper", name, copy.deepcopy(result)))
        result["from_stopper"] = 1
        return False

    def stop_all(self) -> bool:
        return False


class WitnessSearch(BasicVariantGenerator):
    def __init__(self, told: list[Told]) -> None:
        super().__init__()
        self.told = told

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self.told.append(Told("search", result["config/run/name"], copy.deepcopy(result)))

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        assert result is not None
        self.told.append(Told("search ends", result["config/run/name"], copy.deepcopy(result)))


class WitnessCallback(tune.Callback):
    def __init__(self, told: list[Told]) -> None:
        self.told = told

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        self.told.append(Told("callback", run_of(trial), copy.deepcopy(result)))

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: Any
    ) -> None:
        self.told.append(Told("callback ends", run_of(trial), {}))


class Witnessed(NamedTuple):
    """A sweep and every call in it."""

    sweep: Sweep
    told: list[Told]

    def of(self, name: str) -> list[str]:
        return [each.who for each in self.told if each.run == name]

    def results(self, who: str, name: str) -> list[Row]:
        return [each.result for each in self.told if (each.who, each.run) == (who, name)]


@pytest.fixture(scope="module")
def one_sweep(tmp_path_factory: pytest.TempPathFactory) -> Witnessed:
    """A trial that ends by itself and one that is stopped, seen by everybody who is asked."""
    told: list[Told] = []
    sweep = fit(
        nested_losses,
        runs(run("ends", ENDS), run("stopped", STOPPED)),
        tmp_path_factory.mktemp("order"),
        scheduler=Witness(told, metric="val/loss", mode="min", stop=Patience(2)),
        search_alg=WitnessSearch(told),
        callbacks=[WitnessCallback(told)],
        stop=WitnessStopper(told),
    )
    return Witnessed(sweep, told)


def test_a_result_goes_to_stopper_scheduler_searcher_and_callbacks(one_sweep: Witnessed) -> None:
    assert one_sweep.of("ends")[:4] == ["stopper", "scheduler", "search", "callback"]


def test_the_last_result_of_a_stopped_trial_skips_the_searcher(one_sweep: Witnessed) -> None:
    assert one_sweep.of("stopped")[-6:] == [
        "stopper",
        "scheduler",
        "callback",
        "scheduler ends",
        "search ends",
        "callback ends",
    ]
    assert one_sweep.results("callback", "stopped")[-1]["done"] is True


def test_the_stopper_sees_the_last_result_of_a_natural_end_twice(one_sweep: Witnessed) -> None:
    seen = [
        (row["training_iteration"], row["done"]) for row in one_sweep.results("stopper", "ends")
    ]
    assert seen == [(1, False), (2, False), (2, True)]
    assert [row["training_iteration"] for row in one_sweep.results("scheduler", "ends")] == [1, 2]
    assert one_sweep.sweep.es("ends")["code"] == 0


def test_the_scheduler_gets_a_flat_copy_and_the_stopper_the_nested_original(
    one_sweep: Witnessed,
) -> None:
    assert one_sweep.results("stopper", "ends")[0]["val"] == {"loss": 3.0}
    assert one_sweep.results("scheduler", "ends")[0]["val/loss"] == 3.0
    assert "val" not in one_sweep.results("scheduler", "ends")[0]


def test_what_a_scheduler_writes_is_lost_and_es_comes_from_the_callback(
    one_sweep: Witnessed,
) -> None:
    for row in one_sweep.sweep.rows("stopped"):
        assert "from_scheduler" not in row
        assert row["from_stopper"] == 1
        assert row["es"]["best"] in (3.0, 2.0)


def test_the_decision_is_that_of_the_policy(one_sweep: Witnessed) -> None:
    policy = Policy("val/loss", "min", stop=Patience(2))
    assert one_sweep.sweep.numbers("stopped") == expected(policy, STOPPED)


@pytest.fixture(scope="module")
def stopped_beside(tmp_path_factory: pytest.TempPathFactory) -> Witnessed:
    """A sweep in which ``stop={}`` fires before the scheduler is asked."""
    told: list[Told] = []
    policy = {"metric": "loss", "mode": "min", "stop": Patience(2) | Target(0.5), "max_t": 9}
    scheduler = Witness(told, **policy)
    sweep = fit(
        losses,
        runs(
            run("goes on", [5, 4, 3, 2]),
            run("agrees", [5, 4, 0.5, 0.4]),
            run("earlier", [5, 0.5, 0.4, 0.3]),
        ),
        tmp_path_factory.mktemp("beside"),
        scheduler=scheduler,
        stop={"training_iteration": 3},
    )
    assert scheduler.debug_string() == "EarlyStopping: REACHED 2"
    return Witnessed(sweep, told)


def test_a_result_that_another_rule_stops_reaches_the_scheduler_only_at_the_end(
    stopped_beside: Witnessed,
) -> None:
    steps = [row["training_iteration"] for row in stopped_beside.results("scheduler", "goes on")]
    ends = [
        row["training_iteration"] for row in stopped_beside.results("scheduler ends", "goes on")
    ]
    assert (steps, ends) == ([1, 2], [3])


def test_that_result_is_judged_all_the_same(stopped_beside: Witnessed) -> None:
    sweep = stopped_beside.sweep
    assert sweep.es("goes on")["reason"] == "ended by another rule"
    assert sweep.numbers("goes on") == (3, 0, "none", 3, 3)
    assert sweep.numbers("agrees") == (3, 5, "REACHED", 0.5, 3)
    assert sweep.numbers("earlier") == (2, 5, "REACHED", 0.5, 2)
    assert [row["es"]["best"] for row in sweep.rows("goes on")] == [5, 4, 3]


class Chosen(NamedTuple):
    """What was waiting when the scheduler was asked, and what it answered."""

    pending: set[str]
    paused: set[str]
    answer: str | None


class Pauser(EarlyStoppingScheduler):
    """Somebody who pauses a trial once, at step 2; the scheduler itself never pauses."""

    def __init__(self, pauses: set[str], **fields: Any) -> None:
        super().__init__(**fields)
        self.pauses = pauses
        self.added: list[str] = []
        self.chosen: list[Chosen] = []

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        self.added.append(run_of(trial))
        super().on_trial_add(tune_controller, trial)

    def on_trial_result(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> str:
        word = super().on_trial_result(tune_controller, trial, result)
        if result["training_iteration"] == 2 and run_of(trial) in self.pauses:
            self.pauses.remove(run_of(trial))
            return TrialScheduler.PAUSE
        return word

    def choose_trial_to_run(self, tune_controller: TuneController) -> Trial | None:
        trial = super().choose_trial_to_run(tune_controller)

        def waiting(status: str) -> set[str]:
            trials = tune_controller.get_trials()
            return {run_of(each) for each in trials if each.status == status}

        answer = None if trial is None else run_of(trial)
        self.chosen.append(Chosen(waiting(Trial.PENDING), waiting(Trial.PAUSED), answer))
        return trial


class Paused(NamedTuple):
    sweep: Sweep
    scheduler: Pauser


NAMES = ["c forgets", "b saves", "a plain", "d plain"]


@pytest.fixture(scope="module")
def paused(tmp_path_factory: pytest.TempPathFactory) -> Paused:
    scheduler = Pauser({"c forgets", "b saves"}, metric="loss", mode="min", stop=Patience(3))
    each = [run(name, [5, 4, 4, 4, 4, 4], saves=name.endswith("saves")) for name in NAMES]
    one_at_a_time: Callable[..., Any] = tune.with_resources(losses, {"cpu": 2})
    sweep = fit(one_at_a_time, runs(*each), tmp_path_factory.mktemp("paused"), scheduler=scheduler)
    return Paused(sweep, scheduler)


def test_trials_start_in_the_order_they_were_added_and_paused_ones_last(paused: Paused) -> None:
    chosen = paused.scheduler.chosen
    for each in chosen:
        if each.pending:
            assert each.answer == next(name for name in NAMES if name in each.pending)
        elif each.paused:
            assert each.answer in each.paused
        else:
            assert each.answer is None
    assert any(each.pending and each.paused for each in chosen)
    assert any(each.paused and not each.pending for each in chosen)


def test_a_trial_that_somebody_paused_is_resumed_without_being_added_again(paused: Paused) -> None:
    assert sorted(paused.scheduler.added) == sorted(NAMES)
    assert {last["done"] for last in paused.sweep.lasts} == {True}


def test_a_paused_trial_without_a_checkpoint_replays_its_steps_uncounted(paused: Paused) -> None:
    def steps(name: str) -> list[int]:
        return [row["training_iteration"] for row in paused.sweep.rows(name)]

    assert steps("c forgets") == [1, 2, 1, 2, 3, 4, 5]
    assert steps("b saves") == [1, 2, 3, 4, 5]
    numbers = {name: paused.sweep.numbers(name) for name in NAMES}
    assert set(numbers.values()) == {(5, 3, "STALLED", 4, 2)}
