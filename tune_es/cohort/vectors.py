"""What every trial reported on several metrics, and the rankings made of it."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tune_es.cohort.ranking import Order, Ranking

#: One oriented number a metric: NaN where none was reported yet, ``-inf`` where it is not finite.
Vector = tuple[float, ...]


class Axes(NamedTuple):
    """What trials are compared on: metrics by name, each by its ``"last"`` or its ``"best"``."""

    metrics: tuple[str, ...]
    by: str

    def after(self, before: Vector | None, values: Mapping[str, float]) -> Vector:
        """A trial's vector after one more result; a metric that it lacks keeps its value.

        >>> Axes(("f1", "loss"), "best").after((0.5, -1.0), {"f1": 0.25, "loss": math.nan})
        (0.5, -1.0)
        >>> Axes(("f1", "loss"), "last").after((0.5, -1.0), {"f1": 0.25, "loss": math.nan})
        (0.25, -inf)
        """
        olds = before or (math.nan,) * len(self.metrics)
        return tuple(
            old if name not in values else self._newer(old, values[name])
            for name, old in zip(self.metrics, olds, strict=True)
        )

    def _newer(self, old: float, new: float) -> float:
        new = new if math.isfinite(new) else -math.inf
        return old if self.by == "best" and old >= new else new


class Row(NamedTuple):
    """The trials that have reported every metric by a step, and their vectors end to end."""

    trials: list[str]
    flat: array[float]

    def vectors(self, size: int, start: int = 0) -> Iterator[Vector]:
        """All from the ``start``-th on."""
        for at in range(start * size, len(self.flat), size):
            yield tuple(self.flat[at : at + size])


class Vectors:
    """The vectors of all trials on the same axes, and who reported at each step.

    A ranking of the trials at a step is made when it is first asked for, and goes on from there
    with those that came since. A trial that goes through the step again makes it anew.
    """

    def __init__(self, axes: Axes) -> None:
        self.axes = axes
        self._size = len(axes.metrics)
        self._rows: dict[float, Row] = {}
        self._trials: dict[str, tuple[array[float], array[float]]] = {}
        self._rankings: dict[float, dict[Order, Ranking]] = {}

    def record(self, trial_id: str, step: float, values: Mapping[str, float]) -> None:
        """Note a result that holds at least one of the metrics."""
        if values.keys().isdisjoint(self.axes.metrics):
            return
        steps, flat = self._trials.setdefault(trial_id, (array("d"), array("d")))
        before = tuple(flat[-self._size :]) or None
        vector = self.axes.after(before, values)
        steps.append(step)
        flat.extend(vector)
        if is_complete(vector):
            row = self._rows.setdefault(step, Row([], array("d")))
            row.trials.append(trial_id)
            row.flat.extend(vector)

    def cut(self, trial_id: str, step: float) -> None:
        """Forget what a trial reported at ``step`` and later."""
        steps, flat = self._trials.get(trial_id, (array("d"), array("d")))
        while steps and steps[-1] >= step:
            gone = steps.pop()
            del flat[-self._size :]
            self._rankings.pop(gone, None)
            row = self._rows.get(gone, _EMPTY)
            if trial_id in row.trials:
                at = row.trials.index(trial_id)
                del row.trials[at], row.flat[at * self._size : (at + 1) * self._size]

    def retire(self, trial_id: str) -> None:
        """A trial will never report again; its vectors stay in the rows."""
        self._trials.pop(trial_id, None)

    def at(self, trial_id: str, step: float) -> Vector | None:
        """A trial's vector as it stood at ``step``; None where it reported none there."""
        steps, flat = self._trials.get(trial_id, (array("d"), array("d")))
        at, size = bisect_left(steps, step), self._size
        if at == len(steps) or steps[at] != step:
            return None
        return tuple(flat[at * size : (at + 1) * size])

    def ranking(self, order: Order, step: float) -> Ranking:
        """The trials that have a vector at this step, ranked; not to be changed."""
        rankings = self._rankings.setdefault(step, {})
        ranking = rankings.setdefault(order, Ranking(order))
        for vector in self._rows.get(step, _EMPTY).vectors(self._size, ranking.heard):
            ranking.add(vector)
        return ranking

    def ranking_with(self, order: Order, step: float, trial_id: str, vector: Vector) -> Ranking:
        """The ranking in which this trial has this vector, whatever it reported at the step."""
        if self.at(trial_id, step) == vector:
            return self.ranking(order, step)
        ranking = Ranking(order)
        ranking.add(vector)
        row = self._rows.get(step, _EMPTY)
        for other, theirs in zip(row.trials, row.vectors(self._size), strict=True):
            if other != trial_id:
                ranking.add(theirs)
        return ranking

    def copy(self) -> Vectors:
        """Vectors of their own with the same content; rankings are made again when asked for."""
        twin = Vectors(self.axes)
        twin._rows = {step: Row(row.trials[:], row.flat[:]) for step, row in self._rows.items()}
        twin._trials = {name: (steps[:], flat[:]) for name, (steps, flat) in self._trials.items()}
        return twin


_EMPTY = Row([], array("d"))


def is_complete(vector: Vector) -> bool:
    """True where every metric was reported at least once.

    >>> is_complete((1.0, -math.inf)), is_complete((1.0, math.nan))
    (True, False)
    """
    return not any(map(math.isnan, vector))
