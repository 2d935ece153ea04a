from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.benchmark.baselines import (
    PEERS,
    SyncHalving,
    halving_table,
    top_k,
    top_k_table,
)
from tests.builders import refusal
from tune_es import Action
from tune_es.replay import Cluster, Run, Task, replay, task_curves

NAN = math.nan
TASK = Task("made", "task", "loss", "min", 4)


def halved(
    curves: Sequence[Sequence[float]],
    rungs: Mapping[int, int],
    mode: str = "min",
    max_t: int | None = None,
    cluster: Cluster | None = None,
) -> Run:
    stream = task_curves(curves, "loss", mode, max_t)
    return replay(SyncHalving(stream.task, rungs), stream, cluster or Cluster(2))


def reached(
    curves: Sequence[Sequence[float]], rungs: Mapping[int, int], mode: str = "min"
) -> list[int]:
    return [int(steps) for steps in halved(curves, rungs, mode).reached]


def flat(*values: float, steps: int = 4) -> list[list[float]]:
    return [[value] * steps for value in values]


KNOWN: dict[str, tuple[list[list[float]], dict[int, int], list[int]]] = {
    "the best two go on": (flat(0.5, 0.2, 0.4, 0.3), {1: 2}, [1, 4, 1, 4]),
    "two rungs": (flat(0.5, 0.2, 0.4, 0.3), {1: 3, 2: 1}, [1, 4, 2, 2]),
    "the best value counts, not the last": (
        [[0.5, 0.5, 0.5, 0.5], [0.1, 0.9, 0.9, 0.9]],
        {2: 1},
        [2, 4],
    ),
    "what comes after the rung does not": (
        [[0.5, 0.5, 0.5, 0.5], [0.6, 0.6, 0.0, 0.0]],
        {2: 1},
        [4, 2],
    ),
    "of equals the first goes on": (flat(0.4, 0.4, 0.4), {1: 2}, [4, 4, 1]),
    "NaN comes last": (flat(NAN, 0.9, NAN), {1: 1}, [1, 4, 1]),
    "so does an infinity": (flat(-math.inf, 0.9, math.inf), {1: 1}, [1, 4, 1]),
    "what diverged after a good start comes last": (
        [[0.1, NAN, NAN, NAN], [0.9, 0.9, 0.9, 0.9]],
        {2: 1},
        [2, 4],
    ),
    "what came back from NaN does not": (
        [[NAN, 0.1, 0.1, 0.1], [0.9, 0.9, 0.9, 0.9]],
        {2: 1},
        [4, 2],
    ),
    "NaN goes on where nothing else is left": (flat(NAN, 0.9), {1: 2}, [4, 4]),
    "fewer trials than places": (flat(0.5, 0.4), {1: 33, 2: 11}, [4, 4]),
    "one trial": (flat(0.5), {1: 1}, [4]),
    "rungs at and beyond the budget are dropped": (flat(0.5, 0.4), {4: 1, 9: 1}, [4, 4]),
    "no rung": (flat(0.5, 0.4), {}, [4, 4]),
    "a trial that ended takes no place": (
        [[0.1], [0.5] * 4, [0.4] * 4, [0.3] * 4],
        {2: 1},
        [1, 2, 2, 4],
    ),
    "one that is cut at the rung": ([[0.1] * 2, [0.5] * 4, [0.4] * 4], {2: 1}, [2, 2, 2]),
    "all ended before the rung": ([[0.1], [0.2]], {2: 1}, [1, 1]),
}


@pytest.mark.parametrize(("curves", "rungs", "expected"), KNOWN.values(), ids=KNOWN)
def test_known_answers(
    curves: list[list[float]], rungs: dict[int, int], expected: list[int]
) -> None:
    assert reached(curves, rungs) == expected


@pytest.mark.parametrize(("curves", "rungs", "expected"), KNOWN.values(), ids=KNOWN)
def test_max_mirrors_min(
    curves: list[list[float]], rungs: dict[int, int], expected: list[int]
) -> None:
    mirrored = [[-value for value in each] for each in curves]
    assert reached(mirrored, rungs, mode="max") == expected


def test_the_costs_of_methods_md() -> None:
    curves = [[float(trial)] * 51 for trial in range(100)]
    stream = task_curves(curves, "loss", "min")
    costs = {
        name: round(replay(PEERS[name](stream.task, 100), stream).steps.sum() / 5100, 3)
        for name in ("top-k-11-10", "sync-halving-4-12-36", "top-k-10-10")
    }
    assert costs == {"top-k-11-10": 0.294, "sync-halving-4-12-36": 0.194, "top-k-10-10": 0.276}


TABLES = st.dictionaries(st.integers(1, 14), st.integers(1, 12), max_size=4)
VALUES = st.lists(st.sampled_from([0.1, 0.2, 0.3, NAN]), min_size=1, max_size=12)


@given(VALUES, TABLES, st.integers(1, 12), st.integers(1, 5), st.sampled_from([None, 1, 3]))
def test_total_steps_in_closed_form(
    values: list[float], rungs: dict[int, int], max_t: int, workers: int, ahead: int | None
) -> None:
    expected, alive, done = 0, len(values), 0
    for steps, keep in sorted(rungs.items()):
        if steps < max_t:
            expected += alive * (steps - done)
            alive, done = min(alive, keep), steps
    expected += alive * (max_t - done)

    cluster = Cluster(workers, ahead=ahead)
    run = halved(flat(*values, steps=max_t), rungs, cluster=cluster)

    assert int(run.steps.sum()) == expected
    assert int((run.reached == max_t).sum()) == alive


