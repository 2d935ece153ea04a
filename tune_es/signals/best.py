"""The best value so far, where an improvement has to be proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from tune_es.checks import check_number
from tune_es.signals.base import Signal


class _State(NamedTuple):
    best: float | None = None


@dataclass(frozen=True)
class BestSoFar(Signal):
    """The highest value so far; a new one counts when it exceeds the old by over ``min_delta``.

    >>> signal, state = BestSoFar(min_delta=0.1), BestSoFar().init()
    >>> for value in (1.0, 1.05, 1.2, float("nan")):
    ...     state, best = signal.step(state, value)
    ...     print(best)
    1.0
    1.0
    1.2
    1.2
    """

    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check_number("BestSoFar", "min_delta", self.min_delta, least=0)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, value: float) -> tuple[_State, float | None]:
        if is_better(value, state.best, self.min_delta):
            state = _State(value)
        return state, state.best


def is_better(value: float, best: float | None, min_delta: float = 0.0) -> bool:
    """Law 1: an improvement is proven or it is none; ties, NaN and +-inf are misses.

    >>> is_better(1.0, None), is_better(1.0, 1.0), is_better(float("nan"), None)
    (True, False, False)
    """
    if value - value != 0.0:  # NaN and infinities
        return False
    return best is None or value > best + min_delta
