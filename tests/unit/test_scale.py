"""What a sweep of many trials costs: per decision, per finished trial, and to be saved."""

from __future__ import annotations

import gc
import pickle
import random
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from tune_es import (
    BelowMedian,
    BelowPercentile,
    Criterion,
    ParetoHalving,
    Patience,
    Policy,
    Referee,
    SuccessiveHalving,
)
from tune_es.packing import pack

STEPS = 100
#: The bound on what is kept of a finished trial.
MOST = 2048


def policy(stop: Criterion, **more: Any) -> Policy:
    others = {"accuracy": "max", "latency": "min"}
    return Policy("loss", "min", stop=stop, other_metrics=others, max_t=STEPS, **more)


def results(trial: int, steps: int = STEPS) -> Iterator[dict[str, object]]:
    draw = random.Random(trial)
    quality = draw.random()
    for step in range(1, steps + 1):
        loss = quality + 1 / step + draw.gauss(0, 0.01)
        values = {"loss": loss, "accuracy": 1 - loss, "latency": draw.random()}
        yield {**values, "training_iteration": step, "time_total_s": float(step)}


def run(referee: Referee, trials: range, steps: int = STEPS) -> None:
    """These run one after the other until they are stopped, or end by themselves."""
    for trial in trials:
        for result in results(trial, steps):
            if referee.report(f"{trial:08}", result).stop:
                break
        referee.forget(f"{trial:08}")


ALL_RUN: dict[str, Criterion] = {
    "own curve": Patience(STEPS),
    "peers": BelowPercentile(0, grace_period=STEPS),
}
AS_THEY_STOP: dict[str, Criterion] = {
    "median": BelowMedian(),
    "halving": SuccessiveHalving(),
    "pareto": ParetoHalving(("loss", "accuracy")),
}


@pytest.mark.parametrize("steps", [STEPS, STEPS - 1], ids=["stopped", "by itself"])
@pytest.mark.parametrize("rule", ALL_RUN.values(), ids=ALL_RUN)
def test_a_finished_trial_is_kept_in_two_kilobytes(rule: Criterion, steps: int) -> None:
    referee = Referee(policy(rule))
    run(referee, range(10), steps)
    tracemalloc.start()
    run(referee, range(10, 50), steps)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert 100 < grown / 40 < MOST


@pytest.mark.parametrize("rule", ALL_RUN.values(), ids=ALL_RUN)
def test_a_finished_trial_is_saved_in_two_kilobytes(rule: Criterion) -> None:
    referee = Referee(policy(rule))
    sizes = []
    for trials in (range(5), range(5, 30)):
        run(referee, trials)
        sizes.append(len(pickle.dumps(referee.snapshot())))
    assert (sizes[1] - sizes[0]) / 25 < MOST


@pytest.mark.parametrize("rule", AS_THEY_STOP.values(), ids=AS_THEY_STOP)
def test_a_decision_among_thousands_takes_as_long_as_among_a_hundred(rule: Criterion) -> None:
    """All come to the first rung, where each is judged among all before it."""
    referee, spent = Referee(policy(rule)), []
    for trial in range(2000):
        (result,) = results(trial, 1)
        start = time.thread_time()
        referee.report(str(trial), result)
        spent.append(time.thread_time() - start)
    assert statistics.median(spent[-300:]) < 3 * statistics.median(spent[100:400]) + 1e-4


def test_only_what_is_new_is_packed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    referee, packed = Referee(policy(Patience(STEPS))), [0]
    for trial in range(50):
        referee.report(str(trial), next(results(trial)))

    def counted(value: object) -> bytes | None:
        packed[0] += 1
        return pack(value)

    monkeypatch.setattr("tune_es.life.pack", counted)
    referee.snapshot()
    assert packed == [50]
    referee.report("7", [*results(7, 2)][1])
    back = Referee(referee.policy)
    back.restore(referee.snapshot())
    back.snapshot()
    assert packed == [51]
    back.report("7", [*results(7, 3)][2])
    sizes = [sum(map(len, each.snapshot()["lives"].values())) for each in (referee, back)]
    assert sizes[1] - sizes[0] < 300, "the policy is not packed with every trial"
