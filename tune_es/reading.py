"""Numbers out of result dictionaries, whatever a trial put there; nothing here raises."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tune_es.records import Observation

#: Ray's key for the seconds that a trial has trained.
SECONDS_ATTR = "time_total_s"

#: What Ray itself puts between the levels of a nested key.
SEPARATOR = "/"


#: Levels of a nested result that are joined.
LEVELS = 50

#: What objects out of trials may raise when they are looked at.
ODDITIES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    StopIteration,
    TypeError,
    ValueError,
)


@dataclass(frozen=True)
class Reading:
    """What could be read of a result: an observation, and what was wrong by name.

    There is no observation where the step itself could not be read.
    """

    observation: Observation | None
    problems: Mapping[str, str]


def lookup(result: Mapping[str, object], name: str) -> object:
    """The value under a flat or nested key; None where there is none.

    >>> lookup({"val": {"loss": 0.5}}, "val/loss"), lookup({"val/loss": 0.4}, "val/loss")
    (0.5, 0.4)
    """
    if name in result:
        return result[name]
    head, _, rest = name.partition(SEPARATOR)
    inner = result.get(head)
    return lookup(inner, rest) if rest and isinstance(inner, Mapping) else None


def flat_items(
    nested: Mapping[str, object], above: str = "", within: tuple[object, ...] = ()
) -> Iterator[tuple[str, object]]:
    """Names and values on one level, the levels joined with a slash as Ray does it.

    A mapping that holds itself, or lies below 50 others, is left as it is; a key that cannot be
    written out is left out.

    >>> dict(flat_items({"lr": 0.1, "model": {"width": 8, "drop": {"p": 0.5}}}))
    {'lr': 0.1, 'model/width': 8, 'model/drop/p': 0.5}
    """
    for key, value in nested.items():
        try:
            name = f"{above}{key}"
        except ODDITIES:  # such as an integer of 5,000 digits
            continue
        known = len(within) >= LEVELS or any(value is each for each in within)
        if isinstance(value, Mapping) and not known:
            yield from flat_items(value, name + SEPARATOR, (*within, value))
        else:
            yield name, value


def read_number(value: object) -> float | None:
    """A number, a NumPy scalar or a tensor of no dimensions as a float; None for all else.

    NaN and infinities are numbers here; True, strings and arrays are not.

    >>> read_number(3), read_number("3"), read_number(True), read_number([3.0])
    (3.0, None, None, None)
    """
    if type(value) is float:  # nearly always, and the checks below take ten times as long
        return value
    try:
        if not isinstance(value, numbers.Real):
            item = getattr(value, "item", None)
            if not callable(item) or getattr(value, "ndim", 0) != 0:
                return None
            value = item()
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            return None
        return float(value)
    except ODDITIES:
        return None


def problem_of(value: object) -> str:
    """What a person is told of a value that is no number."""
    if isinstance(value, float):
        return f"is {value}"
    return "is missing" if value is None else f"is {type(value).__name__}, not a number"


@dataclass(frozen=True)
class Reader:
    """Turns results into observations: which keys, and which sign each has."""

    metric: str
    signs: Mapping[str, int]
    input_names: frozenset[str]
    time_attr: str
    max_t: float | None
    cost_attr: str | None
    price_per_hour: float | None

    def read(self, trial_id: str, result: Mapping[str, object]) -> Reading:
        """The oriented observation in a result, and the problems met."""
        problems: dict[str, str] = {}
        values: dict[str, float] = {}
        for name, sign in self.signs.items():
            number = read_number(found := lookup(result, name))
            if number is None:
                problems[name] = problem_of(found)
            else:
                values[name] = sign * number
        step = read_number(found := lookup(result, self.time_attr))
        if step is None or not math.isfinite(step):
            return Reading(None, {**problems, self.time_attr: problem_of(found)})
        for name in self.input_names:
            if (number := read_number(lookup(result, name))) is not None:
                values.setdefault(name, number)
        step = int(step) if step.is_integer() else step
        return Reading(self._observation(trial_id, step, values, result), problems)

    def _observation(
        self, trial_id: str, step: float, values: dict[str, float], result: Mapping[str, object]
    ) -> Observation:
        seconds = read_number(lookup(result, SECONDS_ATTR))
        cost = None if self.cost_attr is None else read_number(lookup(result, self.cost_attr))
        if cost is None and self.price_per_hour is not None and seconds is not None:
            cost = seconds / 3600 * self.price_per_hour
        sign, score = self.signs[self.metric], values.get(self.metric)
        return Observation(
            trial_id, step, score, values, self.signs, sign, self.max_t, seconds, cost
        )
