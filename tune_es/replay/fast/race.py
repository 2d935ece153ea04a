"""A sweep under a rule that promotes, in arrays: the rule, and where every trial is."""

from __future__ import annotations

from typing import NamedTuple

from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast.block import Flags, Ranks
from tune_es.replay.fast.comparing import Column

#: What a promotion rule is.
QUOTA, TABLE, ASYNCHRONOUS = range(3)
#: Where a trial is: on its way, at a rung, to go on from there, or gone. Up to RUNNING it is away.
PENDING, RUNNING, WAITING, READY, GONE = range(5)
#: What a trial is told.
GO, PAUSE, STOP = range(3)
#: What is counted: the rung that is judged next, who was ready so far, trials paused, over, parted.
OPEN, MARKS, PAUSED, OVER, PARTED = range(5)


class Rule(NamedTuple):
    """A promotion rule in numbers.

    Args:
        kind: QUOTA, TABLE or ASYNCHRONOUS.
        steps: The pilot's rung, the others, and two that no trial reaches.
        places: How many go on. TABLE: by rung; ASYNCHRONOUS: by how many have come to it.
        asynchronous: QUOTA: whether some may go on before a rung is full.
        factor: QUOTA: of all quotas.
        noise: QUOTA: how much of it lies between two curves.
        doublings: By step how often it doubles until the budget.
        roots: By step the root of how many times it is in the budget.
        fading: The exponent of a quota, by how many could still catch up.
        moves: By the rank at a rung and at half of its steps how far a trial has moved.
        exact: Whether sums are compensated, as those of Python from 3.12 on.
        expected: What ranks are expected to move before any were seen.
    """

    kind: int
    steps: Ints
    places: Ints
    asynchronous: bool
    factor: float
    noise: float
    doublings: Floats
    roots: Floats
    fading: Floats
    moves: Floats
    exact: bool
    expected: float


class Race(NamedTuple):
    """All of a sweep, by trial where nothing is said.

    Args:
        column: What the trials report.
        noise: The noise of a curve at every row.
        rule: Who goes on.
        agree: Whether the pilots let half of the trials go.
        names: The place of its name in their order.
        stops: Where a trial ends by its own curve; 0 where it does not.
        reached: How far it is.
        stage: Where it is.
        rung: To which rung it is on its way, or at which it is.
        mark: In which order it was to go on.
        early: Who went on from the open rung before that was judged.
        arrived: By rung how many have come to it.
        ranked: ASYNCHRONOUS: by rung who has come to it, the best first.
        over: Those that ended alive, in this order.
        parted: Those that were let go alive, in this order.
        numbers: See OPEN and the others.
        memory: How far ranks moved, and how many were looked at.
    """

    column: Column
    noise: Floats
    rule: Rule
    agree: bool
    names: Ints
    stops: Ints
    reached: Ints
    stage: Ranks
    rung: Ints
    mark: Ints
    early: Flags
    arrived: Ints
    ranked: Ints
    over: Ints
    parted: Ints
    numbers: Ints
    memory: Floats
