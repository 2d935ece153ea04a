"""A time budget, or a stopper of the whole sweep, ends it while trials are paused."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ray import tune
from ray.tune.experiment import Trial

from tests.ray.killed_promotion import CURVES
from tests.ray.promoted import Ends, Listed, reached, saved, scheduler
from tests.ray.sweeps import Row, Sweep, fit, run, warned, within
from tests.ray.trainables import losses


class Clock:
    """Ray's clock of the time budget; it jumps by an hour when trials are paused and others run."""

    jump = 0.0

    def time(self) -> float:
        return time.time() + self.jump


class Enough(Ends, tune.Stopper):
    """Says when all have reported, two are paused and one runs that has gone on from a pause."""

    def __init__(self, clock: Clock | None) -> None:
        Ends.__init__(self)
        self.clock = clock
        self.has_come = False

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        statuses = [each.status for each in trials if "loss" in each.last_result]
        running = [each for each in trials if each.status == Trial.RUNNING]
        has_gone_on = any(each.last_result.get("training_iteration", 0) > 2 for each in running)
        all_report = len(statuses) == len(CURVES)
        if all_report and has_gone_on and statuses.count(Trial.PAUSED) >= 2:
            self.has_come = True
            if self.clock is not None:
                self.clock.jump = 3600.0

    def __call__(self, trial_id: str, result: Row) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.has_come


@pytest.mark.parametrize("by", ["time budget", "stopper"])
def test_a_sweep_that_is_ended_keeps_what_paused_trials_have(
    tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("ray.tune.stopper.timeout.time", clock)
    ends = Enough(clock if by == "time budget" else None)
    rows = [run(name, each, saves=1, pause_s=0.1) for name, each in CURVES.items()]
    searcher = Listed(rows)
    with within(180), warned() as messages:
        sweep = fit(
            losses,
            {},
            tmp_path,
            scheduler=scheduler(),
            search_alg=searcher,
            num_samples=len(rows),
            callbacks=[ends],
            stop=ends if by == "stopper" else None,
            time_budget_s=600 if by == "time budget" else None,
        )
    assert ends.left == {Trial.TERMINATED}
    assert messages == []
    assert searcher.told == {last["trial_id"]: last["loss"] for last in sweep.lasts}
    paused = [name for name in CURVES if "paused" in sweep.es(name)["reason"]]
    assert len(paused) >= 2
    for name in paused:
        assert sweep.es(name)["reason"] == f"paused at rung {sweep.steps(name)}"
        assert saved(sweep, name) == sweep.steps(name)
    best = sweep.grid.get_best_result("loss", "min")
    assert best.checkpoint is not None
    assert best.get_best_checkpoint("loss", "min") == best.checkpoint
    is_restored_as_it_ended(tmp_path, reached(sweep))


def is_restored_as_it_ended(storage: Path, steps: dict[str, int]) -> None:
    """Nobody goes on: Ray had ended those that ran, and the paused ones were no better."""
    again = tune.Tuner.restore(str(storage / "sweep"), trainable=losses)
    assert reached(Sweep(again.get_results())) == steps
    with within(180):
        assert reached(Sweep(again.fit())) == steps
