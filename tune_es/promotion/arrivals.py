"""The trials that have come to a rung, ranked as they come."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import Any

from tune_es.promotion.standing import Roster, Standing
from tune_es.promotion.ties import TieBreak


@dataclass
class Arrivals:
    """Standings at a rung; a trial that comes again, after a failure, takes its new place.

    >>> arrivals = Arrivals()
    >>> for name, best in (("a", 0.5), ("b", 0.7), ("c", 0.6)):
    ...     arrivals.note(Standing(name, 1, best, 0.0, 0.0))
    >>> arrivals.placed("c", places=1), arrivals.placed("c", places=2)
    (['b'], ['c', 'c'])
    """

    ties: TieBreak | None = None
    standings: Roster = field(default_factory=Roster)
    #: The best first; None until somebody asks for a place.
    _ranked: list[tuple[float, str]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_ranked": None}

    def note(self, standing: Standing) -> None:
        """A trial comes to the rung."""
        if self._ranked is not None:
            before = self.standings.get(standing.trial_id)
            if before is not None:
                del self._ranked[bisect_left(self._ranked, _entry(before))]
            insort(self._ranked, _entry(standing))
        self.standings.put(standing)

    def placed(self, trial_id: str, places: int) -> list[str]:
        """Who may have got one of the places with this trial's coming.

        That is itself and the last one; the others that have a place had it before, unless ties
        are broken.
        """
        if not places:
            return []
        if self.ties is not None:  # who is tied with whom may change with every trial that comes
            return [one.trial_id for one in self.ties.ranked(self.standings.values())][:places]
        if self._ranked is None:
            self._ranked = sorted(map(_entry, self.standings.values()))
        last = self._ranked[min(places, len(self._ranked)) - 1]
        own = _entry(self.standings[trial_id])
        return [trial_id] * (own <= last) + [last[1]]


def _entry(standing: Standing) -> tuple[float, str]:
    return -standing.best, standing.trial_id
