"""Which of two trials is ahead where one metric cannot tell."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tune_es.checks import check_count, check_name, check_number
from tune_es.promotion.ranks import mean_ranks
from tune_es.promotion.standing import Standing, Track

Score = Callable[[Standing], float]

JOINS = ("lexicographic", "combined")


def best(standing: Standing) -> float:
    """The score that ranks trials where nothing else is said."""
    return standing.best


@dataclass(frozen=True)
class TieBreak:
    """Breaks ties of the primary metric at a rung by companion metrics.

    Fine-tuned classifiers sit at the accuracy of the majority class for much of a run while their
    losses tell them apart. Two trials are tied where their primary values differ by no more than
    the sampling noise of the validation set, ``standard_errors * sqrt(p (1 - p) / n_val)`` with
    ``p`` the better value. Groups of tied trials are formed from the best trial down, each as wide
    as the noise at its best; so the primary metric decides as soon as it separates, and a chain of
    small differences does not tie the first with the last. Who can still catch a leader that it is
    tied with is judged on the first companion, too.

    Args:
        by: The companion metrics, the first decides first; each with its mode in
            ``Policy.other_metrics``.
        n_val: Examples in the validation set, for a primary metric that is a share of them such
            as accuracy or an error rate, from 0 to 1 or in percent. None: only equal values tie.
        standard_errors: How wide a tie is.
        join: ``"lexicographic"``, or ``"combined"``: tied trials share their rank, and the sum of
            a trial's ranks in all metrics decides; then a much better loss can outweigh a
            slightly worse accuracy.

    Raises:
        ValueError: No companion or one twice, a number outside its range, an unknown ``join``.

    >>> from tune_es.promotion import Standing, Track
    >>> def trial(name, accuracy, loss):
    ...     return Standing(name, 1, accuracy, 0, 0, others=(Standing(name, 1, -loss, 0, 0),))
    >>> trials = [trial("a", 0.70, 0.60), trial("b", 0.71, 0.65), trial("c", 0.60, 0.10)]
    >>> [each.trial_id for each in TieBreak("eval_loss", n_val=400).ranked(trials)]
    ['a', 'b', 'c']
    >>> [each.trial_id for each in TieBreak("eval_loss").ranked(trials)]
    ['b', 'a', 'c']
    """

    by: tuple[str, ...] | str
    n_val: int | None = None
    standard_errors: float = 1.0
    join: str = "lexicographic"

    def __post_init__(self) -> None:
        names = (self.by,) if isinstance(self.by, str) else self.by
        if not isinstance(names, (tuple, list)) or not names or len(set(names)) < len(names):
            raise ValueError(f"TieBreak.by must name metrics, each once, got {self.by!r}")
        object.__setattr__(self, "by", tuple(names))
        if self.n_val is not None:
            check_count("TieBreak", "n_val", self.n_val)
        check_number("TieBreak", "standard_errors", self.standard_errors, above=0)
        check_name("TieBreak", "join", self.join, JOINS)

    def width(self, best: float) -> float:
        """How far below an oriented value another one is still tied with it."""
        if self.n_val is None or not math.isfinite(best):
            return 0.0
        unit = 1.0 if abs(best) <= 1 else 100.0
        share = min(abs(best) / unit, 1.0)
        spread = max(share * (1 - share), (1 - 1 / self.n_val) / self.n_val)  # 0 and 1 are noisy
        return self.standard_errors * unit * math.sqrt(spread / self.n_val)

    def ranked(self, standings: Iterable[Standing], score: Score = best) -> list[Standing]:
        """The trials, the best first, by a score that is read off every metric alike."""
        groups = list(self._groups(sorted(standings, key=lambda each: -score(each)), score))
        if self.join == "lexicographic":
            return [one for group in groups for one in sorted(group, key=by_companions(score))]
        return _combined(groups, score)

    def can_catch(
        self, standing: Standing, leader: Standing, max_t: float, noise: float = 2.0
    ) -> bool:
        """True where the leader is in reach: on the first companion where the two are tied."""
        if leader.best - standing.best <= self.width(leader.best):
            return standing.others[0].can_catch(leader.others[0], max_t, noise)
        return standing.can_catch(leader, max_t, noise)

    @property
    def moves_all(self) -> bool:
        """True where every trial that comes may change the order of all others."""
        return self.join == "combined"

    def _groups(self, ranked: Sequence[Standing], score: Score) -> Iterator[list[Standing]]:
        """Tied trials side by side, the best group first."""
        group: list[Standing] = []
        head = width = 0.0
        for each in ranked:
            if group and head - score(each) > width:
                yield group
                group = []
            if not group:
                head = score(each)
                width = self.width(head)
            group.append(each)
        if group:
            yield group


def track_of(trial_id: str, ties: TieBreak | None) -> Track:
    """A trial that has reported nothing, with the companion metrics that are asked for."""
    others = () if ties is None else tuple(Track(trial_id) for _ in ties.by)
    return Track(trial_id, others=others)


def ranked(
    standings: Iterable[Standing], ties: TieBreak | None, score: Score = best
) -> list[Standing]:
    """Trials, the best first; without a tie break, equal ones keep their order."""
    if ties is not None:
        return ties.ranked(standings, score)
    return sorted(standings, key=lambda each: -score(each))


def leader_of(standings: Sequence[Standing], ties: TieBreak | None) -> Standing:
    """The first of :func:`ranked`."""
    if ties is None:
        return max(standings, key=best)
    if ties.moves_all:
        return ties.ranked(standings)[0]
    head = max(map(best, standings))
    width = ties.width(head)
    return ties.ranked(each for each in standings if not head - each.best > width)[0]


def can_catch(
    standing: Standing, leader: Standing, max_t: float, noise: float, ties: TieBreak | None
) -> bool:
    """True where the leader is in reach, whatever tells tied trials apart."""
    if ties is None:
        return standing.can_catch(leader, max_t, noise)
    return ties.can_catch(standing, leader, max_t, noise)


def reasons(order: Sequence[Standing]) -> dict[str, dict[str, float]]:
    """Where each trial stood at a rung, of those that came to it, the best first."""
    leader = order[0].best
    return {
        each.trial_id: {"rank": rank, "trials": len(order), "best": each.best, "leader": leader}
        for rank, each in enumerate(order, start=1)
    }


def by_companions(score: Score) -> Callable[[Standing], tuple[float, ...]]:
    """What tied trials are sorted by, where companions decide one after the other."""
    return lambda each: (*(-score(other) for other in each.others), -score(each))


def _combined(groups: Sequence[Sequence[Standing]], score: Score) -> list[Standing]:
    """By the sum of the ranks in every metric; of equal sums the better primary value is first."""
    trials = [one for group in groups for one in group]
    places = [float(-at) for at, group in enumerate(groups) for _ in group]
    columns = [
        places,
        *zip(*([score(other) for other in one.others] for one in trials), strict=True),
    ]
    sums = [-sum(ranks) for ranks in zip(*map(mean_ranks, columns), strict=True)]
    order = sorted(range(len(trials)), key=lambda at: (sums[at], -score(trials[at])))
    return [trials[at] for at in order]
