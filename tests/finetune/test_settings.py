from __future__ import annotations

from typing import Any

import pytest

from experiments.finetune.order import TrainingOrder
from experiments.finetune.settings import Settings


def test_the_stopping_parameters_in_a_config_are_not_settings() -> None:
    assert Settings.from_config({"lr": 1e-3, "es": {"stop": "safe"}}) == Settings(lr=1e-3)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"learning_rate": 1e-3}, "unknown setting 'learning_rate'"),
        ({"batchsize": 8}, "did you mean 'batch_size'"),
        ({"schedule": "cosin"}, "schedule must be one of 'constant', 'linear', 'cosine'"),
        ({"dropout": 1.5}, "dropout must be 0.0 to 1.0, got 1.5"),
        ({"lr": 0.0}, "lr must be above 0 and finite, got 0.0"),
        ({"lr": float("nan")}, "lr must be above 0"),
        ({"evals": 0}, "evals must be at least 1, got 0"),
        ({"precision": "fp8"}, "precision must be one of"),
        ({"checkpoint": "often"}, "checkpoint must be one of False, True, 'best'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_loaded(config: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Settings.from_config(config)


def test_every_epoch_sees_every_row_once_in_an_order_of_its_own() -> None:
    order = TrainingOrder(21, Settings(batch_size=4, accumulation=2, epochs=2, evals=3))
    assert order.updates_per_epoch == 3
    epochs = [
        [row for update in range(start, start + 3) for b in order.batches(update) for row in b]
        for start in (0, 3)
    ]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(21))
    assert epochs[0] != epochs[1]
    assert [len(batch) for batch in order.batches(2)] == [4, 1]


@pytest.mark.parametrize("evals", [1, 3, 7, 30])
def test_evaluations_are_even_and_the_last_is_at_the_end(evals: int) -> None:
    order = TrainingOrder(60, Settings(batch_size=4, epochs=2, evals=evals))
    points = order.evaluations()
    gaps = [after - before for before, after in zip([0, *points], points, strict=False)]
    assert len(points) == evals
    assert points[-1] == order.updates == 30
    assert max(gaps) - min(gaps) <= 1
    assert min(gaps) > 0


def test_more_evaluations_than_updates_are_refused() -> None:
    with pytest.raises(ValueError, match="evals must be at most the number of updates, 2"):
        TrainingOrder(8, Settings(batch_size=8, epochs=2, evals=3))
