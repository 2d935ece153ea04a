"""What the Trainer of Transformers is asked for, and what it leaves behind to go on from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, TrainingArguments

from tune_es.integrations.best import BestState
from tune_es.params import KEY

logger = logging.getLogger("tune_es")

#: The best weights in a checkpoint that was saved at a later step.
BEST_FILE = "policy_callback_best.pt"


#: The mark of an evaluation in the log that was not judged.
IGNORED = f"{KEY}/ignored"


def check_arguments(args: TrainingArguments, restore_best: bool, in_checkpoint: bool) -> None:
    """Refuse what would leave a callback without anything to judge or to restore."""
    if args.eval_strategy == "no":
        raise ValueError(
            "PolicyCallback judges evaluations: TrainingArguments.eval_strategy must be 'steps' or "
            "'epoch', got 'no'"
        )
    if restore_best and args.load_best_model_at_end:
        raise ValueError(
            "PolicyCallback.restore_best needs TrainingArguments.load_best_model_at_end=False, "
            "which would load another best, got True"
        )
    if in_checkpoint and args.save_strategy == "best":
        raise ValueError(
            "PolicyCallback.best_in='checkpoint' saves the best itself: "
            "TrainingArguments.save_strategy must be 'no', 'steps' or 'epoch', got 'best'"
        )


def load_weights(model: Any, folder: Path) -> None:
    """Load the weights of a checkpoint into a pretrained model; others are left, with a warning."""
    if not isinstance(model, PreTrainedModel):
        logger.warning("%s is no PreTrainedModel: load %s yourself", type(model).__name__, folder)
        return
    model.load_state_dict(type(model).from_pretrained(folder).state_dict())
    logger.info("restored the weights of %s", folder.name)


def logged_rows(history: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """One row for each step with an evaluation, and what had been logged since the one before.

    >>> history = [
    ...     {"loss": 0.9, "step": 5},
    ...     {"eval_loss": 0.8, "step": 5},
    ...     {"eval_f1": 0.1, "step": 5},
    ...     {"loss": 0.7, "step": 10},
    ... ]
    >>> list(logged_rows(history))
    [{'loss': 0.9, 'step': 5, 'eval_loss': 0.8, 'eval_f1': 0.1}]
    """
    row: dict[str, Any] = {}
    is_evaluation = False
    for entry in (each for each in history if IGNORED not in each):
        if is_evaluation and entry.get("step") != row.get("step"):
            yield row
            row, is_evaluation = {}, False
        row.update({name: one for name, one in entry.items() if not name.startswith(f"{KEY}/")})
        is_evaluation = is_evaluation or any(name.startswith("eval_") for name in entry)
    if is_evaluation:
        yield row


def save_best(best: BestState, folder: Path) -> None:
    """Put the best weights into a checkpoint."""
    torch.save(best.state_dict(), folder / BEST_FILE)


def checkpoint_of(args: TrainingArguments, step: int) -> Path:
    """The folder in which the Trainer saves a checkpoint at a step."""
    return Path(args.output_dir or ".") / f"checkpoint-{step}"


def find_best(best: BestState, step: float, args: TrainingArguments, resumed_at: int) -> None:
    """Bring back the best weights, of this step, from the checkpoint a run is resumed from.

    The Trainer tells callbacks of it only where it is named in the arguments.
    """
    named = args.resume_from_checkpoint
    folders = [Path(named)] if isinstance(named, str) else []
    for folder in (*folders, checkpoint_of(args, resumed_at)):
        if (folder / BEST_FILE).is_file():
            state = torch.load(folder / BEST_FILE, map_location="cpu", weights_only=True)
            if state["step"] == step:
                best.load_state_dict(state)
                return
    logger.warning(
        "the weights of step %s, the best so far, are not in the checkpoint; if nothing better "
        "comes, none are restored",
        step,
    )
