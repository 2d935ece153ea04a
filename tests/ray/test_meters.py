"""The meters where nobody fetches them, and what Ray's pickling finds of them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from ray.tune.experiment import Trial

from tests.ray.sweeps import fit, run, runs
from tests.ray.trainables import losses
from tune_es import Patience, Policy
from tune_es.ray import EarlyStoppingCallback, EarlyStoppingScheduler
from tune_es.ray.judge import Judge
from tune_es.ray.meters import Meters, bearable
from tune_es.ray.monitor import Watched

ROOT = Path(__file__).resolve().parents[2]
POLICY = Policy("loss", "min", stop=Patience(2), max_t=5, price_per_hour=1.0)
#: Names that a folder or a metric may have.
HOSTILE = (
    "Gr\u00f6\u00dfe", "\u7cbe\u5ea6", "\udcff", "a\x00b\nc", '"} 1\n# {"', "\\", "z" * 5000, " ",
)  # fmt: skip


def watched_by_hand(name: str = "loss") -> Judge:
    """One trial that is judged until it is stopped, and all that a monitor is told of it."""
    policy = replace(POLICY, metric=name)
    judge, meters = Judge(policy), Meters()
    trial = Trial("losses", trial_id="a", stub=True)
    meters.on_step([trial])
    meters.begin(Watched(f"by hand {name}", policy, 1, None, judge))
    meters.on_start(trial)
    for step, loss in enumerate([0.5, 0.6, 0.7], start=1):
        result = {"training_iteration": step, name: loss, "time_this_iter_s": 0.1}
        meters.on_result(trial, result, judge.judge("a", result))
        meters.on_step([trial])
    meters.on_end(trial, False, judge.referee.last("a"))
    meters.close([trial])
    meters.close([trial])
    return judge


def test_without_a_ray_they_work_and_say_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c",
         "from tests.ray.test_meters import watched_by_hand; watched_by_hand()"],
        cwd=ROOT, capture_output=True, check=False, text=True, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_of_a_user_raises(name: str) -> None:
    assert watched_by_hand(name).referee.judged == 3
    shown = bearable(name)
    assert shown.isascii()
    assert shown.isprintable()
    assert 0 < len(shown) <= 200


def test_who_listens_to_a_judge_is_not_pickled_with_it() -> None:
    judge = watched_by_hand()
    assert judge.on_decision is not None
    copy = pickle.loads(pickle.dumps(judge))
    assert copy.on_decision is None
    assert copy.referee.judged == 3


@pytest.mark.parametrize("wanted", [True, False])
def test_the_callback_brings_them_along_where_they_are_wanted(tmp_path: Path, wanted: bool) -> None:
    scheduler = EarlyStoppingScheduler(POLICY)
    fit(
        losses,
        runs(run("a", [0.5, 0.6, 0.7, 0.8])),
        tmp_path,
        scheduler=scheduler,
        callbacks=[EarlyStoppingCallback(metrics=wanted)],
    )
    judge = scheduler._judge
    assert judge is not None
    assert (judge.on_decision is not None) == wanted
