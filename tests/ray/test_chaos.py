"""Faults in real sweeps: nothing is lost and nothing decided otherwise, or an error says so first.

The same faults, more of them, make the table of ``python -m experiments.chaos``.
"""

from __future__ import annotations

import pytest

from experiments.chaos import damage, faults, others
from experiments.chaos.lives import Sweep
from experiments.chaos.outcome import Bench, Outcome
from experiments.chaos.suite import BUDGET_S, DIES, STUTTERS

pytestmark = pytest.mark.chaos
KILLS = 2


@pytest.fixture(scope="module")
def bench(ray_address: str, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(ray_address, tmp_path_factory.mktemp("chaos"))


def nothing_lost(outcome: Outcome) -> None:
    assert (outcome.lost, outcome.divergent, outcome.running) == (0, 0, 0), outcome
    assert outcome.tries > 0


@pytest.mark.parametrize("name", faults.KILLED)
def test_killed_drivers(bench: Bench, name: str) -> None:
    nothing_lost(faults.drivers(bench, name, KILLS))


@pytest.mark.parametrize("name", ["patience", "rung table"])
def test_killed_trials(bench: Bench, name: str) -> None:
    nothing_lost(faults.trials(bench, name, DIES))


@pytest.mark.parametrize("name", ["median", "adaptive quotas"])
def test_results_again_and_out_of_order(bench: Bench, name: str) -> None:
    nothing_lost(faults.stutters(bench, name, STUTTERS))


def test_a_clock_that_jumps(bench: Bench) -> None:
    nothing_lost(faults.clock(bench, "median"))


def test_a_full_disk(bench: Bench) -> None:
    nothing_lost(faults.disk(bench, "median"))


def test_two_sweeps_in_one_process(bench: Bench) -> None:
    nothing_lost(others.together(bench, ("patience", "median")))


def test_a_trial_that_hangs_is_named_to_whom_it_keeps_waiting(bench: Bench) -> None:
    outcome = others.hanging(bench, "adaptive quotas", BUDGET_S)
    nothing_lost(outcome)
    assert outcome.refused


@pytest.fixture(scope="module")
def killed(bench: Bench) -> Sweep:
    return damage.killed(bench, "median")


@pytest.mark.parametrize("fault", damage.DAMAGES)
def test_damaged_files(bench: Bench, killed: Sweep, fault: str) -> None:
    nothing_lost(damage.damaged(bench, fault, killed))


@pytest.mark.parametrize("fault", damage.CHECKPOINTS)
def test_damaged_checkpoints(bench: Bench, killed: Sweep, fault: str) -> None:
    outcome = damage.checkpoint(bench, fault, killed)
    nothing_lost(outcome)
    assert outcome.refused == 1
