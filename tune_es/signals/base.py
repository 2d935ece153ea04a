"""What a signal is: a frozen specification with a pure ``init`` and ``step``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any


class Signal(ABC):
    """An incremental number over one curve.

    ``step(state, value)`` returns the next state and the current number, ``None`` before there is
    one. Non-finite values are passed over: one NaN does not poison what follows.
    """

    @abstractmethod
    def init(self) -> Any:
        """The state before any value."""

    @abstractmethod
    def step(self, state: Any, value: float) -> tuple[Any, float | None]:
        """The state after ``value``, and the signal's number."""
