"""Ray's own callbacks for trackers show the ``es/*`` values where ours is named before them."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
from mlflow.tracking import MlflowClient
from ray.air.integrations.mlflow import MLflowLoggerCallback

from tests.ray.sweeps import fit, run, runs
from tests.ray.trainables import losses
from tune_es import Patience, Policy
from tune_es.ray import EarlyStoppingCallback, EarlyStoppingScheduler

POLICY = Policy("loss", "min", stop=Patience(2), max_t=8)
STALLS = [0.9, 0.5, 0.6, 0.6, 0.6]


def test_mlflow_has_the_numbers_of_every_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    store = (tmp_path / "mlruns").as_uri()
    logger = MLflowLoggerCallback(tracking_uri=store, experiment_name="sweep")
    fit(
        losses,
        runs(run("stalls", STALLS)),
        tmp_path,
        scheduler=EarlyStoppingScheduler(POLICY),
        callbacks=[EarlyStoppingCallback(), logger],
    )
    client = MlflowClient(tracking_uri=store)
    (known,) = [each for each in client.search_experiments() if each.name == "sweep"]
    (stalled,) = client.search_runs([known.experiment_id])
    codes = client.get_metric_history(stalled.info.run_id, "es/code")
    bests = client.get_metric_history(stalled.info.run_id, "es/best")
    assert [each.value for each in sorted(codes, key=lambda each: each.step)] == [0, 0, 0, 3]
    assert [each.value for each in sorted(bests, key=lambda each: each.step)] == [0.9, *[0.5] * 3]
    assert mlflow.active_run() is None
