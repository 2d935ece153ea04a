"""How often such stops were right: counts of recorded stops, and the share they stand for."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from tune_es.report.explain.beta import shortest

#: A stop of a curve was right where the rest of it would not have improved the best value by more
#: than this share of its absolute value; one by comparison, where the trial would not have beaten
#: the best of the sweep by more than this share of what the best gains over the median trial.
EPSILON = 0.005

#: The parts of the budget in which stops are counted apart: up to and with each share.
PARTS = (0.1, 0.25, 0.5, 0.75, 1.0)

#: Stops of the rule as a whole that a cell is taken to have seen beside its own.
PRIOR = 10.0

#: Fewer stops or tasks than these tell nothing.
FEWEST_STOPS, FEWEST_TASKS = 20, 3

#: The counts that come with the package.
SHIPPED = "calibration.json"


class Cell(NamedTuple):
    """Which stops are counted together; an empty mode is both, and no part all of them."""

    rule: str
    mode: str = ""
    part: int | None = None


@dataclass(frozen=True)
class Counts:
    """Recorded stops of one kind.

    Args:
        right: How many were right.
        stops: How many there were.
        tasks: On how many tasks.
        effective: How many independent stops tell as much: those of one task are alike.
        likeness: How alike, by :func:`likeness`.
    """

    right: int
    stops: int
    tasks: int
    effective: float
    likeness: float = 0.0


class Share(NamedTuple):
    """The share of stops that are right, and the range in which four of five new tasks have it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Calibration:
    """How often the stops of some rules were right.

    Args:
        cells: The counts by kind of stop.
        source: Where they were counted, in words that follow "measured on".
        budgets: The smallest and the largest budget that was seen, in evaluations.
        fewest_tasks: Tasks that a kind needs to be spoken of.
    """

    cells: Mapping[Cell, Counts]
    source: str
    budgets: tuple[float, float] = (0.0, math.inf)
    fewest_tasks: int = FEWEST_TASKS

    def find(self, rule: str, mode: str, part: int) -> Cell | None:
        """The most special kind that this stop is one of.

        Where few such stops were seen that is the rule as a whole; None where none was, or the
        rule itself hardly ever spoke.
        """
        here = [
            cell for cell in (Cell(rule, mode, part), Cell(rule, "", part)) if cell in self.cells
        ]
        for cell in (*here, Cell(rule)):
            if here and self._is_enough(self.cells[cell]):
                return cell
        return None

    def _is_enough(self, counts: Counts) -> bool:
        return counts.stops >= FEWEST_STOPS and counts.tasks >= self.fewest_tasks

    def share(self, cell: Cell) -> Share:
        """What share of such stops is right."""
        return share_of(self.cells[cell], self.cells[Cell(cell.rule)])


def part_of(used: float) -> int:
    """The part of the budget that a share of it lies in.

    >>> [part_of(used) for used in (0.05, 0.1, 0.11, 1.0)]
    [0, 0, 1, 4]
    """
    return next((at for at, top in enumerate(PARTS) if used <= top + 1e-9), len(PARTS) - 1)


@cache
def share_of(cell: Counts, whole: Counts) -> Share:
    """The share of right stops in a cell, drawn towards that of all stops of the rule.

    The whole counts as :data:`PRIOR` stops beside those of the cell, and has itself one of two
    right beside its own, so no share is 0 or 1. The interval is the shortest with 90 % of a beta
    distribution that is as wide as few stops and the distance between tasks make it; of tasks that
    were left out four in five had theirs in it.

    >>> few, all_of_it = Counts(3, 3, 1, 3.0, 0.1), Counts(80, 100, 9, 40.0, 0.1)
    >>> [round(number, 2) for number in share_of(few, all_of_it)]
    [0.84, 0.61, 1.0]
    """
    of_all = (_rate(whole) * whole.effective + 1) / (whole.effective + 2)
    seen = cell.effective + PRIOR
    value = (_rate(cell) * cell.effective + PRIOR * of_all) / seen
    low, high = shortest(value, max(1 / (cell.likeness + 1 / seen) - 1, 0.1))
    return Share(value, low, high)


def _rate(counts: Counts) -> float:
    return counts.right / counts.stops if counts.stops else 0.0


def counted(tasks: Sequence[tuple[int, int]], likeness: float) -> Counts:
    """The counts of tasks, each with its right and its stops; ``likeness`` is of their rule.

    >>> counted([(9, 10), (5, 10)], likeness=0.5)
    Counts(right=14, stops=20, tasks=2, effective=3.6363636363636362, likeness=0.5)
    """
    seen = [(right, stops) for right, stops in tasks if stops]
    stops = sum(each for _, each in seen)
    inflated = sum(each * (1 + (each - 1) * likeness) for _, each in seen)
    effective = stops * stops / inflated if inflated else 0.0
    return Counts(sum(right for right, _ in seen), stops, len(seen), effective, likeness)


def likeness(tasks: Iterable[tuple[int, int]]) -> float:
    """How alike stops of one task are: 0 like any others, 1 all the same.

    The correlation within tasks that explains how far their shares lie apart; by moments.

    >>> likeness([(10, 10), (0, 10)]), likeness([(5, 10), (5, 10)])
    (1.0, 0.0)
    """
    seen = [(right, stops) for right, stops in tasks if stops]
    stops = sum(each for _, each in seen)
    pairs = sum(each * (each - 1) for _, each in seen)
    if not pairs:
        return 0.0
    share = (sum(right for right, _ in seen) + 1) / (stops + 2)
    apart = sum((right - share * each) ** 2 for right, each in seen)
    return min(1.0, max(0.0, (apart / (share * (1 - share)) - stops) / pairs))


@cache
def shipped() -> Calibration:
    """The counts of public curves that come with the package."""
    text = files(__package__).joinpath(SHIPPED).read_text(encoding="utf-8")
    return from_plain(json.loads(text))


def to_plain(calibration: Calibration) -> dict[str, object]:
    """The counts as plain data, for :func:`from_plain`; effective numbers are rounded."""
    rows = [
        [*cell, counts.right, counts.stops, counts.tasks, *_rounded(counts)]
        for cell, counts in calibration.cells.items()
    ]
    return {"source": calibration.source, "budgets": list(calibration.budgets), "cells": rows}


def _rounded(counts: Counts) -> tuple[float, float]:
    return round(counts.effective, 1), round(counts.likeness, 3)


def from_plain(data: Mapping[str, object]) -> Calibration:
    """The counts that plain data holds."""
    rows, budgets = data["cells"], data["budgets"]
    if not isinstance(rows, list) or not isinstance(budgets, list):
        raise ValueError(f"{SHIPPED} must hold lists of cells and budgets")
    cells = {Cell(*row[:3]): Counts(*row[3:]) for row in rows}
    return Calibration(cells, str(data["source"]), (budgets[0], budgets[1]))
