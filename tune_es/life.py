"""What is remembered of one trial."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

from tune_es.cohort import Peers
from tune_es.packing import pack, unpack
from tune_es.policy import Policy, PolicyState
from tune_es.records import Decision, Observation


@dataclass
class Life:
    """One trial from its first step; a trial that starts again from an earlier step is cut back."""

    policy: Policy
    state: PolicyState
    observations: list[Observation] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    #: What was saved last; None once something has come since.
    _saved: bytes | tuple[Any, ...] | None = None

    @classmethod
    def of(cls, saved: bytes | tuple[Any, ...], common: Policy) -> Life:
        """A life that has been saved."""
        policy, state, observations, decisions = _unpacked(saved)
        return cls(policy or common, state, [*observations], [*decisions], saved)

    def saved(self, common: Policy) -> bytes | tuple[Any, ...]:
        """All of it, to be pickled: packed when it was asked for first, and again after news.

        Only a policy that is not the common one is part of it.
        """
        if self._saved is None:
            own = None if self.policy is common else self.policy
            whole = (own, self.state, self.observations[:], self.decisions[:])
            self._saved = pack(whole) or whole
        return self._saved

    def place(self, step: float) -> int:
        """Where a step lies among those seen."""
        seen = self.observations
        return bisect_left(seen, step, key=_step) if seen and step <= seen[-1].step else len(seen)

    def knows(self, at: int, observation: Observation) -> bool:
        """True where the observation was judged before; the latest step stands as it was."""
        if self.observations[at].step != observation.step:
            return False
        return at == len(self.observations) - 1 or same(self.observations[at], observation)

    def add(self, observation: Observation, decision: Decision) -> None:
        """Remember an observation and what was decided on it."""
        self.observations.append(observation)
        self.decisions.append(decision)
        self._saved = None

    def cut(self, at: int, peers: Peers) -> None:
        """Go back to before the observation at ``at``; the state is built again from what stays."""
        del self.observations[at:], self.decisions[at:]
        self._saved, self.state = None, self.policy.init()
        for observation in self.observations:
            self.state, _ = self.policy.step(self.state, observation, peers)


_step = attrgetter("step")


def _unpacked(saved: bytes | tuple[Any, ...]) -> Any:
    return unpack(saved) if isinstance(saved, bytes) else saved


def same(one: Observation, other: Observation) -> bool:
    """Equal numbers; NaN equals NaN here. Clock time may differ."""
    if one.values == other.values:  # else NaN may be why
        return True
    return repr(sorted(one.values.items())) == repr(sorted(other.values.items()))
