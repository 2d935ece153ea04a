"""What a sweep in a replay did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tune_es.records import Action
from tune_es.replay.curves import Floats, Ints


class Event(NamedTuple):
    """A result and what was decided on it; ``trial`` counts from 0, ``time`` is in seconds."""

    time: float
    trial: int
    step: int
    action: Action


class Span(NamedTuple):
    """A worker busy with a trial, start-up included; ``step`` is the last one that finished."""

    worker: int
    trial: int
    start: float
    end: float
    step: int


@dataclass(frozen=True, eq=False)
class Run:
    """What a sweep did: an array element a trial.

    ``reached`` is the last evaluation that was reported, ``steps`` what was paid (more, where a
    failure made steps run again), ``seconds`` the worker time, start-up included. ``events`` and
    ``spans`` are in order of time. ``cut`` are the trials that were chosen after a pause at the end
    of a curve that is shorter than the budget: how they would have gone on was not recorded.
    ``curves`` are the curves that the trials followed, where a searcher chose them.
    """

    reached: Ints
    steps: Ints
    seconds: Floats
    failed: tuple[int, ...]
    makespan: float
    events: tuple[Event, ...]
    spans: tuple[Span, ...]
    cut: tuple[int, ...] = ()
    curves: tuple[int, ...] | None = None
