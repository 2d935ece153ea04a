"""The callback for the Trainer of Transformers, on real trainings of a tiny model."""

from __future__ import annotations

import logging
import math
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tests.builders import refusal
from tests.integrations.tiny import Weights, copied, same, trainer
from tune_es import Patience, Policy, ReduceFirst
from tune_es.integrations.transformers import PolicyCallback
from tune_es.monitoring.log import line

#: Scores by evaluation: the best comes third.
SCORES = [0.1, 0.5, 0.7, 0.6, 0.7, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1]
POLICY = Policy("eval_score", "max", stop=Patience(3))


def scored(step: int) -> dict[str, float]:
    return {"eval_score": SCORES[step // 2 - 1]}


class Witness(TrainerCallback):
    """Keeps the weights of every evaluation, in the way nobody can get wrong."""

    def __init__(self) -> None:
        self.weights: dict[int, Weights] = {}

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self.weights[state.global_step] = copied(kwargs["model"])


class Interrupt(TrainerCallback):
    """Dies at the beginning of a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step == self.step:
            raise InterruptedError


def model_of(run: Trainer) -> torch.nn.Module:
    assert isinstance(run.model, torch.nn.Module)
    return run.model


def evaluations(run: Trainer) -> Iterator[dict[str, Any]]:
    """What is in the log of every evaluation, but for the times it took."""
    for entry in run.state.log_history:
        if "eval_loss" in entry:
            times = ("eval_runtime", "per_second", "time_total_s")
            yield {name: one for name, one in entry.items() if not name.endswith(times)}


def test_it_stops_where_the_policy_does_and_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tune_es")
    callback = PolicyCallback(POLICY)
    run = trainer(tmp_path, callback, scores=scored)
    run.train()
    expected = POLICY.first_stop(SCORES)
    assert callback.decision is not None
    assert replace(callback.decision, trial_id="") == expected
    assert run.state.global_step == 12
    assert callback.why == "stalled: Patience (value=0.2, misses=3, limit=3, best=0.7)"
    assert [record.getMessage() for record in caplog.records] == [line(callback.decision)]
    logged = [(each["es/code"], each["es/best_step"]) for each in evaluations(run)]
    assert logged == [(0, 1), (0, 2), (0, 3), (0, 3), (0, 3), (3, 3)]
    assert list(evaluations(run))[-1]["es/reason"] == callback.why


def test_steps_and_epochs_may_be_the_time_and_the_training_loss_is_a_metric(tmp_path: Path) -> None:
    policy = Policy("eval_loss", "min", "none", {"loss": "min"}, max_t=2.5, time_attr="epoch")
    callback = PolicyCallback(policy)
    run = trainer(tmp_path, callback)
    run.train()
    assert run.state.epoch == 2.5
    assert callback.why == "budget used: Budget (steps=2.5, steps_limit=2.5)"
    assert all(set(row) >= {"loss", "eval_loss", "step"} for row in callback._run.rows)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Trainer, PolicyCallback, Witness]:
    """A run that was never interrupted, with a checkpoint every third step."""
    callback, witness = PolicyCallback(POLICY, restore_best=True), Witness()
    folder = tmp_path_factory.mktemp("whole")
    run = trainer(folder, callback, witness, scores=scored, save_strategy="steps", save_steps=3)
    run.train()
    return run, callback, witness


@pytest.mark.parametrize(("step", "every"), [(3, 3), (6, 3), (7, 7), (9, 3)])
def test_a_run_that_is_resumed_decides_and_restores_as_one_that_was_never_interrupted(
    step: int, every: int, whole: tuple[Trainer, PolicyCallback, Witness], tmp_path: Path
) -> None:
    first = PolicyCallback(POLICY, restore_best=True)
    options: dict[str, Any] = {"scores": scored, "save_strategy": "steps", "save_steps": every}
    with pytest.raises(InterruptedError):
        trainer(tmp_path, first, Interrupt(step + 1), **options).train()
    second = PolicyCallback(POLICY, restore_best=True)
    resumed = trainer(tmp_path, second, **options)
    resumed.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))
    run, callback, witness = whole
    assert (second.decision, resumed.state.global_step) == (callback.decision, 12)
    assert list(evaluations(resumed)) == list(evaluations(run))
    assert same(model_of(resumed), witness.weights[6])


def test_the_state_is_found_wherever_the_checkpoint_is(
    whole: tuple[Trainer, PolicyCallback, Witness], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    moved = shutil.copytree(f"{whole[0].args.output_dir}/checkpoint-9", tmp_path / "elsewhere")
    second = PolicyCallback(POLICY, restore_best=True)
    resumed = trainer(tmp_path / "new", second, scores=scored)
    resumed.train(resume_from_checkpoint=str(moved))
    assert (second.decision, resumed.state.global_step) == (whole[1].decision, 12)
    assert "the weights of step 3, the best so far, are not in the checkpoint" in caplog.text


def test_the_best_weights_are_restored_and_not_those_that_training_went_on_with(
    whole: tuple[Trainer, PolicyCallback, Witness],
) -> None:
    run, callback, witness = whole
    assert same(model_of(run), witness.weights[6])
    assert not same(model_of(run), witness.weights[12])
    assert callback.decision is not None
    assert callback.decision.best_step == 3


def test_with_the_optimiser_everything_is_as_it_was_at_the_best_step(tmp_path: Path) -> None:
    class States(Witness):
        def on_evaluate(self, *args: Any, **kwargs: Any) -> None:
            super().on_evaluate(*args, **kwargs)
            lrs[args[1].global_step] = kwargs["lr_scheduler"].get_last_lr()
            first = next(iter(kwargs["optimizer"].state_dict()["state"].values()))
            moments[args[1].global_step] = first["exp_avg"].clone()

    lrs: dict[int, list[float]] = {}
    moments: dict[int, torch.Tensor] = {}
    callback = PolicyCallback(POLICY, restore_best=True, restore_optimizer=True)
    run = trainer(tmp_path, callback, States(), scores=scored)
    run.train()
    assert run.lr_scheduler is not None
    assert run.optimizer is not None
    first = next(iter(run.optimizer.state_dict()["state"].values()))
    assert run.lr_scheduler.get_last_lr() == lrs[6] != lrs[12]
    assert torch.equal(first["exp_avg"], moments[6])


def test_the_best_may_be_a_checkpoint_that_the_trainer_keeps(tmp_path: Path) -> None:
    options: dict[str, Any] = {"scores": scored, "save_strategy": "steps", "save_steps": 2}

    def callback() -> PolicyCallback:
        return PolicyCallback(POLICY, restore_best=True, best_in="checkpoint")

    witness = Witness()
    run = trainer(tmp_path / "a", callback(), witness, save_total_limit=1, **options)
    run.train()
    assert same(model_of(run), witness.weights[6])
    assert (tmp_path / "a" / "checkpoint-6").is_dir()
    with pytest.raises(InterruptedError):
        trainer(tmp_path / "b", callback(), Interrupt(9), **options).train()
    resumed = trainer(tmp_path / "b", callback(), **options)
    resumed.train(resume_from_checkpoint=True)
    assert same(model_of(resumed), witness.weights[6])


def test_what_is_missing_or_not_finite_is_said_once_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    callback = PolicyCallback(metric="score", mode="max", stop=Patience(1), restore_best=True)
    trainer(tmp_path, callback, scores=scored, max_steps=6).train()
    warned = [each.getMessage() for each in caplog.records if each.name == "tune_es"]
    assert len(warned) == 1
    assert warned[0].startswith(
        "PolicyCallback: 'score' is missing; said once a run; did you mean 'eval_score'?"
    )

    broken = PolicyCallback("none", metric="eval_score", mode="max")
    run = trainer(tmp_path, broken, scores=lambda step: {"eval_score": math.nan})
    run.train()
    assert (run.state.global_step, broken.why[:6]) == (6, "broken")


def test_several_evaluation_sets_are_judged_together(tmp_path: Path) -> None:
    policy = Policy("eval_a_score", "max", stop=Patience(2), other_metrics={"eval_b_loss": "min"})
    callback = PolicyCallback(policy)
    by_step = iter(score for score in SCORES for _ in range(2))
    run = trainer(tmp_path, callback, scores=lambda _: {"score": next(by_step)}, sets=("a", "b"))
    run.train()
    assert run.state.global_step == 10
    assert [row["eval_a_score"] for row in callback._run.rows] == SCORES[:5]
    assert all("eval_b_loss" in row for row in callback._run.rows)


def test_a_second_training_begins_anew(tmp_path: Path) -> None:
    callback = PolicyCallback(POLICY)
    run = trainer(tmp_path, callback, scores=scored)
    run.train()
    run.evaluate()
    once = callback.decision
    run.train()
    assert (callback.decision, len(callback._run.rows)) == (once, 6)


def test_a_policy_may_be_a_file_and_is_refused_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(POLICY.to_yaml())
    assert PolicyCallback(tmp_path / "policy.yaml", max_t=4).policy.max_t == 4
    assert PolicyCallback(str(tmp_path / "policy.yaml")).policy == POLICY
    assert "did you mean 'safe'" in refusal(PolicyCallback, "saef", metric="a", mode="min")
    assert "has no field 'patience'" in refusal(PolicyCallback, POLICY, patience=3)
    assert "which compares trials" in refusal(PolicyCallback, "median", metric="a", mode="min")
    assert "best_in must be a known name" in refusal(PolicyCallback, POLICY, best_in="disk")
    with_best = {"load_best_model_at_end": True, "save_strategy": "steps", "save_steps": 2}
    restoring = PolicyCallback(POLICY, restore_best=True)
    assert "load_best_model_at_end" in refusal(trainer, tmp_path, restoring, **with_best)
    silent = {"eval_strategy": "no"}
    assert "eval_strategy" in refusal(trainer, tmp_path, PolicyCallback(POLICY), **silent)


def test_the_rate_is_lowered_before_it_stops_and_stays_so_when_resumed(tmp_path: Path) -> None:
    policy = Policy("eval_score", "max", stop=ReduceFirst(Patience(2), times=1, factor=0.5))
    options: dict[str, Any] = {"scores": lambda _: {"eval_score": 0.5}, "save_steps": 2}
    plain = trainer(tmp_path / "plain", scores=options["scores"])
    plain.train()
    planned = {
        row["step"]: row["learning_rate"] for row in plain.state.log_history if "loss" in row
    }

    run = trainer(tmp_path, PolicyCallback(policy), save_strategy="steps", **options)
    run.train()
    again = trainer(tmp_path / "again", PolicyCallback(policy), **options)
    again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-8"))
    for each in (run, again):
        rates = {
            row["step"]: row["learning_rate"] for row in each.state.log_history if "loss" in row
        }
        assert rates == {step: planned[step] * (0.5 if step > 6 else 1) for step in range(2, 14, 2)}
        shares = [row["es/rate"] for row in evaluations(each)]
        assert (each.state.global_step, shares) == (12, [1, 1, 0.5, 0.5, 0.5, 0.5])


def test_evaluations_besides_those_of_the_run_are_not_judged(tmp_path: Path) -> None:
    """With eval_on_start a run evaluates once more where it is resumed."""
    options: dict[str, Any] = {"save_strategy": "steps", "save_steps": 5, "eval_on_start": True}

    def scores(step: int) -> dict[str, float]:
        return {"eval_score": ([0.0, *SCORES])[(step + 1) // 2]}

    whole = PolicyCallback(POLICY)
    trainer(tmp_path, whole, scores=scores, **options).train()
    for step in (5, 10):
        again = PolicyCallback(POLICY)
        resumed = trainer(tmp_path / f"{step}", again, scores=scores, **options)
        folder = tmp_path if step == 5 else tmp_path / "5"
        resumed.train(resume_from_checkpoint=str(folder / f"checkpoint-{step}"))
        assert again.decision == whole.decision
        assert [row["step"] for row in again._run.rows] == list(range(0, 14, 2))
