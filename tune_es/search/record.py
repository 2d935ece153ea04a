"""What one trial has reported in its present life."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field


@dataclass
class Record:
    """The values of a trial by step; None where there was no finite one.

    An earlier step than the last is a new life: what was reported from there on is dropped. The
    same step again only fills in what was missing.

    >>> record = Record()
    >>> record.note(1, [0.5]), record.note(2, [0.7]), record.note(1, [0.6]), record.last
    ([], [], [2], 1)
    """

    rows: dict[int, tuple[float | None, ...]] = field(default_factory=dict)

    @property
    def last(self) -> int | None:
        """The latest step."""
        return next(reversed(self.rows), None)

    def note(self, step: int, values: Sequence[float | None]) -> list[int]:
        """Add what was reported at a step; gives the later steps that are dropped for it."""
        if step in self.rows and step == self.last:
            known = self.rows[step]
            self.rows[step] = tuple(
                new if old is None else old for old, new in zip(known, values, strict=True)
            )
            return []
        dropped = [each for each in self.rows if each > step]
        for each in [*dropped, step]:
            self.rows.pop(each, None)
        self.rows[step] = tuple(values)
        return dropped

    def vectors(self) -> Iterator[tuple[int, tuple[float, ...]]]:
        """Step by step all values, once each is known; one that is missing stays as it was.

        >>> list(Record({1: (0.5, None), 2: (None, 3.0), 3: (0.7, None)}).vectors())
        [(2, (0.5, 3.0)), (3, (0.7, 3.0))]
        """
        known: tuple[float | None, ...] = ()
        for step, row in self.rows.items():
            before = known or row
            known = tuple(old if new is None else new for old, new in zip(before, row, strict=True))
            vector = tuple(each for each in known if each is not None)
            if len(vector) == len(known):
                yield step, vector
