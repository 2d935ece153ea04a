from __future__ import annotations

import math
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.random import mtrand

from benchmarks.syne_tune_simulator import measure, table
from experiments import extras
from experiments.benchmark.syne_tune_peers import PEERS, SyneTuneScheduler
from experiments.extras import MissingExtraError
from tests.builders import refusal
from tune_es import Action
from tune_es.replay import Cluster, Task, replay, task_curves

NAN = math.nan
TASK = Task("made", "task", "loss", "min", 9)
REASON = "Syne Tune is not installed: pip install 'tune-es[peers]'"

#: Nine steps of the same loss. With rungs at 1, 3 and 9 and one worker: the first of a rung
#: always passes, and then who has at most a third of the rung below it, itself in the count. Of
#: 2 and of 3 the new one is the best; of 4 it has 3 below it; of 5, 2; of 6, 1; and of 7 the
#: last has 2 (ties are not below). At the second rung the sixth has 1 of 4 below it and passes,
#: the last 2 of 5.
LOSSES = (0.5, 0.4, 0.3, 0.6, 0.45, 0.35, 0.4)
HALVED = [9, 9, 9, 1, 1, 9, 3]

#: Under the median rule the first four pass, as five have to be known at a step; of 5 the fifth
#: has 2 below it, at most half; of 6 the sixth has 4.
RANKED = (0.5, 0.4, 0.3, 0.6, 0.45, 0.55)


@pytest.fixture
def syne_tune() -> Any:
    return pytest.importorskip("syne_tune", reason=REASON)


def reached(
    name: str, curves: Sequence[Sequence[float]], mode: str = "min", workers: int = 1
) -> list[int]:
    stream = task_curves(curves, "loss", mode)
    run = replay(PEERS[name](stream.task, len(curves)), stream, Cluster(workers))
    return [int(last) for last in run.reached]


def flat(losses: Sequence[float], steps: int = 9) -> list[list[float]]:
    return [[loss] * steps for loss in losses]


@pytest.mark.usefixtures("syne_tune")
def test_asha_known_answer() -> None:
    assert reached("syne-tune-asha-1-3", flat(LOSSES)) == HALVED


@pytest.mark.usefixtures("syne_tune")
def test_asha_with_a_later_first_rung() -> None:
    # Rungs at 5 and 15: the second trial is the worse of two at the first.
    assert reached("syne-tune-asha-5-3", flat((0.3, 0.6), steps=20)) == [20, 5]
    assert reached("syne-tune-asha-3-3", flat((0.3, 0.6), steps=20)) == [20, 3]


@pytest.mark.usefixtures("syne_tune")
def test_a_grace_period_beyond_the_budget_stops_nothing_before_it() -> None:
    assert reached("syne-tune-asha-5-3", flat((0.3, 0.6), steps=2)) == [2, 2]


@pytest.mark.usefixtures("syne_tune")
def test_median_known_answer() -> None:
    assert reached("syne-tune-median", flat(RANKED)) == [9, 9, 9, 9, 9, 1]
    assert reached("syne-tune-median-3", flat(RANKED)) == [9, 9, 9, 9, 9, 3]


@pytest.mark.usefixtures("syne_tune")
def test_the_median_rule_ranks_the_mean_so_far() -> None:
    # Of 6, 4 are below its value at step 2, and 3 below its mean of 0.5, at most half; the mean
    # of step 3 is above 0.5.
    assert reached("syne-tune-median", [*flat(RANKED[:5]), [0.45] + [0.55] * 8])[-1] == 3


@pytest.mark.usefixtures("syne_tune")
@pytest.mark.parametrize("name", PEERS)
def test_max_mirrors_min(name: str) -> None:
    mirrored = flat([-loss for loss in LOSSES])
    assert reached(name, flat(LOSSES), workers=3) == reached(name, mirrored, "max", workers=3)


@pytest.mark.usefixtures("syne_tune")
def test_its_own_simulator_decides_the_same() -> None:
    draw = np.random.default_rng(0)
    curves = np.minimum.accumulate(draw.random((40, 12)), axis=1)
    speeds = measure(task_curves(curves.tolist(), "loss", "min"), trials=40, workers=1)
    judged = {(one.simulator.split()[0], one.policy): one.steps for one in speeds}
    for policy in ("Syne Tune ASHA 1/3", "Syne Tune median"):
        assert 40 < judged["Syne", policy] == judged["tune_es", policy] < 480
    assert all(one.curves == 40 and one.curves_per_s > 0 for one in speeds)
    assert table(speeds).count("\n") == len(speeds) + 2


