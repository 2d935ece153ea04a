"""A model and a task small enough to train in a second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import BertConfig, BertModel, BertTokenizer, set_seed

from experiments.finetune.data import Split, Task
from experiments.finetune.encoding import EncodedTask, encode_task
from experiments.finetune.model import load_tokenizer

WORDS = [f"word{i}" for i in range(40)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of three narrow layers with random weights, saved as any encoder is."""
    folder = tmp_path_factory.mktemp("model")
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(SPECIAL + WORDS))
    BertTokenizer(vocab=str(vocabulary)).save_pretrained(folder)
    set_seed(0)
    config = BertConfig(
        vocab_size=len(SPECIAL + WORDS),
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def word_task(rows: int = 48) -> Task:
    """Three classes, each with words of its own among common ones."""
    labels = tuple(row % 3 for row in range(rows))
    texts = tuple(
        " ".join([f"word{label}", *(f"word{3 + (row * k) % 37}" for k in range(1, 2 + row % 7))])
        for row, label in enumerate(labels)
    )
    split = Split(texts, labels)
    return Task("words", ("a", "b", "c"), split, split.take(range(24)), split.take(range(12)))


@pytest.fixture(scope="session")
def words(model_folder: Path) -> EncodedTask:
    return encode_task(word_task(), load_tokenizer(str(model_folder)), 16)


@pytest.fixture
def settings(model_folder: Path) -> dict[str, Any]:
    """A config for the small model; a test changes what it is about."""
    return {"model": str(model_folder), "lr": 3e-3, "batch_size": 8, "epochs": 2, "evals": 6}
