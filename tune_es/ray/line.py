"""Trials in line, by the order in which they joined the sweep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, NamedTuple

from ray.tune.experiment import Trial


class Place(NamedTuple):
    """A trial, and the how manyth it was to join."""

    number: int
    trial: Trial


class Line(Sequence[str]):
    """The names of those put here that have a status by now, the one that joined first in front.

    Ray changes the status of trials without a word, so it is read when somebody looks. The first
    costs next to nothing, however many are in line; going through all of them costs a sort. Of
    trials that are held only the name is known here: they are started when they are named, and at
    no other time.

    Args:
        trials: All trials, by name.
        status: What those here have in common.
        held: True of a trial that is held; nobody is where it is not given.
    """

    def __init__(
        self,
        trials: Mapping[str, Place],
        status: str,
        held: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self._trials = trials
        self._status = status
        self._held = held
        self._heap: list[tuple[int, str]] = []

    def put(self, name: str) -> None:
        """Put a trial in line, where it belongs."""
        heappush(self._heap, (self._trials[name].number, name))

    def left(self) -> Iterator[str]:
        """Take those out that were in front and have another status by now."""
        while self._heap and not self._stands(*self._heap[0]):
            yield heappop(self._heap)[1]

    def __contains__(self, name: object) -> bool:
        place = self._trials.get(name) if isinstance(name, str) else None
        return place is not None and place.trial.status == self._status

    def __bool__(self) -> bool:
        for _ in self.left():
            pass
        return bool(self._heap)

    def __getitem__(self, at: Any) -> Any:
        return self._heap[0][1] if at == 0 and self else self._all()[at]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def _all(self) -> list[str]:
        if not self:
            return []
        return [name for number, name in sorted({*self._heap}) if self._stands(number, name)]

    def _stands(self, number: int, name: str) -> bool:
        return name in self and self._trials[name].number == number and not self._held(name)
