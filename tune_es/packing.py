"""What is remembered, packed: small, and saved at once however much of it there is."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from typing import Any

from tune_es.records import Decision, Verdict


def pack(value: object) -> bytes | None:
    """A value as bytes; None where it can only be pickled by value, as Ray does.

    That is what holds something of a class that was defined in a script or in a function.
    """
    try:
        packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    except (pickle.PicklingError, AttributeError, TypeError):
        return None
    return None if b"__main__" in packed else packed


def unpack(packed: bytes) -> Any:
    """The value again."""
    return pickle.loads(packed)


class Ended(Mapping[str, Decision]):
    """The last decision about every trial that has ended; each is packed by itself.

    >>> from tune_es import Action
    >>> ended = Ended()
    >>> ended.add(Decision("a", 3, Action.STOP, Verdict(True, "Target"), best=0.5))
    >>> ended["a"].step, len(ended)
    (3, 1)
    """

    def __init__(self, saved: Mapping[str, bytes | Decision] | None = None) -> None:
        self._saved = dict(saved or {})
        self._latest: Decision | None = None

    def add(self, decision: Decision) -> None:
        """A trial has ended with this decision."""
        self._saved[decision.trial_id] = pack(_numbers(decision)) or decision
        self._latest = decision

    def saved(self) -> dict[str, bytes | Decision]:
        """All of them, to be pickled; what is made of it is equal."""
        return dict(self._saved)

    def __getitem__(self, trial_id: str) -> Decision:
        if self._latest is None or self._latest.trial_id != trial_id:
            saved = self._saved[trial_id]
            self._latest = _decision(trial_id, saved) if isinstance(saved, bytes) else saved
        return self._latest

    def __contains__(self, trial_id: object) -> bool:
        return trial_id in self._saved

    def __iter__(self) -> Iterator[str]:
        return iter(self._saved)

    def __len__(self) -> int:
        return len(self._saved)


def _numbers(decision: Decision) -> tuple[object, ...]:
    """A decision without the names of its fields and its trial: half of the bytes."""
    said = decision.verdict
    verdict = (said.stop, said.criterion, said.cause, said.evidence, said.left, said.heard)
    return decision.step, decision.action, decision.best, decision.best_step, *verdict, said.rate


def _decision(trial_id: str, packed: bytes) -> Decision:
    step, action, best, best_step, *verdict = unpack(packed)
    return Decision(trial_id, step, action, Verdict(*verdict), best, best_step)
