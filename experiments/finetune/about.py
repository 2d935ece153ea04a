"""What a set of recorded fine-tuning curves says of itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

from experiments.extras import EMBEDDED_MODEL
from experiments.finetune.data import Task
from experiments.provenance import machine, versions
from experiments.tables import markdown_table

METRICS: Mapping[str, str] = {
    "eval_loss": "mean cross-entropy on the validation texts, without label smoothing",
    "eval_accuracy": "share of the validation texts that are classified right",
    "eval_f1": "F1 on the validation texts, averaged over the classes",
    "train_loss": "mean since the last evaluation, with dropout and label smoothing",
    "test_loss": "as eval_loss on the test texts, at every evaluation; for regret alone, never to "
    "decide by",
    "test_accuracy": "as eval_accuracy on the test texts; likewise",
    "learning_rate": "of the next update",
    "epoch": "how often the training texts were seen",
    "seconds": "CPU seconds of the process since the last evaluation, whatever else the machine "
    "did (wall seconds on a GPU): training, and scoring validation and test texts; the "
    "first one loads the model, too",
}


def notes(task: Task) -> dict[str, str]:
    """The further columns of `tasks.csv`: how many texts there are of each kind, and classes."""
    sizes = {"train": task.train, "val": task.validation, "test": task.test}
    counts = {f"n_{name}": str(len(split)) for name, split in sizes.items()}
    return {**counts, "classes": str(len(task.label_names))}


def readme(
    options: argparse.Namespace,
    ran: str,
    by_task: Mapping[str, Mapping[str, str]],
    columns: Iterable[str],
) -> str:
    """The README of a set of those tasks, recorded by that command."""
    layers = f"its first {options.num_layers} layers" if options.num_layers else "all its layers"
    embedded = ", the sentence encoder that the demo embeds" * (options.model == EMBEDDED_MODEL)
    texts = markdown_table([{"task": name, **each} for name, each in by_task.items()])
    told = markdown_table([{"column": name, "is": METRICS[name]} for name in columns])
    return f"""# Fine-tuning curves

{options.configs} random configurations of each task, the same for every task, each trained in full
with one seed and evaluated {options.evals} times over {options.epochs:g} epochs. The objective in
`tasks.csv` is {options.metric}; every other metric can be taken for it.

- Command: `{ran}`
- Versions: {versions(("torch", "transformers", "numpy"))}
- Machine: {machine()}
- Model: {options.model}{embedded}; {layers}, {options.frozen} of the embeddings and layers frozen,
  {options.max_length} tokens a text, precision `{options.precision}`.
- Seed: {options.seed}, of the configurations (`search_spaces.finetune`) and of every training.

{texts}
An accuracy of n texts has a standard error of sqrt(p (1 - p) / n): smaller gains are noise.

{told}
The set holds numbers only: no text, no label and no prediction can be read from it. The texts come
from public research corpora, each under terms of its own; the curves have the licence of this
project.
"""
