"""What a searcher reads in the results of trials, whatever these put there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tune_es.params import KEY
from tune_es.reading import SECONDS_ATTR, SEPARATOR, lookup, read_number
from tune_es.records import Cause
from tune_es.search.ledger import Ending

#: What a result calls the parameters of its trial.
CONFIG = "config"


@dataclass(frozen=True)
class Results:
    """Reads the values, the step and the end of a trial out of its results; nothing raises.

    Args:
        metrics: The keys of the objectives.
        time_attr: The key of the step.
        cost_attr: The key of a cost to note, if any.
    """

    metrics: tuple[str, ...]
    time_attr: str
    cost_attr: str | None = None

    def values(self, result: Mapping[str, object]) -> list[float | None]:
        """The objectives; None for what is missing, no number or not finite."""
        return [_finite(lookup(result, name)) for name in self.metrics]

    def step(self, result: Mapping[str, object]) -> int | None:
        """The step, cut to a whole number; None where there is none."""
        step = _finite(lookup(result, self.time_attr))
        return None if step is None else int(step)

    def ending(self, result: Mapping[str, object], error: bool) -> Ending:
        """What the last result says of the end; the cause is the scheduler's where it gave one.

        A Repeater gives nothing but a mean. It stands even where the last of its runs failed.
        """
        given = any(each is not None for each in self.values(result))
        is_mean = given and self.step(result) is None
        attrs = {}
        for name, key in (("es/seconds", SECONDS_ATTR), ("es/cost", self.cost_attr)):
            value = None if key is None else _finite(lookup(result, key))
            if value is not None:
                attrs[name] = value
        if error and not is_mean:
            return Ending("FAILED", True, attrs)
        said = lookup(result, f"{KEY}{SEPARATOR}cause")
        if said == Cause.BROKEN.name or any(_is_odd(lookup(result, each)) for each in self.metrics):
            return Ending(Cause.BROKEN.name, True, attrs)
        if isinstance(said, str) and said in Cause.__members__:
            return Ending(said, False, attrs)
        ended = is_mean or bool(result.get("done"))
        return Ending("ENDED" if ended else "UNFINISHED", False, attrs)


def config_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a trial as a flat result has them.

    >>> config_of({"loss": 0.5, "config/lr": 0.1, "config/net/depth": 3})
    {'lr': 0.1, 'net/depth': 3}
    """
    start = CONFIG + SEPARATOR
    return {key[len(start) :]: value for key, value in result.items() if key.startswith(start)}


def _finite(found: object) -> float | None:
    number = read_number(found)
    return number if number is not None and math.isfinite(number) else None


def _is_odd(found: object) -> bool:
    """True of NaN and the infinities; what is missing is not odd."""
    number = read_number(found)
    return number is not None and not math.isfinite(number)
