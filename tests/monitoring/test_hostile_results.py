"""Whatever trials report and are configured with, the objects that Ray calls bear it."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ray.tune.experiment import Trial

from tests.monitoring.test_events import hostile
from tune_es import Patience, Policy
from tune_es.monitoring import read_experiment
from tune_es.ray import EarlyStopper
from tune_es.ray.event_log import EventLog
from tune_es.ray.judge import Judge
from tune_es.ray.monitor import Watched

POLICY = Policy(
    "loss", "min", stop=Patience(2), other_metrics={"val/f1": "max"}, max_t=5, cost_attr="usd"
)
NAMES = (
    "loss",
    "val",
    "val/f1",
    "usd",
    "time_total_s",
    "time_this_iter_s",
    "config",
    "es",
    "other",
)
RESULTS = st.lists(st.dictionaries(st.sampled_from(NAMES), hostile, max_size=4), max_size=4)


@settings(max_examples=60)
@given(results=RESULTS, steps=st.lists(st.integers(0, 3) | hostile, min_size=4, max_size=4))
def test_no_result_raises(results: list[dict[str, Any]], steps: list[Any]) -> None:
    stopper, judge = EarlyStopper(POLICY), Judge(POLICY)
    stopper("trial", {"training_iteration": 0, "loss": 1.0})
    judge.admit("trial", None)
    for step, result in zip(steps, results, strict=False):
        row = {**result, "training_iteration": step}
        assert judge.columns("trial", row).keys() >= {"reason", "code", "best"}
        assert stopper("trial", row) in (True, False)


@settings(max_examples=60)
@given(config=st.dictionaries(st.text(max_size=3), hostile, max_size=3), results=RESULTS)
def test_all_of_it_is_logged(config: dict[str, Any], results: list[dict[str, Any]]) -> None:
    trial, log = Trial("train", config={**config, "lr": 0.1}, trial_id="t", stub=True), EventLog()
    with TemporaryDirectory() as folder:
        log.begin(Watched("sweep", POLICY, 1, folder, None))
        log.on_start(trial)
        for step, result in enumerate(results, start=1):
            log.on_result(trial, {"loss": 0.5, **result, "training_iteration": step}, None)
        log.on_result(trial, {"loss": 0.5, "training_iteration": 9}, None)
        log.close([trial])
        (read,) = read_experiment(Path(folder)).trials
    assert read.config["lr"] == 0.1
    assert read.steps == [*range(1, len(results) + 1), 9]