@pytest.mark.usefixtures("syne_tune")
def test_a_table_of_theirs_has_no_gaps() -> None:
    ragged = task_curves([[0.1, 0.2], [0.1]], "loss", "min")
    assert refusal(measure, ragged, trials=2) == "task 'task' has curves of unequal lengths"


@pytest.mark.usefixtures("syne_tune")
def test_brackets_are_drawn_without_touching_the_global_generator() -> None:
    before = str(mtrand.get_bit_generator().state)
    stream = task_curves(flat(np.linspace(1, 0, 40).tolist()), "loss", "max")
    runs = [replay(PEERS["syne-tune-hyperband-3"](stream.task, 40), stream) for _ in range(2)]
    assert str(mtrand.get_bit_generator().state) == before
    assert runs[0].events == runs[1].events
    assert {int(steps) for steps in runs[0].reached} >= {1, 3, 9}  # one first rung a bracket


@pytest.mark.usefixtures("syne_tune")
def test_the_end_of_a_trial_is_told_as_its_tuner_tells_it() -> None:
    told: list[tuple[str, int]] = []

    class Told:
        def on_trial_add(self, trial: Any) -> None:
            told.append(("add", trial.trial_id))

        def on_trial_result(self, trial: Any, result: Any) -> str:
            return "STOP" if result["loss"] > 0.5 else "CONTINUE"

        def on_trial_error(self, trial: Any) -> None:
            told.append(("error", trial.trial_id))

        def on_trial_remove(self, trial: Any) -> None:
            told.append(("remove", trial.trial_id))

        def on_trial_complete(self, trial: Any, result: dict[str, Any]) -> None:
            told.append(("complete", trial.trial_id + 100 * int(result["training_iteration"])))

    peer = SyneTuneScheduler(Told())
    for trial_id in ("done", "stopped", "crashed", "never started"):
        peer.add(trial_id, {})
    assert peer.report("done", {"training_iteration": 4, "loss": 0.1}) is Action.CONTINUE
    assert peer.report("stopped", {"training_iteration": 1, "loss": 0.9}) is Action.STOP
    for trial_id in ("done", "stopped", "crashed", "never started"):
        peer.end(trial_id, failed=trial_id == "crashed")
    assert told[4:] == [("complete", 400), ("remove", 1), ("error", 2), ("remove", 3)]


@pytest.mark.usefixtures("syne_tune")
def test_a_scheduler_that_pauses_is_refused() -> None:
    class Pausing:
        def on_trial_add(self, trial: Any) -> None:
            pass

        def on_trial_result(self, trial: Any, result: Any) -> str:
            return "PAUSE"

    peer = SyneTuneScheduler(Pausing())
    peer.add("one", {})
    message = refusal(peer.report, "one", {"training_iteration": 1})
    assert message == "Pausing paused trial 'one'; the adapter cannot resume it"


@pytest.mark.usefixtures("syne_tune")
@pytest.mark.parametrize("name", PEERS)
def test_ragged_broken_and_failing_streams_end(name: str) -> None:
    curves = [
        [NAN if (trial * step) % 17 == 16 else 1.0 / (trial + step) for step in range(1, 4 + trial)]
        for trial in range(16)
    ]
    curves[3] = [math.inf, -math.inf, 1e308, 1e308, 1e308]
    stream = task_curves(curves, "loss", "min", max_t=12)
    cluster = Cluster(4, failure_rate=0.05, max_failures=1, checkpoint_every=2)
    runs = [replay(PEERS[name](stream.task, 16), stream, cluster, seed=3) for _ in range(2)]
    assert runs[0].events == runs[1].events
    assert (runs[0].reached <= stream.lengths).all()
    assert runs[0].reached.max() > 1


def test_what_to_install_is_said_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda module: None)
    for name in PEERS:
        with pytest.raises(MissingExtraError, match=r"^syne_tune is not installed: pip install"):
            PEERS[name](TASK, 100)


def test_the_modules_import_without_it() -> None:
    code = (
        "import sys; sys.modules['syne_tune'] = None; from experiments.benchmark import "
        "syne_tune_peers; assert syne_tune_peers.PEERS; import benchmarks.syne_tune_simulator"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
