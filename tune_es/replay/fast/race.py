"""A sweep under a rule that promotes, in arrays: the rule, and where every trial is."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tune_es.replay.curves import Floats, Ints

#: An array of records: one for each trial, rung, row or step.
Records = NDArray[np.void]

#: What a promotion rule is.
QUOTA, TABLE, ASYNCHRONOUS = range(3)
#: Where a trial is: on its way, at a rung, to go on from there, or gone. Up to RUNNING it is away.
PENDING, RUNNING, WAITING, READY, GONE = range(5)
#: What a trial is told.
GO, PAUSE, STOP = range(3)
#: What is counted: the rung that is judged next, who was ready so far, trials paused, over, parted,
#: and those that went on from that rung before it was judged.
OPEN, MARKS, PAUSED, OVER, PARTED, EARLY = range(6)

#: A trial: its first row, its evaluations, where it ends by its own curve (0: nowhere), the place
#: of its name in their order; how far it is, where, to which rung it is on its way or at which it
#: is, as the how manieth it was to go on, and whether it went on early.
TRIAL = np.dtype(
    [
        ("start", np.int64),
        ("length", np.int64),
        ("stop", np.int64),
        ("name", np.int64),
        ("reached", np.int64),
        ("stage", np.int64),
        ("rung", np.int64),
        ("mark", np.int64),
        ("early", np.bool_),
    ],
    align=True,
)
#: A rung, the pilot's first and two that no trial reaches last: its step, how many have come to it,
#: and TABLE: how many go on.
RUNG = np.dtype([("step", np.int64), ("arrived", np.int64), ("places", np.int64)])
#: A row of the curves: what was reported, the best and the noise up to there, and its duration.
POINT = np.dtype([(name, np.float64) for name in ("value", "best", "noise", "seconds")])
#: A step: how often it doubles until the budget, the root of how many times it is in the budget.
STEP = np.dtype([("doubling", np.float64), ("root", np.float64)])


class Rule(NamedTuple):
    """A promotion rule in numbers.

    Args:
        kind: QUOTA, TABLE or ASYNCHRONOUS.
        places: ASYNCHRONOUS: how many go on, by how many have come to a rung.
        asynchronous: QUOTA: whether some may go on before a rung is full.
        factor: QUOTA: of all quotas.
        noise: QUOTA: how much of it lies between two curves.
        expected: What ranks are expected to move before any were seen.
        by_step: See STEP.
        fading: The exponent of a quota, by how many could still catch up.
        moves: By the rank at a rung and at half of its steps how far a trial has moved.
        exact: Whether sums are compensated, as those of Python from 3.12 on.
    """

    kind: int
    places: Ints
    asynchronous: bool
    factor: float
    noise: float
    expected: float
    by_step: Records
    fading: Floats
    moves: Floats
    exact: bool


class Race(NamedTuple):
    """All of a sweep.

    Args:
        rule: Who goes on.
        agree: Whether the pilots let half of the trials go.
        points: See POINT.
        trials: See TRIAL.
        rungs: See RUNG.
        ranked: ASYNCHRONOUS: by rung who has come to it, the best first.
        gone: Those that ended alive, and those that were let go alive, each in their order.
        numbers: See OPEN and the others.
        memory: How far ranks moved, and how many were looked at.
    """

    rule: Rule
    agree: bool
    points: Records
    trials: Records
    rungs: Records
    ranked: Ints
    gone: Ints
    numbers: Ints
    memory: Floats
