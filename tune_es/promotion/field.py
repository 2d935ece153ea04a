"""Those at the rung that is judged next, counted and ranked as they come."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from tune_es.promotion.standing import Standing
from tune_es.promotion.ties import Score


class Field:
    """What a rule asks of a rung, without going through all trials whenever one has come.

    Trials are ranked by a score when that is asked for first, and new ones are put in their place
    from then on; equal ones are in the order in which they joined the sweep.

    >>> from tune_es.promotion.ties import best
    >>> one, two = (Standing(name, 1, 0.5, 0.0, 0.0) for name in "ab")
    >>> field = Field([(0, one)], one, [], 9)
    >>> field.add(1, two)
    >>> field.ranks(best, [one, two]), field.catching(2.0)
    ([1, 2], 2)
    """

    def __init__(
        self,
        here: Iterable[tuple[int, Standing]],
        leader: Standing,
        let_go: Sequence[Standing],
        max_t: float,
    ) -> None:
        self.leader, self.let_go = leader, let_go
        self.here: list[Standing] = []
        self._numbers: dict[str, int] = {}
        self._max_t = max_t
        self._orders: dict[Score, list[tuple[float, int, Standing]]] = {}
        self._catching: dict[float, int] = {}
        self._behind: dict[float, int] = {}
        for number, standing in here:
            self.add(number, standing)

    def add(self, number: int, standing: Standing) -> None:
        """One has come, the ``number``-th to join the sweep; it is behind the leader."""
        self._numbers[standing.trial_id] = number
        insort(self.here, standing, key=self._joined)
        for score, order in self._orders.items():
            insort(order, (-score(standing), number, standing))
        for noise in self._catching:
            self._catching[noise] += standing.can_catch(self.leader, self._max_t, noise)

    def top(self, score: Score, count: int) -> list[Standing]:
        """The best so many."""
        return [standing for _, _, standing in self._order(score)[:count]]

    def ranks(self, score: Score, standings: Sequence[Standing]) -> list[int]:
        """Where some of them stand; 1 is the best."""
        order = self._order(score)
        keys = ((-score(each), self._numbers[each.trial_id], each) for each in standings)
        return [1 + bisect_left(order, key) for key in keys]

    def catching(self, noise: float) -> int:
        """How many of them have the leader in reach."""
        if noise not in self._catching:
            self._catching[noise] = self._count(self.here, noise)
        return self._catching[noise]

    def behind(self, noise: float) -> int:
        """How many of those that were let go have it."""
        if noise not in self._behind:
            self._behind[noise] = self._count(self.let_go, noise)
        return self._behind[noise]

    def _order(self, score: Score) -> list[tuple[float, int, Standing]]:
        if score not in self._orders:
            entries = ((-score(each), self._joined(each), each) for each in self.here)
            self._orders[score] = sorted(entries)
        return self._orders[score]

    def _joined(self, standing: Standing) -> int:
        return self._numbers[standing.trial_id]

    def _count(self, standings: Sequence[Standing], noise: float) -> int:
        return sum(each.can_catch(self.leader, self._max_t, noise) for each in standings)
