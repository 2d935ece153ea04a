"""Why a trial was stopped, as a record that is written, read back and shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tune_es.monitoring.sentence import WORDS, sentence
from tune_es.reading import read_number
from tune_es.records import Decision

_SAID = re.compile(r"(?P<word>[^:]+): (?P<criterion>.+) \((?P<evidence>[^()]*)\)")
_NUMBER = re.compile(r"(\w+)=(nan|-?inf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)")
_CAUSES = {word: cause.name for cause, word in WORDS.items()}


@dataclass(frozen=True)
class Why:
    """The reason of a stop.

    Args:
        step: At which step.
        cause: The name of a :class:`tune_es.Cause`.
        criterion: Which rule spoke.
        evidence: Its numbers, in the user's own sign.
        sentence: The same in one line, as in ``es/reason``.

    >>> from tune_es import Patience, Policy
    >>> why = Why.of(Policy("loss", "min", stop=Patience(1)).first_stop([0.5, 0.75]))
    >>> why.cause, why.criterion, dict(why.evidence)
    ('STALLED', 'Patience', {'value': 0.75, 'misses': 1, 'limit': 1, 'best': 0.5})
    >>> Why.said(why.sentence, 2) == why
    True
    """

    step: float
    cause: str
    criterion: str
    evidence: Mapping[str, float] = field(default_factory=dict)
    sentence: str = ""

    @classmethod
    def of(cls, decision: Decision | None) -> Why | None:
        """Of a decision; None where it does not stop."""
        if decision is None or not decision.stop or decision.verdict.cause is None:
            return None
        said, name = decision.verdict, decision.verdict.cause.name
        return cls(decision.step, name, said.criterion, dict(said.evidence), sentence(decision))

    @classmethod
    def said(cls, text: object, step: float) -> Why | None:
        """Of a sentence in ``es/reason``, its numbers as they were rounded there.

        None where it is no sentence of a stop.
        """
        found = _SAID.fullmatch(text) if isinstance(text, str) else None
        cause = None if found is None else _CAUSES.get(found["word"])
        if found is None or cause is None:
            return None
        return cls(step, cause, found["criterion"], _numbers(found["evidence"]), found[0])

    @classmethod
    def read(cls, data: object) -> Why | None:
        """Of what :meth:`as_dict` gave and JSON carried; None where it is something else."""
        if not isinstance(data, Mapping) or not isinstance(data.get("evidence"), Mapping):
            return None
        numbers = ((str(name), read_number(value)) for name, value in data["evidence"].items())
        evidence = {name: number for name, number in numbers if number is not None}
        step = read_number(data.get("step"))
        cause, rule, text = (str(data.get(key, "")) for key in ("cause", "criterion", "sentence"))
        return None if step is None else cls(step, cause, rule, evidence, text)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def _numbers(text: str) -> dict[str, float]:
    """What follows the names in ``value=0.75, misses=1``.

    >>> _numbers("value=nan, limit=inf, odd"), _numbers("")
    ({'value': nan, 'limit': inf}, {})
    """
    pairs = _NUMBER.findall(text)
    return {name: float(value) for name, value in pairs}