RAGGED = st.lists(
    st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, NAN]), min_size=1, max_size=8),
    min_size=1,
    max_size=10,
)


@given(RAGGED, TABLES, st.integers(2, 6), st.sampled_from([None, 2]))
def test_the_decisions_do_not_depend_on_the_workers(
    curves: list[list[float]], rungs: dict[int, int], workers: int, ahead: int | None
) -> None:
    alone = halved(curves, rungs, max_t=7, cluster=Cluster(1))
    many = halved(curves, rungs, max_t=7, cluster=Cluster(workers, ahead=ahead))
    assert alone.reached.tolist() == many.reached.tolist()


def test_a_failed_trial_takes_no_place() -> None:
    halving = SyncHalving(TASK, {1: 1})
    for trial_id in ("good", "bad", "worse"):
        halving.add(trial_id, {})
    said = [
        halving.report(trial_id, {"training_iteration": 1, "loss": loss})
        for trial_id, loss in (("bad", 0.5), ("worse", 0.9))
    ]
    assert said == [Action.PAUSE, Action.PAUSE]
    assert halving.choose([], ["bad", "worse"]) is None  # "good" still runs

    halving.end("good", failed=True)

    assert halving.choose([], ["bad", "worse"]) == "bad"
    assert halving.choose([], ["worse"]) is None


def test_what_is_lost_and_starts_again_passes_its_rungs() -> None:
    halving = SyncHalving(TASK, {1: 1, 2: 1})
    halving.add("one", {})
    result = {"training_iteration": 1, "loss": 0.5}
    assert halving.report("one", result) is Action.PAUSE
    assert halving.choose([], ["one"]) == "one"
    assert halving.choose(["one"], []) == "one"  # lost, and waits to start from step 1
    assert halving.report("one", result) is Action.CONTINUE
    assert halving.report("one", {**result, "training_iteration": 2}) is Action.PAUSE


@pytest.mark.parametrize("name", PEERS)
def test_every_one_of_them_ends_with_failures(name: str) -> None:
    curves = [[1.0 / (trial + step + 1) for step in range(20)] for trial in range(30)]
    stream = task_curves(curves, "loss", "min")
    for retries, checkpoints in ((0, 1), (3, 0)):
        cluster = Cluster(4, failure_rate=0.05, max_failures=retries, checkpoint_every=checkpoints)
        run = replay(PEERS[name](stream.task, 30), stream, cluster, seed=1)
        full = {at for at, steps in enumerate(run.reached) if steps == 20}
        assert full
        assert not full & set(run.failed)
        assert len(run.failed) < 30


def test_a_result_without_the_metric_ranks_last() -> None:
    halving = top_k(TASK, first_steps=1, keep=1)
    for trial_id, result in (("silent", {}), ("bad", {"loss": 9.0})):
        halving.add(trial_id, {})
        assert halving.report(trial_id, {"training_iteration": 1, **result}) is Action.PAUSE
    assert halving.choose([], ["silent", "bad"]) == "bad"


@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(0.01, 1), st.integers(2, 5))
def test_a_scaled_table_narrows_and_fits(
    trials: int, max_t: int, first: float, factor: int
) -> None:
    table = halving_table(trials, max_t, first, factor)
    assert all(1 <= steps < max_t for steps in table)
    keeps = [table[steps] for steps in sorted(table)]
    assert keeps == sorted(keeps, reverse=True)
    assert all(1 <= keep <= max(1, trials) for keep in keeps)
    assert [b / a for a, b in zip(table, list(table)[1:], strict=False)] == [factor] * (
        len(table) - 1 if table else 0
    )


@pytest.mark.parametrize(
    ("trials", "max_t", "expected"),
    [(100, 51, {10: 10}), (100, 300, {60: 10}), (25, 5, {1: 2}), (1, 1, {1: 1})],
)
def test_a_scaled_top_k(trials: int, max_t: int, expected: dict[int, int]) -> None:
    assert top_k_table(trials, max_t) == expected


REFUSED = {
    "no step": ({0: 3}, "SyncHalving.rungs must be a whole number of at least 1, got 0"),
    "half a step": ({2.5: 3}, "SyncHalving.rungs must be a whole number of at least 1, got 2.5"),
    "no place": ({4: 0}, "SyncHalving.rungs[4] must be a whole number of at least 1, got 0"),
}


@pytest.mark.parametrize(("rungs", "message"), REFUSED.values(), ids=REFUSED)
def test_refused_tables(rungs: dict[int, int], message: str) -> None:
    assert refusal(SyncHalving, TASK, rungs) == message


def test_refused_scales() -> None:
    assert "halving_table.factor" in refusal(halving_table, 100, 51, factor=1)
    assert "halving_table.first" in refusal(halving_table, 100, 51, first=0)
    assert "halving_table.trials" in refusal(halving_table, 0, 51)
    assert "top_k_table.share_kept" in refusal(top_k_table, 100, 51, share_kept=1.5)
    assert "top_k_table.max_t" in refusal(top_k_table, 100, 0)
