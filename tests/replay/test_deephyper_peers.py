from __future__ import annotations

import importlib
import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from experiments import extras
from experiments.benchmark.deephyper_peers import PEERS
from experiments.extras import MissingExtraError
from tune_es import Action
from tune_es.replay import Cluster, Task, replay, task_curves

NAN = math.nan
TASK = Task("made", "task", "loss", "min", 9)
REASON = "DeepHyper is not installed: pip install 'tune-es[peers]'"

#: Nine steps of the same loss. With rungs at 1, 3 and 9 and one worker: the first three are each
#: the best so far; of 4 and of 5 at the first rung one may pass, and the fourth and the fifth are
#: not it; of 6 two may, and the sixth is the second, but of 4 at the second rung it is not the
#: best; the last one beats all.
LOSSES = (0.5, 0.4, 0.3, 0.6, 0.45, 0.35, 0.25)
HALVED = [9, 9, 9, 1, 1, 3, 9]


@pytest.fixture
def deephyper() -> Any:
    return pytest.importorskip("deephyper.stopper", reason=REASON)


def reached(
    name: str, losses: Sequence[float], mode: str = "min", steps: int = 9, workers: int = 1
) -> list[int]:
    stream = task_curves([[loss] * steps for loss in losses], "loss", mode)
    run = replay(PEERS[name](stream.task, len(losses)), stream, Cluster(workers))
    return [int(last) for last in run.reached]


@pytest.mark.usefixtures("deephyper")
def test_halving_known_answer() -> None:
    assert reached("deephyper-sha", LOSSES) == HALVED


@pytest.mark.usefixtures("deephyper")
def test_max_mirrors_min() -> None:
    for name in PEERS:
        mirrored = reached(name, [-loss for loss in LOSSES], mode="max", workers=3)
        assert reached(name, LOSSES, workers=3) == mirrored


def test_its_own_evaluator_decides_the_same(deephyper: Any) -> None:
    evaluators: Any = importlib.import_module("deephyper.evaluator")
    steps = [0] * len(LOSSES)

    async def run(job: Any) -> float:
        number = job.parameters["trial"]
        for step in range(1, 10):
            job.record(step, -LOSSES[number])
            steps[number] = step
            if job.stopped():
                break
        return float(job.objective)

    evaluator = evaluators.SerialEvaluator(run, num_workers=1)
    evaluator._stopper = deephyper.SuccessiveHalvingStopper(max_steps=9)  # as its searches set it
    evaluator.submit([{"trial": number} for number in range(len(LOSSES))])
    evaluator.gather("ALL")
    evaluator.close()

    assert steps == HALVED == reached("deephyper-sha", LOSSES)


@pytest.mark.usefixtures("deephyper")
def test_rungs_of_a_later_start_are_added_not_multiplied() -> None:
    # Rungs at 5, 7 and 13: the worst of two is stopped at the first.
    assert reached("deephyper-sha-5", (0.3, 0.6), steps=20) == [20, 5]


@pytest.mark.usefixtures("deephyper")
def test_ties_go_on() -> None:
    assert reached("deephyper-sha", [0.5] * 5) == [9] * 5


@pytest.mark.usefixtures("deephyper")
def test_the_median_waits_for_ten_competitors() -> None:
    nine = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    assert reached("deephyper-median", nine) == [9] * 9
    # The tenth is below the median of the ten; the eleventh above that of the eleven, and alone
    # at the next rung.
    assert reached("deephyper-median", [*nine, 0.95, 0.05]) == [9] * 9 + [1, 9]
    assert reached("deephyper-median-3", [*nine, 0.95, 0.05]) == [9] * 9 + [3, 9]


@pytest.mark.usefixtures("deephyper")
def test_the_constant_stopper_halves_the_budget() -> None:
    assert reached("deephyper-constant", (0.5, 0.1)) == [5, 5]


@pytest.mark.usefixtures("deephyper")
def test_a_value_that_is_not_finite_is_a_failure_and_beats_nobody() -> None:
    # A NaN kept as a number would sort above every other and stop them all.
    for broken in (NAN, math.inf, -math.inf):
        assert reached("deephyper-sha", (broken, 0.5, 0.4)) == [1, 9, 9]


@pytest.mark.usefixtures("deephyper")
def test_a_failed_trial_leaves_its_rungs() -> None:
    peer = PEERS["deephyper-sha"](TASK, 2)
    result = {"training_iteration": 1, "loss": 0.1}
    peer.add("crashed", {})
    assert peer.report("crashed", result) is Action.CONTINUE
    peer.end("crashed", failed=True)
    peer.add("worse", {})
    assert peer.report("worse", {**result, "loss": 0.5}) is Action.CONTINUE
    peer.add("worst", {})
    assert peer.report("worst", {**result, "loss": 0.9}) is Action.STOP
    peer.end("never started", failed=True)


@pytest.mark.usefixtures("deephyper")
def test_sweeps_do_not_share_a_storage() -> None:
    assert [reached("deephyper-sha", (0.6,)) for _ in range(2)] == [[9], [9]]
    first, second = (PEERS["deephyper-sha"](TASK, 1) for _ in range(2))
    for peer, loss in ((first, 0.1), (second, 0.9)):
        peer.add("one", {})
        assert peer.report("one", {"training_iteration": 1, "loss": loss}) is Action.CONTINUE


@pytest.mark.usefixtures("deephyper")
@pytest.mark.parametrize("name", PEERS)
def test_ragged_broken_and_failing_streams_end(name: str) -> None:
    curves = [
        [NAN if (trial * step) % 17 == 16 else 1.0 / (trial + step) for step in range(1, 4 + trial)]
        for trial in range(16)
    ]
    stream = task_curves(curves, "loss", "min", max_t=12)
    cluster = Cluster(4, failure_rate=0.05, max_failures=1, checkpoint_every=2)
    runs = [replay(PEERS[name](stream.task, 16), stream, cluster, seed=3) for _ in range(2)]
    assert runs[0].events == runs[1].events
    assert (runs[0].reached <= stream.lengths).all()
    assert runs[0].reached.max() > 1


def test_what_to_install_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    for name in PEERS:
        with pytest.raises(MissingExtraError, match=r"^deephyper is not installed: pip install"):
            PEERS[name](TASK, 100)


def test_the_module_imports_without_it() -> None:
    code = (
        "import sys; sys.modules['deephyper'] = None; from experiments.benchmark import "
        "deephyper_peers; assert deephyper_peers.PEERS"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
