"""The records every data set is turned into, and the stratified choice of rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Text: TypeAlias = str | tuple[str, str]
"""One text, or a pair for tasks such as paraphrase and entailment."""


@dataclass(frozen=True)
class Split:
    """Texts and their labels, as indices into `Task.label_names`."""

    texts: tuple[Text, ...]
    labels: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.texts) != len(self.labels):
            raise ValueError(f"Split: {len(self.texts)} texts but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Sequence[int]) -> Split:
        """The given rows, in the given order."""
        return Split(tuple(self.texts[i] for i in rows), tuple(self.labels[i] for i in rows))


@dataclass(frozen=True)
class Task:
    """A classification task. The test split is the official one where there is one."""

    name: str
    label_names: tuple[str, ...]
    train: Split
    validation: Split
    test: Split

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            split: Split = getattr(self, part)
            if not len(split):
                raise ValueError(f"Task {self.name!r}: the {part} split is empty")
            if not all(0 <= label < len(self.label_names) for label in split.labels):
                raise ValueError(f"Task {self.name!r}: a {part} label is outside label_names")


def stratified_sample(labels: Sequence[int], size: int, seed: int) -> list[int]:
    """`size` row numbers, ascending, each label in its share (by largest remainder).

    The same labels, size and seed give the same rows on every platform.

    >>> stratified_sample([0, 0, 0, 0, 1, 1], 3, seed=0)
    [1, 3, 4]
    """
    if not 0 <= size <= len(labels):
        raise ValueError(f"stratified_sample: size must be 0 to {len(labels)}, got {size}")
    rows: dict[int, list[int]] = {}
    for row, label in enumerate(labels):
        rows.setdefault(label, []).append(row)
    exact = {label: size * len(members) / len(labels) for label, members in sorted(rows.items())}
    counts = {label: int(share) for label, share in exact.items()}
    by_remainder = sorted(exact, key=lambda label: counts[label] - exact[label])
    for label in by_remainder[: size - sum(counts.values())]:
        counts[label] += 1
    chosen = random.Random(seed)
    return sorted(row for label in exact for row in chosen.sample(rows[label], counts[label]))


def hold_out(split: Split, share: float, seed: int) -> tuple[Split, Split]:
    """The split in two: the rest, and a stratified `share` of its rows."""
    held = stratified_sample(split.labels, round(len(split) * share), seed)
    away = set(held)
    return split.take([row for row in range(len(split)) if row not in away]), split.take(held)
