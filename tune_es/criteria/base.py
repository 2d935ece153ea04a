"""What a criterion is: a frozen specification, and pure functions on a state it does not own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from tune_es.cohort import Axes, Peers
from tune_es.records import Cause, Observation, Verdict


@dataclass(frozen=True)
class Criterion(ABC):
    """One idea of when more training is not worth its price.

    ``init()`` gives the state of a new trial; ``step(state, observation, peers)`` gives the next
    state and a verdict, changing neither argument. Everything a criterion remembers is in the
    state, so one object serves every trial, in a live sweep and in replay. An observation that
    lacks the criterion's metric leaves the state as it was, and the verdict is unheard.

    Join criteria with ``|`` (any), ``&`` (all) and the classes in :mod:`tune_es.criteria.combine`.
    """

    @abstractmethod
    def init(self) -> Any:
        """The state of a trial that has reported nothing."""

    @abstractmethod
    def step(self, state: Any, observation: Observation, peers: Peers) -> tuple[Any, Verdict]:
        """The next state and the verdict on one observation."""

    @property
    def parts(self) -> tuple[Criterion, ...]:
        """The criteria inside this one."""
        values = (getattr(self, each.name) for each in fields(self))
        return tuple(value for value in values if isinstance(value, Criterion))

    @property
    def uses_peers(self) -> bool:
        """True where ``step`` looks at the other trials."""
        return any(part.uses_peers for part in self.parts)

    @property
    def needs_max_t(self) -> bool:
        """True where the criterion cannot judge without knowing the budget."""
        return any(part.needs_max_t for part in self.parts)

    @property
    def reduces(self) -> bool:
        """True where its verdicts may ask for a lower learning rate."""
        return any(part.reduces for part in self.parts)

    @property
    def metric_names(self) -> frozenset[str]:
        """The metrics it reads besides the score; a policy has to know them."""
        own = [getattr(self, each.name) for each in fields(self) if each.name.endswith("metric")]
        for name in own:
            if name is not None and not isinstance(name, str):
                raise ValueError(
                    f"{type(self).__name__} metrics are named by strings, got {name!r}"
                )
        inner = (part.metric_names for part in self.parts)
        return frozenset(name for name in own if name is not None).union(*inner)

    @property
    def input_names(self) -> frozenset[str]:
        """Further numbers it reads from a result that are no metrics, such as reported weights."""
        return frozenset[str]().union(*(part.input_names for part in self.parts))

    @cached_property
    def axes(self) -> frozenset[Axes]:
        """On what it compares trials besides the score; their vectors are recorded for it."""
        return frozenset[Axes]().union(*(part.axes for part in self.parts))

    @cached_property
    def compared(self) -> frozenset[Axes] | None:
        """Its axes where it compares trials at all, else None."""
        return self.axes if self.uses_peers else None

    @cached_property
    def label(self) -> str:
        """Its name in verdicts: the class, and the metric where one is given."""
        metric = getattr(self, "metric", None)
        return f"{type(self).__name__}[{metric}]" if metric else type(self).__name__

    def walk(self) -> Iterator[Criterion]:
        """This criterion and every one inside it."""
        yield self
        for part in self.parts:
            yield from part.walk()

    def on(self, metric: str) -> Criterion:
        """The same criterion, judging this metric instead of the score."""
        if not any(each.name == "metric" for each in fields(self)):
            raise ValueError(f"{type(self).__name__} has no metric of its own; name it inside")
        change: dict[str, Any] = {"metric": metric}
        return replace(self, **change)

    def map_parts(self, change: Callable[[Criterion], Criterion]) -> Criterion:
        """The same criterion with each part changed."""
        mine = {each.name: getattr(self, each.name) for each in fields(self)}
        inner = {name: change(part) for name, part in mine.items() if isinstance(part, Criterion)}
        return replace(self, **inner) if inner else self

    def held(self, step: float) -> Criterion:
        """The same criterion, asking for no lower learning rate before a step."""
        return self.map_parts(lambda part: part.held(step)) if self.reduces and step else self

    def verdict(
        self, cause: Cause | None, evidence: Mapping[str, float], left: float | None = None
    ) -> Verdict:
        """A verdict in this criterion's name; it stops where there is a cause."""
        return Verdict(cause is not None, self.label, cause, evidence, 0 if cause else left)

    def silence(self, left: float | None = None) -> Verdict:
        """The verdict on an observation that holds nothing for this criterion."""
        if left is None:
            return self._silence
        return Verdict(False, self.label, None, {}, left, heard=False)

    @cached_property
    def _silence(self) -> Verdict:
        return Verdict(False, self.label, None, {}, heard=False)

    def __or__(self, other: Criterion) -> Criterion:
        from tune_es.criteria.combine import AnyOf

        return AnyOf.of(self, other)

    def __and__(self, other: Criterion) -> Criterion:
        from tune_es.criteria.combine import AllOf

        return AllOf.of(self, other)
