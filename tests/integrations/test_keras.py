"""The callback for Keras, on real trainings of a tiny model."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.builders import refusal
from tests.integrations.weights import equal
from tune_es import Patience, Policy, ReduceFirst
from tune_es.integrations.keras import Callback, PolicyCallback
from tune_es.monitoring.log import line

keras: Any = import_module("keras")

#: Keras on torch with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SCORES = [0.1, 0.5, 0.7, 0.6, 0.7, 0.2, 0.1, 0.1]
POLICY = Policy("val_score", "max", stop=Patience(3))


class Scored(Callback):
    """Puts given scores into the logs, as a metric would, and keeps all weights."""

    def __init__(self, scores: Sequence[float] = SCORES, every: int = 1) -> None:
        super().__init__()
        self.scores, self.every, self.name = scores, every, "val_score"
        self.seen: dict[int, Any] = {}

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None and (epoch + 1) % self.every == 0:
            logs[self.name] = self.scores[epoch]
        self.seen[epoch + 1] = state(self.model)


class Interrupt(Callback):
    """Dies at the beginning of an epoch."""

    def __init__(self, epoch: int) -> None:
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if epoch == self.epoch:
            raise InterruptedError


def state(model: Any) -> dict[str, list[Any]]:
    """Weights and variables of the optimiser, as plain numbers."""
    parts = {"weights": model.weights, "optimizer": model.optimizer.variables}
    return {name: [each.numpy().tolist() for each in part] for name, part in parts.items()}


def model() -> Any:
    torch.set_num_threads(1)
    keras.utils.set_random_seed(0)
    layers = [keras.Input((4,)), keras.layers.Dense(4), keras.layers.BatchNormalization()]
    made = keras.Sequential([*layers, keras.layers.Dense(1)])
    made.compile(optimizer=keras.optimizers.Adam(0.05), loss="mse")
    return made


def fit(*callbacks: Any, epochs: int = 8, trained: Any = None, **options: Any) -> Any:
    trained = model() if trained is None else trained
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(16, 4, generator=draw).numpy()
    settings = {"batch_size": 8, "shuffle": False, "verbose": 0, **options}
    trained.fit(x, x[:, :1] * 2, epochs=epochs, callbacks=list(callbacks), **settings)
    return trained


def test_it_stops_where_the_policy_does_and_says_why(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tune_es")
    callback = PolicyCallback(POLICY)
    trained = fit(Scored(), callback)
    assert len(trained.history.history["loss"]) == 6
    assert callback.why == "stalled: Patience (value=0.2, misses=3, limit=3, best=0.7)"
    assert callback.decision is not None
    assert [record.getMessage() for record in caplog.records] == [line(callback.decision)]
    assert trained.history.history["es/best_step"] == [1, 2, 3, 3, 3, 3]
    assert trained.history.history["es/code"] == [0, 0, 0, 0, 0, 3]


def test_the_best_weights_are_restored_and_the_optimiser_where_asked() -> None:
    for with_optimizer in (False, True):
        scored = Scored()
        callback = PolicyCallback(POLICY, restore_best=True, restore_optimizer=with_optimizer)
        found, seen = state(fit(scored, callback)), scored.seen
        assert equal(found["weights"], seen[3]["weights"])
        assert not equal(found["weights"], seen[6]["weights"])
        assert equal(found["optimizer"], seen[3 if with_optimizer else 6]["optimizer"])


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_a_run_that_is_resumed_decides_and_restores_as_one_that_was_never_interrupted(
    epoch: int, is_first: bool, tmp_path: Path
) -> None:
    whole, scored = PolicyCallback(POLICY, restore_best=True), Scored()
    expected = fit(scored, whole)

    def callbacks() -> tuple[PolicyCallback, list[Any]]:
        backup = keras.callbacks.BackupAndRestore(tmp_path / "backup")
        mine = PolicyCallback(POLICY, restore_best=True, state_file=tmp_path / "backup/state.json")
        return mine, [mine, backup] if is_first else [backup, mine]

    with pytest.raises(InterruptedError):
        fit(Scored(), *callbacks()[1], Interrupt(epoch))
    second, both = callbacks()
    again = Scored()
    resumed = fit(again, *both)
    assert sorted(again.seen) == list(range(epoch + 1, 7))
    assert second.decision == whole.decision
    assert equal(state(resumed)["weights"], state(expected)["weights"])
    assert not (tmp_path / "backup").exists()


def test_epochs_that_are_trained_again_are_judged_again(tmp_path: Path) -> None:
    """The backup is older than the state: what came after it did not happen."""
    path = tmp_path / "state.json"
    trained = fit(Scored(), PolicyCallback(POLICY, restore_best=True, state_file=path), epochs=4)
    assert [row["epoch"] for row in json.loads(path.read_text())] == [1, 2, 3, 4]
    other, scored = PolicyCallback(POLICY, restore_best=True, state_file=path), Scored()
    other_scores = [0.1, 0.5, 0.4, 0.3, 0.2, 0.1]
    scored.scores = other_scores
    fit(scored, other, trained=trained, initial_epoch=2)
    assert sorted(scored.seen) == [3, 4, 5]
    assert other.decision is not None
    assert other.decision.best_step == 2
    assert len(json.loads(path.read_text())) == 5


def test_a_new_run_begins_anew(tmp_path: Path) -> None:
    callback = PolicyCallback(POLICY, state_file=tmp_path / "state.json")
    fit(Scored(), callback)
    fit(Scored([0.9, 0.8]), callback, epochs=2)
    assert callback.decision is not None
    assert (callback.decision.step, callback.decision.best) == (2, 0.9)


def test_epochs_without_an_evaluation_are_none_and_a_metric_that_never_came_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    callback = PolicyCallback(POLICY, max_t=3)
    fit(Scored(every=2), callback)
    assert [row["epoch"] for row in callback._run.rows] == [2, 4, 6]
    assert callback.why.startswith("budget used")
    assert not caplog.records
    fit(Scored(), PolicyCallback("none", metric="val_scores", mode="max"), epochs=2)
    assert "'val_scores' never came; did you mean 'val_score'?" in caplog.text
    broken = PolicyCallback("none", metric="val_score", mode="max")
    fit(Scored([float("nan")] * 8), broken)
    assert broken.why.startswith("broken: NonFinite")


def test_steps_may_be_the_time_and_it_is_refused_when_built() -> None:
    callback = PolicyCallback("none", metric="loss", mode="min", time_attr="step", max_t=6)
    fit(callback)
    assert callback.decision is not None
    assert callback.decision.step == 6
    assert "it is called 'metric' here" in refusal(PolicyCallback, monitor="val_loss", mode="min")
    assert "mode" in refusal(PolicyCallback, metric="val_loss")


def test_the_rate_is_lowered_before_it_stops_and_a_schedule_is_refused() -> None:
    policy = Policy("val_score", "max", stop=ReduceFirst(Patience(2), times=1, factor=0.5))
    trained = fit(Scored([0.5] * 8), PolicyCallback(policy))
    assert len(trained.history.history["loss"]) == 6
    assert trained.history.history["es/rate"] == [1, 1, 0.5, 0.5, 0.5, 0.5]
    assert float(trained.optimizer.learning_rate) == pytest.approx(0.025)
    scheduled = model()
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    scheduled.compile(optimizer=keras.optimizers.Adam(schedule), loss="mse")
    assert "plain learning_rate" in refusal(fit, PolicyCallback(policy), trained=scheduled)
