"""What promotion knows of a trial: its curve so far, and how it stands at a rung."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

#: Differences that the noise of a curve is read off.
NOISE_OVER = 5


#: Numbers, names, and lists and tuples of such.
Plain = tuple[Any, ...]


class Saved(Enum):
    """Where a trial would go on after a pause."""

    HERE = "at the step it reports"
    EARLIER = "at an earlier step"
    NEVER = "at the beginning"


class Standing(NamedTuple):
    """A trial at a step, oriented: higher is better.

    ``gain`` is what its best won over the second half of its steps, ``noise`` twice its mean fall
    over the last differences, ``half`` its best at half of its steps. Of a trial without a finite
    value ``best`` is ``-inf``. ``others`` is how it stands in the companion metrics, where ties are
    broken by some.
    """

    trial_id: str
    step: float
    best: float
    gain: float
    noise: float
    half: float = -math.inf
    others: tuple[Standing, ...] = ()

    def plain(self) -> Plain:
        """The same without a class: it is pickled in a third of the time."""
        return (*self[:-1], tuple(each.plain() for each in self.others))

    @classmethod
    def of(cls, plain: Plain) -> Standing:
        """The standing again."""
        *numbers, others = plain
        return cls._make([*numbers, tuple(map(cls.of, others))])

    def can_catch(self, leader: Standing, max_t: float, noise: float = 2.0) -> bool:
        """True where the leader is in reach: at its pace a trial gains that much each doubling.

        So is one that is ahead by no more than ``noise`` times the noise of the two.
        """
        doublings = math.log2(max_t / self.step)
        reach = self.gain * doublings + noise * max(self.noise, leader.noise)
        return not leader.best - self.best > reach  # two without a value are equal


class Roster(Mapping[str, Standing]):
    """Standings by trial, held without a class: thousands are saved in no time."""

    def __init__(self) -> None:
        self._plain: dict[str, Plain] = {}

    def put(self, standing: Standing) -> None:
        """Note one, in the place of an earlier one of its trial."""
        self._plain[standing.trial_id] = standing.plain()

    def __getitem__(self, trial_id: str) -> Standing:
        return Standing.of(self._plain[trial_id])

    def __contains__(self, trial_id: object) -> bool:
        return trial_id in self._plain

    def __iter__(self) -> Iterator[str]:
        return iter(self._plain)

    def __len__(self) -> int:
        return len(self._plain)


@dataclass
class Track:
    """One trial's scores as promotion needs them."""

    trial_id: str
    steps: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    bests: list[float] = field(default_factory=list)
    others: tuple[Track, ...] = ()

    def plain(self) -> Plain:
        """The same without a class."""
        return self.trial_id, self.steps, self.scores, [each.plain() for each in self.others]

    @classmethod
    def of(cls, plain: Plain) -> Track:
        """The track again."""
        trial_id, steps, scores, others = plain
        finite = (each if math.isfinite(each) else -math.inf for each in scores)
        return cls(trial_id, steps, scores, [*accumulate(finite, max)], tuple(map(cls.of, others)))

    def record(self, step: float, score: float | None, *others: float | None) -> None:
        """Note a score; what was reported at this step and later is gone through again.

        ``others`` are the values of the companion metrics, one for each of ``Track.others``.
        """
        for track, value in zip(self.others, others, strict=True):
            track.record(step, value)
        at = bisect_left(self.steps, step)
        del self.steps[at:], self.scores[at:], self.bests[at:]
        value = math.nan if score is None else score
        before = self.bests[-1] if self.bests else -math.inf
        self.steps.append(step)
        self.scores.append(value)
        self.bests.append(max(before, value) if math.isfinite(value) else before)

    @property
    def step(self) -> float:
        """The last step reported; 0 before the first."""
        return self.steps[-1] if self.steps else 0

    @property
    def is_alive(self) -> bool:
        """True where the last score is finite: none that broke has been seen to recover."""
        return bool(self.scores) and math.isfinite(self.scores[-1])

    def best_at(self, step: float) -> float:
        """The best score up to and with a step."""
        at = bisect_right(self.steps, step)
        return self.bests[at - 1] if at else -math.inf

    def score_at(self, step: float) -> float:
        """The last score up to and with a step; NaN where there is none."""
        at = bisect_right(self.steps, step)
        return self.scores[at - 1] if at else math.nan

    def standing(self) -> Standing:
        """How the trial stands at its last step."""
        best, half = self.best_at(self.step), self.best_at(math.ceil(self.step / 2))
        half = half if math.isfinite(half) else best
        gain = best - half if math.isfinite(best) else 0.0
        others = tuple(track.standing() for track in self.others)
        return Standing(self.trial_id, self.step, best, gain, _noise(self.scores), half, others)


def _noise(scores: Sequence[float]) -> float:
    last = scores[-NOISE_OVER - 1 :]
    steps = [after - before for before, after in pairwise(last)]
    falls = [max(0.0, -step) for step in steps if math.isfinite(step)]
    return 2 * sum(falls) / len(falls) if falls else 0.0
