"""What a promotion rule is: where the rungs are, and who goes on from one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tune_es.promotion.field import Field, moves
from tune_es.promotion.standing import Standing
from tune_es.promotion.ties import Score, TieBreak, best, can_catch, ranked


@dataclass(frozen=True)
class Rung:
    """The trials at a rung, oriented: higher is better.

    Args:
        step: Where it is.
        max_t: The budget of a trial.
        trials: How many trials the sweep has.
        here: Those that wait here, and could go on; where a rung is asked about before it is full,
            those that come later join them.
        leader: The best of all trials of the sweep, wherever it stands; it may be over.
        let_go: Those that were paused at earlier rungs for good.
        ties: What tells tied trials apart; None: equal ones keep their order.
    """

    step: float
    max_t: float
    trials: int
    here: Sequence[Standing]
    leader: Standing
    let_go: Sequence[Standing] = ()
    ties: TieBreak | None = None
    #: The same trials as they are counted from one to the next.
    _field: Field | None = field(default=None, repr=False, compare=False)

    def ranked(self, score: Score = best) -> list[Standing]:
        """Those that are here, the best first, by a score that is read off every metric alike."""
        return self.top(len(self.here), score)

    def top(self, count: int, score: Score = best) -> list[Standing]:
        """The first of :meth:`ranked`."""
        if self._field:
            return self._field.top(score, count)
        return ranked(self.here, self.ties, score)[:count]

    def ranks(self, score: Score, standings: Sequence[Standing]) -> list[int]:
        """Where some of them are in :meth:`ranked`, counted from 1."""
        if self._field:
            return self._field.ranks(score, standings)
        places = {each.trial_id: at for at, each in enumerate(self.ranked(score), start=1)}
        return [places[each.trial_id] for each in standings]

    def moved(self, before: Score, count: int) -> float:
        """How far behind the best so many had been: the logarithms of their ranks' ratios."""
        if self._field:
            return self._field.moved(before, count)
        return moves(self.ranks(before, self.top(count)))

    def moved_at_most(self, before: Score, count: int) -> float:
        """What that is no more than; infinite where nobody can say without working it out."""
        return self._field.moved_at_most(before, count) if self._field else math.inf

    def catching(self, noise: float) -> int:
        """How many of those that are here have the leader in reach."""
        if self._field:
            return self._field.catching(noise)
        return sum(self.can_catch(each, noise) for each in self.here)

    def behind(self, noise: float) -> int:
        """How many of those that were let go have it."""
        if self._field:
            return self._field.behind(noise)
        return sum(self.can_catch(each, noise) for each in self.let_go)

    def can_catch(self, standing: Standing, noise: float = 2.0) -> bool:
        """True where a trial has the leader in reach."""
        return can_catch(standing, self.leader, self.max_t, noise, self.ties)


@dataclass(frozen=True)
class PromotionRule(ABC):
    """Decides who goes on; a specification, its memory of a sweep is a value of its own."""

    def init(self) -> Any:
        """The memory at the beginning of a sweep."""
        return None

    @property
    def waits(self) -> bool:
        """True where a rung is judged once, when every trial has come to it or is over."""
        return True

    @property
    def counts_evaluations(self) -> bool:
        """True where rungs and budgets are numbers of evaluations, not steps."""
        return False

    @abstractmethod
    def rungs(self, max_t: float) -> tuple[float, ...]:
        """The steps of the rungs, all below the budget, growing."""

    def pilots(self, trials: int) -> int:
        """How many trials run one rung ahead of the others at the start; 0 for none."""
        return 0

    def agrees(self, scores: Sequence[tuple[float, float]]) -> bool:
        """True where the pilots' scores at steps 1 and 2 let half of all trials go after step 1."""
        return False

    def score(self, standing: Standing) -> float:
        """What trials are ranked by at a rung; of a companion metric alike."""
        return standing.best

    def places(self, arrived: int) -> int:
        """How many of those that came to a rung go on, where no rung waits for another trial."""
        return arrived

    def hurries(self, step: float, arrived: int, missing: int) -> bool:
        """False where :meth:`safe` names nobody, whoever has arrived; asked before a rung is."""
        return True

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        """Who of those that came goes on, whatever the ``missing`` trials do that may still come.

        They need not wait for the rung to be judged; it is judged later as if they had.
        """
        return ()

    @abstractmethod
    def judge(self, rung: Rung, memory: Any) -> tuple[Sequence[str], Any]:
        """Who goes on, the best first, and the next memory."""
