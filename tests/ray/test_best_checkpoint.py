"""The best checkpoint of a trial, as Ray has it, is the one of `es/best_step`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ray import tune

from tests.ray.sweeps import Sweep, fit, run, runs
from tests.ray.trained import METRIC, SCORES, step_of, train
from tune_es import Patience, Policy
from tune_es.ray import EarlyStoppingScheduler

POLICY = Policy(METRIC, "max", stop=Patience(3))
TRIALS: dict[str, dict[str, Any]] = {
    "transformers": {"framework": "transformers", "checkpoint": "best", "dies": 5},
    "lightning": {"framework": "lightning", "checkpoint": "best"},
    "keras": {"framework": "keras", "checkpoint": "best"},
    "every one": {"framework": "keras", "checkpoint": "all"},
    "reduces": {
        "framework": "transformers",
        "checkpoint": "no",
        "save": "steps",
        "es": {"stop": {"ReduceFirst": {"rule": {"Patience": {"patience": 2}}, "times": 1}}},
    },
    "none": {"framework": "keras", "checkpoint": "no"},
}
KEPT = tune.CheckpointConfig(
    num_to_keep=1, checkpoint_score_attribute=METRIC, checkpoint_score_order="max"
)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    space = runs(*(run(name, **options) for name, options in TRIALS.items()))
    return fit(
        train,
        {**space, "es": tune.sample_from(lambda config: config["run"].get("es", {}))},
        tmp_path_factory.mktemp("trained"),
        checkpoint=KEPT,
        max_failures=1,
        scheduler=EarlyStoppingScheduler(POLICY),
    )


@pytest.mark.parametrize("name", [name for name in TRIALS if name != "reduces"])
def test_the_scheduler_stops_a_training_and_nothing_is_trained_after_that(
    name: str, sweep: Sweep
) -> None:
    assert sweep.result(name).error is None
    es = sweep.es(name)
    assert (sweep.steps(name), es["cause"], es["best_step"]) == (6, "STALLED", 3)
    scores = {row["training_iteration"]: row[METRIC] for row in sweep.rows(name)}
    assert list(scores.values()) == pytest.approx(SCORES[:6])
    assert es["reason"].startswith("stalled: Patience (value=0.2, misses=3")


@pytest.mark.parametrize("name", ["transformers", "lightning", "keras"])
def test_the_best_checkpoint_is_that_of_the_best_step(name: str, sweep: Sweep) -> None:
    best = sweep.result(name).get_best_checkpoint(METRIC, "max")
    assert best is not None
    with best.as_directory() as folder:
        assert step_of(Path(folder)) == sweep.es(name)["best_step"] == 3


def test_of_equal_ones_ray_keeps_the_last_where_every_one_is_reported(sweep: Sweep) -> None:
    """A tie is no improvement: reported are the best alone, or as here Ray has another step."""
    every = sweep.result("every one")
    best, latest = every.get_best_checkpoint(METRIC, "max"), every.checkpoint
    assert best is not None
    assert latest is not None
    with best.as_directory() as folder, latest.as_directory() as last:
        assert (step_of(Path(folder)), step_of(Path(last))) == (5, 6)
    assert SCORES[4] == SCORES[2]


def test_a_training_that_died_went_on_from_its_checkpoint(sweep: Sweep) -> None:
    steps = [row["step"] for row in sweep.rows("transformers")]
    assert steps == [2, 4, 6, 8, 8, 10, 12]


def test_scheduler_and_callback_come_to_the_same_reductions(sweep: Sweep) -> None:
    """Nothing can be told to a trial: the trial reduces, the scheduler knows that it has."""
    rows = sweep.rows("reduces")
    share = [row["learning_rate"] / (1 - (2 * at + 1) / 24) for at, row in enumerate(rows)]
    assert share == pytest.approx([0.05] * 5 + [0.005] * 3)
    assert (len(rows), sweep.es("reduces")["cause"]) == (8, "STALLED")
    assert "reductions=1" in sweep.es("reduces")["reason"]
    assert sweep.result("reduces").checkpoint is None


def test_outside_of_a_trial_nothing_is_reported_and_the_callback_decides(tmp_path: Path) -> None:
    """In the process of the driver, where Ray runs as well."""
    from tests.integrations.tiny import trainer
    from tune_es.integrations.transformers import PolicyCallback

    callback = PolicyCallback(POLICY)
    made = trainer(tmp_path, callback, scores=lambda step: {METRIC: SCORES[step // 2 - 1]})
    made.train()
    assert (made.state.global_step, callback.why[:7]) == (12, "stalled")
