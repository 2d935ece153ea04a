"""Data sets of the Hugging Face hub, or folders, through `datasets.load_dataset`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from experiments.extras import require
from experiments.finetune.data import Split, Task, Text, hold_out
from experiments.finetune.files import VALIDATION_SHARE

COLLECTIONS = ("glue", "super_glue")
"""Repositories without an owner whose second part is a configuration."""

TEXT_COLUMNS = (
    ("sentence1", "sentence2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("sentence",),
    ("text",),
)
LABEL_COLUMNS = ("label", "coarse_label", "labels")


def load(name: str, seed: int) -> Task:
    """The data set of that name.

    A validation split that is missing is held out of the training rows. Where the test rows carry
    no labels, as in GLUE, the official validation rows become the test split.
    """
    require("finetune", "datasets")
    import datasets

    path, configuration = repository(name)
    raw = datasets.load_dataset(path, configuration)
    columns = _columns(name, raw["train"].column_names)
    names = _label_names(raw["train"], columns[-1])
    parts = {part: _split(raw[part], columns, names) for part in raw}
    train, validation, test = _three(name, parts, seed)
    return Task(name, names, train, validation, test)


def repository(name: str) -> tuple[str, str | None]:
    """Repository and configuration of a data set's name.

    >>> repository("glue/mrpc"), repository("owner/data"), repository("owner/data/part")
    (('glue', 'mrpc'), ('owner/data', None), ('owner/data', 'part'))
    """
    if os.path.isdir(name):
        return name, None
    parts = name.split("/")
    if len(parts) == 2 and parts[0] in COLLECTIONS:
        return parts[0], parts[1]
    if len(parts) == 3:
        return "/".join(parts[:2]), parts[2]
    return name, None


def _columns(name: str, available: Sequence[str]) -> tuple[str, ...]:
    texts = next((c for c in TEXT_COLUMNS if set(c) <= set(available)), None)
    label = next((c for c in LABEL_COLUMNS if c in available), None)
    if texts is None or label is None:
        known = ", ".join("+".join(columns) for columns in TEXT_COLUMNS)
        raise ValueError(
            f"{name}: expected text columns ({known}) and a label column "
            f"({', '.join(LABEL_COLUMNS)}); the data set has {', '.join(available)}"
        )
    return (*texts, label)


def _label_names(rows: Any, column: str) -> tuple[str, ...]:
    named = getattr(rows.features[column], "names", None)
    if named is not None:
        return tuple(named)
    return tuple(str(value) for value in sorted(set(rows[column])))


def _split(rows: Any, columns: tuple[str, ...], names: tuple[str, ...]) -> Split | None:
    """The rows, or nothing where they are unlabelled (marked -1 or empty)."""
    raw = list(rows[columns[-1]])
    if any(value is None or value == -1 for value in raw):
        return None
    classes = hasattr(rows.features[columns[-1]], "names")
    labels = tuple(int(value) if classes else names.index(str(value)) for value in raw)
    if len(columns) == 2:
        return Split(tuple(str(text) for text in rows[columns[0]]), labels)
    pairs = zip(rows[columns[0]], rows[columns[1]], strict=True)
    texts: tuple[Text, ...] = tuple((str(first), str(second)) for first, second in pairs)
    return Split(texts, labels)


def _three(name: str, parts: dict[str, Split | None], seed: int) -> tuple[Split, Split, Split]:
    train = parts.get("train")
    validation = _named(parts, ("validation", "validation_matched", "dev", "val"))
    test = _named(parts, ("test", "test_matched"))
    if test is None:
        test, validation = validation, None
    if train is None or test is None:
        raise ValueError(f"{name}: needs labelled train and test (or validation) splits")
    if validation is None:
        train, validation = hold_out(train, VALIDATION_SHARE, seed)
    return train, validation, test


def _named(parts: dict[str, Split | None], names: tuple[str, ...]) -> Split | None:
    return next((parts[name] for name in names if parts.get(name) is not None), None)
