"""What is remembered of one trial."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from tune_es.cohort import Peers
from tune_es.policy import Policy, PolicyState
from tune_es.records import Decision, Observation


@dataclass
class Life:
    """One trial from its first step; a trial that starts again from an earlier step is cut back."""

    policy: Policy
    state: PolicyState
    steps: list[float] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        policy: Policy,
        state: PolicyState,
        observations: Sequence[Observation],
        decisions: Sequence[Decision],
    ) -> Life:
        """A life that has been saved."""
        steps = [seen.step for seen in observations]
        return cls(policy, state, steps, list(observations), list(decisions))

    def place(self, step: float) -> int:
        """Where a step lies among those seen."""
        return bisect_left(self.steps, step)

    def knows(self, at: int, observation: Observation) -> bool:
        """True where the observation was judged before; the latest step stands as it was."""
        if self.steps[at] != observation.step:
            return False
        return at == len(self.steps) - 1 or same(self.observations[at], observation)

    def add(self, observation: Observation, decision: Decision) -> None:
        """Remember an observation and what was decided on it."""
        self.steps.append(observation.step)
        self.observations.append(observation)
        self.decisions.append(decision)

    def cut(self, at: int, peers: Peers) -> None:
        """Go back to before the observation at ``at``; the state is built again from what stays."""
        del self.steps[at:], self.observations[at:], self.decisions[at:]
        self.state = self.policy.init()
        for observation in self.observations:
            self.state, _ = self.policy.step(self.state, observation, peers)


def same(one: Observation, other: Observation) -> bool:
    """Equal numbers; NaN equals NaN here. Clock time may differ."""
    return repr(sorted(one.values.items())) == repr(sorted(other.values.items()))
