"""Trials ranked by a score, kept as they come."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

from tune_es.promotion.standing import Standing
from tune_es.promotion.ties import Score, TieBreak, by_companions

#: What a trial is sorted by, then the how manyth it joined as, and the trial.
Entry = tuple[Any, ...]


class Ranked:
    """What a stable sort gives, without sorting whenever one has come.

    Equal trials are in the order in which they joined the sweep.
    """

    def __init__(self, score: Score, numbered: Iterable[tuple[int, Standing]]) -> None:
        self._score = score
        self._line: list[Entry] = sorted((-score(one), at, one) for at, one in numbered)

    def add(self, number: int, standing: Standing) -> bool:
        """One has come, the ``number``-th to join the sweep; False where others change places."""
        insort(self._line, (-self._score(standing), number, standing))
        return True

    def top(self, count: int) -> list[Standing]:
        """The best so many."""
        return [one for _, _, one in self._line[:count]]

    def rank(self, number: int, standing: Standing) -> int:
        """Where one of them stands; 1 is the best."""
        return 1 + bisect_left(self._line, (-self._score(standing), number, standing))


class Tied(Ranked):
    """What :meth:`TieBreak.ranked` gives where companions decide one after the other.

    Groups of tied trials are formed again from where a trial comes to stand at the head of one, and
    only until they are what they were.

    >>> from tune_es.promotion.ties import best
    >>> def trial(name, accuracy, loss):
    ...     return Standing(name, 1, accuracy, 0, 0, others=(Standing(name, 1, -loss, 0, 0),))
    >>> one, two, three = trial("a", 0.71, 0.65), trial("b", 0.60, 0.10), trial("c", 0.70, 0.60)
    >>> order = Tied(best, [(0, one), (1, two)], TieBreak("loss", n_val=400))
    >>> order.add(2, three)
    True
    >>> [each.trial_id for each in order.top(3)], order.rank(0, one)
    (['c', 'a', 'b'], 2)
    """

    def __init__(
        self, score: Score, numbered: Iterable[tuple[int, Standing]], ties: TieBreak
    ) -> None:
        super().__init__(score, numbered)
        self._ties, self._by_companions = ties, by_companions(score)
        self._entries: dict[str, Entry] = {}
        self._heads: list[float] = []
        self._groups: list[list[Entry]] = []
        self._regroup(0, 0)

    def add(self, number: int, standing: Standing) -> bool:
        super().add(number, standing)
        entry = (-self._score(standing), number, standing)
        at = self._group(entry)
        if at >= 0 and not entry[0] - self._heads[at] > self._ties.width(-self._heads[at]):
            insort(self._groups[at], self._inside(entry))
            return True
        return self._regroup(at + 1, bisect_left(self._line, entry))

    def top(self, count: int) -> list[Standing]:
        return [entry[-1] for entry in islice(chain.from_iterable(self._groups), count)]

    def rank(self, number: int, standing: Standing) -> int:
        entry = (-self._score(standing), number, standing)
        at = self._group(entry)
        ahead = bisect_left(self._line, (self._heads[at],))
        return 1 + ahead + bisect_left(self._groups[at], self._inside(entry))

    def _group(self, entry: Entry) -> int:
        """The last group that does not begin behind an entry; -1 in front of all."""
        return bisect_right(self._heads, entry[0]) - 1

    def _inside(self, entry: Entry) -> Entry:
        """What a trial is sorted by in its group: companions come first; worked out once."""
        standing: Standing = entry[-1]
        if standing.trial_id not in self._entries:
            self._entries[standing.trial_id] = (*self._by_companions(standing), *entry)
        return self._entries[standing.trial_id]

    def _regroup(self, at: int, start: int) -> bool:
        """Form groups again from the ``at``-th on, whose first is the ``start``-th of all.

        True where the others are in the groups in which they were.
        """
        heads, groups, until = list[float](), list[list[Entry]](), at
        while start < len(self._line):
            head: float = self._line[start][0]
            until = bisect_left(self._heads, head, until)
            if self._heads[until : until + 1] == [head]:
                break
            width = self._ties.width(-head)
            end = bisect_right(self._line, width, start + 1, key=lambda one: one[0] - head)
            heads.append(head)
            groups.append(sorted(map(self._inside, self._line[start:end])))
            start = end
        else:
            until = len(self._heads)
        self._heads[at:until], self._groups[at:until] = heads, groups
        return until == at
