"""Hyperparameters sorted by how they can be drawn: numbers, categories, or not at all."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tune_es.monitoring.experiment import TrialRecord
from tune_es.report.numbers import spans_decades
from tune_es.report.text import literal, number

#: More values of one name than this are drawn as "other".
MOST_CATEGORIES = 12
#: Numbers with no more values than this are drawn side by side, as categories are.
FEW_NUMBERS = 6
OTHER = "other"
UNSET = "not set"


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter over all trials.

    Args:
        name: Its joined name.
        values: One a trial: a number, or the position of a category; NaN where it was not set.
        categories: Their labels; empty for numbers.
        is_log: True where the numbers span decades.
    """

    name: str
    values: tuple[float, ...]
    categories: tuple[str, ...] = ()
    is_log: bool = False


def shown_value(value: Any) -> str:
    """A hyperparameter's value as text."""
    found = _as_number(value)
    is_small = found is not None and not math.isinf(found)
    return number(found) if is_small and value is not UNSET else literal(value, 60)


def varied(trials: Sequence[TrialRecord]) -> tuple[list[Parameter], dict[str, str]]:
    """The hyperparameters that differ between trials, and the others with their one value."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.config))
    found, constant = [], {}
    for name in names:
        given = [trial.config.get(name, UNSET) for trial in trials]
        labels = [shown_value(value) for value in given]
        if len(set(labels)) < 2:
            constant[name] = labels[0]
        else:
            found.append(_parameter(name, given, labels))
    return found, constant


def _parameter(name: str, given: Sequence[Any], labels: Sequence[str]) -> Parameter:
    numbers = [_as_number(value) for value in given]
    values = tuple(value for value in numbers if value is not None)
    finite = [value for value in values if math.isfinite(value)]
    if len(values) == len(numbers) and len(set(finite)) > FEW_NUMBERS:
        return Parameter(name, values, is_log=spans_decades(np.array(finite)))
    if len(finite) == len(numbers):
        steps = sorted(set(finite))
        places = {value: float(at) for at, value in enumerate(steps)}
        labels = tuple(number(value) for value in steps)
        return Parameter(name, tuple(places[value] for value in values), labels)
    return _by_label(name, labels)


def _by_label(name: str, labels: Sequence[str]) -> Parameter:
    counted = Counter(labels).most_common()
    most = MOST_CATEGORIES - (len(counted) > MOST_CATEGORIES)
    kept = sorted((label for label, _ in counted[:most]), key=_rank)
    places = {label: float(at) for at, label in enumerate(kept)}
    categories = (*kept, OTHER) if len(kept) < len(counted) else tuple(kept)
    rest = float(len(categories) - 1)
    return Parameter(name, tuple(places.get(label, rest) for label in labels), categories)


def _rank(label: str) -> tuple[bool, float, str]:
    """Sorts what reads as a number by its size, and before all else."""
    try:
        size = float(label.replace(",", ""))
    except ValueError:
        size = math.nan
    return (True, 0.0, label) if math.isnan(size) else (False, size, label)


def _as_number(value: Any) -> float | None:
    if value is UNSET:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf
