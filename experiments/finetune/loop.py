"""Train, evaluate, report: the loop that runs inside Ray Tune and outside it alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiments.finetune.encoding import EncodedTask
from experiments.finetune.settings import Settings
from experiments.finetune.training import Training

Save = Callable[[Path], None]
Report = Callable[[dict[str, float], "Save | None"], bool]
"""Given one evaluation's metrics, and how to write a checkpoint when one is due.

Returns whether the run should end here.
"""


def run(
    settings: Settings,
    data: EncodedTask,
    report: Report,
    checkpoint: Path | None = None,
    training_of: Callable[[Settings, EncodedTask], Training] = Training,
) -> Training:
    """Fine-tune and report after every evaluation, from the checkpoint's folder if one is given.

    Reported are `eval_loss`, `eval_accuracy`, `eval_f1`, `train_loss` (since the last evaluation,
    with dropout and label smoothing), `learning_rate`, `epoch`, `train_seconds` (time spent in
    updates, earlier lives included) and, unless `test` is `never`, `test_loss`, `test_accuracy`.
    """
    training = training_of(settings, data)
    if checkpoint is not None:
        training.restore(checkpoint)
    for until in training.order.evaluations():
        if until <= training.progress.updates:
            continue
        metrics, is_best = _evaluation(training, training.advance(until))
        due = settings.checkpoint is True or (settings.checkpoint == "best" and is_best)
        if report(metrics, training.save if due else None):
            break
    return training


def _evaluation(training: Training, train_loss: float) -> tuple[dict[str, float], bool]:
    """The metrics after an evaluation, and whether its validation loss is the best so far."""
    scores = training.score(training.data.validation)
    progress = training.progress
    is_best = scores.loss < progress.best_loss
    progress.best_loss = min(scores.loss, progress.best_loss)
    metrics = {
        "eval_loss": scores.loss,
        "eval_accuracy": scores.accuracy,
        "eval_f1": scores.f1,
        "train_loss": train_loss,
        "learning_rate": training.learning_rate(),
        "epoch": progress.updates / training.order.updates_per_epoch,
        "train_seconds": progress.train_seconds,
    }
    return {**metrics, **_test_metrics(training, is_best)}, is_best


def _test_metrics(training: Training, is_best: bool) -> dict[str, float]:
    policy, known = training.settings.test, training.progress.test
    if policy == "never":
        return {}
    if policy == "always" or is_best or not known:
        scores = training.score(training.data.test)
        known = {"test_loss": scores.loss, "test_accuracy": scores.accuracy}
        training.progress.test = known
    return dict(known)
