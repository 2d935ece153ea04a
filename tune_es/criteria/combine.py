"""Criteria made of criteria; every part sees every observation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from tune_es.checks import check_count
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.records import PRECEDENCE, Observation, Verdict

#: The state of each part, and its last say.
States = tuple[tuple[Any, ...], tuple[Verdict, ...]]


def check_criterion(owner: str, value: object) -> None:
    """Refuse what is not a criterion."""
    if not isinstance(value, Criterion):
        raise ValueError(f"{owner} joins criteria such as Patience(5), got {value!r}")


def check_own_curve(owner: str, rule: object) -> None:
    """Refuse a rule that compares trials where the score it is given is not what peers have."""
    check_criterion(owner, rule)
    if isinstance(rule, Criterion) and rule.uses_peers:
        raise ValueError(f"{owner}.rule must judge one curve; join {rule.label} beside it with |")


@dataclass(frozen=True, init=False, repr=False)
class _Joined(Criterion):
    """A set of criteria: order and repetition carry no meaning, so they are not kept."""

    criteria: tuple[Criterion, ...]

    def __init__(self, *criteria: Criterion) -> None:
        name = type(self).__name__
        if not criteria:
            raise ValueError(f"{name}.criteria must hold at least 1 criterion, got none")
        for criterion in criteria:
            check_criterion(name, criterion)
        distinct = {repr(each): each for each in self._flatten(criteria)}
        object.__setattr__(self, "criteria", tuple(distinct[key] for key in sorted(distinct)))

    @classmethod
    def of(cls, *criteria: Criterion) -> Criterion:
        """The criteria joined; a single distinct one is itself."""
        joined = cls(*criteria)
        return joined if len(joined.criteria) > 1 else joined.criteria[0]

    @classmethod
    def _flatten(cls, criteria: Iterable[Criterion]) -> Iterable[Criterion]:
        for criterion in criteria:
            if type(criterion) is cls:
                yield from criterion.parts
            else:
                yield criterion

    @property
    def parts(self) -> tuple[Criterion, ...]:
        return self.criteria

    @property
    def _quorum(self) -> int:
        """How many parts have to fire."""
        return 1

    def map_parts(self, change: Callable[[Criterion], Criterion]) -> Criterion:
        return type(self)(*map(change, self.criteria))

    def init(self) -> States:
        parts = self.criteria
        return tuple(part.init() for part in parts), tuple(part.silence() for part in parts)

    def step(self, state: States, observation: Observation, peers: Peers) -> tuple[States, Verdict]:
        inner, said, heard = [], [], False
        for part, before, last in zip(self.criteria, *state, strict=True):
            after, verdict = part.step(before, observation, peers)
            inner.append(after)
            said.append(verdict if verdict.heard else last)
            heard = heard or verdict.heard
        joined = _join(said, self._quorum)
        if not heard:
            joined = self.silence(joined.left)
        rate = min(map(_rate, said))
        same = (joined.heard, joined.rate) == (heard, rate)
        after = tuple(inner), tuple(said)
        return after, joined if same else replace(joined, heard=heard, rate=rate)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.criteria))})"


_rate = attrgetter("rate")


def _join(verdicts: Sequence[Verdict], quorum: int) -> Verdict:
    fired = [verdict for verdict in verdicts if verdict.stop]
    if len(fired) < quorum:
        return _deciding(verdicts, quorum)
    fired.sort(key=_precedence)
    return fired[0] if quorum == 1 else _together(fired)


def mute(verdict: Verdict) -> Verdict:
    """The verdict with its evidence, not stopping: when it will stop is not its own to say."""
    return replace(verdict, stop=False, cause=None, left=None) if verdict.stop else verdict


def _precedence(verdict: Verdict) -> int:
    return len(PRECEDENCE) if verdict.cause is None else PRECEDENCE.index(verdict.cause)


def _deciding(verdicts: Sequence[Verdict], quorum: int) -> Verdict:
    """The verdict that will bring the quorum, should nothing improve; never a stop."""
    waiting = sorted(verdicts, key=lambda each: math.inf if each.left is None else each.left)
    last = waiting[quorum - 1]
    return mute(last)


def _together(fired: Sequence[Verdict]) -> Verdict:
    """One verdict from several: the evidence of each under its own name."""
    evidence: dict[str, float] = {}
    for verdict in fired:
        prefix = verdict.criterion
        while any(key.startswith(f"{prefix}.") for key in evidence):
            prefix += "'"
        evidence.update({f"{prefix}.{key}": value for key, value in verdict.evidence.items()})
    names = " & ".join(verdict.criterion for verdict in fired)
    return Verdict(True, names, fired[0].cause, evidence, 0)


@dataclass(frozen=True, init=False, repr=False)
class AnyOf(_Joined):
    """Stops when at least one part does; written ``a | b``.

    The decision carries the evidence of the part whose cause comes first in
    :data:`tune_es.records.PRECEDENCE`.

    >>> from tune_es import Patience, Target, fired_at
    >>> fired_at(Patience(2) | Target(0.9), [0.5, 0.95, 0.95])
    1
    >>> Patience(2) | Target(0.9) == Target(0.9) | Patience(2)
    True
    """


@dataclass(frozen=True, init=False, repr=False)
class AllOf(_Joined):
    """Stops when every part does; written ``a & b``.

    A part whose metric is not in a result keeps its last say, so parts may judge metrics that are
    reported at different times.

    >>> from tune_es import Patience, fired_at
    >>> fired_at(Patience(1) & Patience(3), [0.5, 0.5, 0.5, 0.5])
    3
    """

    @property
    def _quorum(self) -> int:
        return len(self.criteria)


@dataclass(frozen=True, init=False, repr=False)
class AtLeast(_Joined):
    """Stops when at least ``k`` different parts do; a part without its metric keeps its last say.

    >>> from tune_es import Patience, Target, fired_at
    >>> fired_at(AtLeast(2, Patience(1), Patience(3), Target(0.9)), [0.5] * 5)
    3
    """

    k: int

    def __init__(self, k: int, *criteria: Criterion) -> None:
        super().__init__(*criteria)
        check_count("AtLeast", "k", k)
        if k > len(self.criteria):
            raise ValueError(
                f"AtLeast.k must be at most the number of different criteria "
                f"({len(self.criteria)}), got {k}"
            )
        object.__setattr__(self, "k", k)

    @classmethod
    def _flatten(cls, criteria: Iterable[Criterion]) -> Iterable[Criterion]:
        return criteria

    @property
    def _quorum(self) -> int:
        return self.k

    def map_parts(self, change: Callable[[Criterion], Criterion]) -> Criterion:
        return type(self)(self.k, *map(change, self.criteria))

    def __repr__(self) -> str:
        return f"AtLeast({self.k}, {', '.join(map(repr, self.criteria))})"
