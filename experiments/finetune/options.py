"""Command line options that every fine-tuning study shares."""

from __future__ import annotations

import argparse

from experiments.finetune.settings import PRECISIONS


def add_training_options(options: argparse.ArgumentParser) -> None:
    """What is trained, on how many texts, for how long."""
    add = options.add_argument
    add("--model", default="minilm-l6", help="a hub id, a folder, or minilm-l6 (embedded)")
    add("--num-layers", type=int, default=2, help="first layers to keep; 0 keeps all (default 2)")
    add("--max-length", type=int, default=48, help="tokens per text (default 48)")
    add("--max-train", type=int, help="most training texts (default all)")
    add("--max-eval", type=int, help="most validation, and test, texts (default all)")
    add("--frozen", type=int, default=1, help="layers not trained, embeddings first (default 1)")
    add("--epochs", type=float, default=2.0, help="epochs per trial (default 2)")
    add("--evals", type=int, default=20, help="evaluations per trial (default 20)")
    add("--precision", choices=PRECISIONS, default="no", help="of the forward pass (default no)")
