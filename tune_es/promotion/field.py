"""Those at the rung that is judged next, counted and ranked as they come."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence

from tune_es.promotion.ranked import Ranked, Tied
from tune_es.promotion.standing import Standing
from tune_es.promotion.ties import Score, TieBreak, best, by_companions, can_catch, leader_of


class Field:
    """What a rule asks of a rung, without going through all trials whenever one has come.

    Trials are ranked by a score when that is asked for first, and new ones are put in their place
    from then on; equal ones are in the order in which they joined the sweep.

    Args:
        here: They, each with the how manyth it joined as.
        let_go: Those that were paused at earlier rungs for good.
        others: Further trials that may lead.
        max_t: The budget of a trial.
        ties: What tells tied trials apart, by one companion after the other.

    >>> one, two = (Standing(name, 1, 0.5, 0.0, 0.0) for name in "ab")
    >>> field = Field([(0, one)], [], [], 9)
    >>> field.add(1, two)
    >>> field.ranks(best, [one, two]), field.catching(2.0)
    ([1, 2], 2)
    """

    def __init__(
        self,
        here: Sequence[tuple[int, Standing]],
        let_go: Sequence[Standing],
        others: Sequence[Standing],
        max_t: float,
        ties: TieBreak | None = None,
    ) -> None:
        everyone = [*(each for _, each in here), *others, *let_go]
        self.leader, self.let_go = leader_of(everyone, ties), let_go
        self._head = max(map(best, everyone))
        self.here: list[Standing] = []
        self._joined: list[int] = []
        self._numbers: dict[str, int] = {}
        self._max_t, self._ties = max_t, ties
        self._orders: dict[Score, Ranked] = {}
        self._catching: dict[float, int] = {}
        self._behind: dict[float, int] = {}
        self._moved: dict[tuple[Score, int], tuple[float, int]] = {}
        for number, standing in here:
            self.add(number, standing)

    def add(self, number: int, standing: Standing) -> None:
        """One has come, the ``number``-th to join the sweep; it is behind the leader."""
        self._numbers[standing.trial_id] = number
        at = bisect_left(self._joined, number)
        self._joined.insert(at, number)
        self.here.insert(at, standing)
        for order in self._orders.values():
            if not order.add(number, standing):
                self._moved.clear()
        for noise in self._catching:
            self._catching[noise] += self._can_catch(standing, noise)

    def is_led_by(self, standing: Standing) -> bool:
        """True where one that comes is the leader, or may be."""
        if self._ties is None or standing.best > self._head:
            return standing.best >= self._head
        if self._head - standing.best > self._ties.width(self._head):
            return False
        order = by_companions(best)
        return order(standing) <= order(self.leader)

    def top(self, score: Score, count: int) -> list[Standing]:
        """The best so many."""
        return self._order(score).top(count)

    def ranks(self, score: Score, standings: Sequence[Standing]) -> list[int]:
        """Where some of them stand; 1 is the best."""
        order = self._order(score)
        return [order.rank(self._numbers[each.trial_id], each) for each in standings]

    def moved(self, before: Score, count: int) -> float:
        """By how much the best so many had been behind by another score: logarithms of ratios."""
        ranks = self.ranks(before, self.top(best, count))
        total = moves(ranks)
        if len(ranks) == count:
            self._moved[before, count] = total, len(self.here)
        return total

    def moved_at_most(self, before: Score, count: int) -> float:
        """The same or more, in no time.

        One that has come since may be last of all by the other score and the best by now; the
        others are behind by one more.
        """
        total, known = self._moved.get((before, count), (math.inf, 0))
        one = 1 + math.log(count) + math.log(len(self.here))
        return total + one * (len(self.here) - known)

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

    def _order(self, score: Score) -> Ranked:
        if score not in self._orders:
            numbered = zip(self._joined, self.here, strict=True)
            ties = self._ties
            order = Ranked(score, numbered) if ties is None else Tied(score, numbered, ties)
            self._orders[score] = order
        return self._orders[score]

    def _count(self, standings: Sequence[Standing], noise: float) -> int:
        return sum(self._can_catch(each, noise) for each in standings)

    def _can_catch(self, standing: Standing, noise: float) -> bool:
        return can_catch(standing, self.leader, self._max_t, noise, self._ties)


def moves(before: Sequence[int]) -> float:
    """The logarithms of how many times further behind the first, the second, ... had been."""
    return sum(math.log(was / now) for now, was in enumerate(before, start=1) if was > now)
