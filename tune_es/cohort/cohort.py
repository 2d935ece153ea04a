"""Every trial's best score by step, ranked as it comes in."""

from __future__ import annotations

import math
import zlib
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import NamedTuple

from tune_es.cohort.ranking import Order, Ranking
from tune_es.cohort.vectors import Axes, Vector, Vectors
from tune_es.records import Observation

Curve = tuple["array[float]", "array[float]"]


class Peers(NamedTuple):
    """The other trials as one trial may see them: never itself.

    Scores are oriented (higher is better) and best-so-far. Trials meet at equal steps.
    """

    cohort: Cohort
    trial_id: str

    def count(self, step: float) -> int:
        """How many other trials have a finite score at this step."""
        return len(self.cohort.row(step)) - (self._own(step) is not None)

    def rank(self, step: float, score: float) -> int:
        """How many other trials are strictly better than ``score`` at this step; 0 is best."""
        row, own = self.cohort.row(step), self._own(step)
        better = len(row) - bisect_right(row, score)
        return better - (own is not None and own > score)

    def percentile(self, step: float, percent: float) -> float | None:
        """The other trials' bests at this step, from the worst (0) to the best (100).

        Between two of them it is interpolated, as ``numpy.percentile`` does. None where there are
        none.
        """
        row, own, count = self.cohort.row(step), self._own(step), self.count(step)
        if count == 0:
            return None
        skip = len(row) if own is None else bisect_left(row, own)
        at = percent / 100 * (count - 1)
        low, high = math.floor(at), math.ceil(at)
        return _between(row[low + (low >= skip)], row[high + (high >= skip)], at - low)

    def median(self, step: float) -> float | None:
        """The median best-so-far of the other trials at this step; None where there are none."""
        return self.percentile(step, 50)

    def ranking(self, axes: Axes, order: Order, step: float, vector: Vector) -> Ranking:
        """All trials on several metrics at this step, this one among them with ``vector``.

        It is to be read only. Trials are known on the axes that the criteria of the policy name in
        :attr:`tune_es.Criterion.axes`; elsewhere this one is alone.
        """
        return self.cohort.vectors(axes).ranking_with(order, step, self.trial_id, vector)

    def _own(self, step: float) -> float | None:
        return self.cohort.score(self.trial_id, step)


class Cohort:
    """Best-so-far scores of all trials, one sorted row a step, and vectors where they are wanted.

    Recording costs a binary search and one insertion. Finished trials stay: they are the peers of
    those that come later.

    >>> cohort = Cohort()
    >>> for trial_id, score in (("a", 0.5), ("b", 0.75), ("c", 0.25)):
    ...     cohort.record(trial_id, 1, score)
    >>> peers = cohort.peers("a")
    >>> peers.count(1), peers.rank(1, 0.65), peers.median(1)
    (2, 1, 0.5)
    """

    def __init__(self) -> None:
        self._rows: dict[float, array[float]] = {}
        self._trials: dict[str, Curve] = {}
        self._packed: dict[str, tuple[bytes, bytes]] = {}
        #: The steps of packed curves, each once: most trials report at the same ones.
        self._steps: dict[bytes, bytes] = {}
        self._vectors: dict[Axes, Vectors] = {}

    def hear(self, observation: Observation, axes: Iterable[Axes] = ()) -> None:
        """Note a trial's score, and what it reported on these axes."""
        trial_id, step = observation.trial_id, observation.step
        self.record(trial_id, step, observation.score)
        for each in axes:
            if each not in self._vectors:
                self._vectors[each] = Vectors(each)
            self._vectors[each].record(trial_id, step, observation.values)

    def record(self, trial_id: str, step: float, score: float | None) -> None:
        """Note a trial's score; its best so far is what is ranked. Non-finite scores are not.

        A trial that is at this step again is cut back to it first.
        """
        self.cut(trial_id, step)
        if score is None or not math.isfinite(score):
            return
        steps, bests = self._trials.setdefault(trial_id, (array("d"), array("d")))
        best = max(score, bests[-1]) if bests else score
        steps.append(step)
        bests.append(best)
        insort(self._rows.setdefault(step, array("d")), best)

    def cut(self, trial_id: str, step: float) -> None:
        """Forget what a trial reported at ``step`` and later: it goes through them again."""
        steps, bests = self._curve(trial_id)
        while steps and steps[-1] >= step:
            row = self._rows[steps.pop()]
            del row[bisect_left(row, bests.pop())]
        for vectors in self._vectors.values():
            vectors.cut(trial_id, step)

    def retire(self, trial_id: str) -> None:
        """A trial will never report again: its scores stay in the rows, for its peers."""
        self._trials.pop(trial_id, None)
        self._packed.pop(trial_id, None)
        for vectors in self._vectors.values():
            vectors.retire(trial_id)

    def rest(self, trial_id: str) -> None:
        """A trial has ended, but may come again: its curve is packed until then."""
        if trial_id in self._trials:
            steps, bests = (each.tobytes() for each in self._trials.pop(trial_id))
            shared = self._steps.setdefault(steps, steps)
            self._packed[trial_id] = shared, zlib.compress(bests)

    def copy(self) -> Cohort:
        """A cohort of its own with the same content."""
        twin = Cohort()
        twin._rows = {step: row[:] for step, row in self._rows.items()}
        twin._trials = {name: (steps[:], bests[:]) for name, (steps, bests) in self._trials.items()}
        twin._packed, twin._steps = {**self._packed}, {**self._steps}
        twin._vectors = {axes: vectors.copy() for axes, vectors in self._vectors.items()}
        return twin

    def peers(self, trial_id: str) -> Peers:
        """The cohort as this trial may see it."""
        return Peers(self, trial_id)

    def vectors(self, axes: Axes) -> Vectors:
        """What the trials reported on these axes."""
        return self._vectors.get(axes) or Vectors(axes)

    def row(self, step: float) -> array[float]:
        """All scores at a step, worst first."""
        return self._rows.get(step, _EMPTY)

    def score(self, trial_id: str, step: float) -> float | None:
        """A trial's best so far as it stood at ``step``; None where it reported none there."""
        steps, bests = self._curve(trial_id)
        at = bisect_left(steps, step)
        return bests[at] if at < len(steps) and steps[at] == step else None

    def _curve(self, trial_id: str) -> Curve:
        """The steps and bests of a trial, unpacked where it has rested; empty of one unknown."""
        if trial_id in self._packed:
            steps, bests = self._packed.pop(trial_id)
            self._trials[trial_id] = array("d", steps), array("d", zlib.decompress(bests))
        return self._trials.get(trial_id, (_EMPTY, _EMPTY))


_EMPTY: array[float] = array("d")


def _between(low: float, high: float, share: float) -> float:
    """The number that lies this share of the way from ``low`` to ``high``."""
    gap = high - low
    if math.isinf(gap):
        return low * (1 - share) + high * share
    return low + gap * share if share < 0.5 else high - gap * (1 - share)
