"""Why a trial was stopped, as a record that is written, read back and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tune_es.records import Decision


@dataclass(frozen=True)
class Why:
    """The reason of a stop.

    Args:
        step: At which step.
        cause: The name of a :class:`tune_es.Cause`.
        criterion: Which rule spoke.
        evidence: Its numbers, in the user's own sign.
        sentence: The same in one line, as in ``es/reason``.
    """

    step: float
    cause: str
    criterion: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    sentence: str = ""
