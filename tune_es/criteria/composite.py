"""One score from several metrics, in units that can be added, and re-scored when they change."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from tune_es.checks import check_name, check_number
from tune_es.cohort import Peers
from tune_es.criteria.base import Criterion
from tune_es.criteria.combine import check_own_curve
from tune_es.records import Observation, Verdict
from tune_es.signals.series import Series
from tune_es.signals.spread import Spread

Scale = tuple[float, float]

#: A scale is taken anew when it has moved by this share, which a curve does a few times only.
RESCALE = 0.1

NORMALISE = ("range", "deviation", "none")


class _State(NamedTuple):
    inner: Any
    last: tuple[float | None, ...]
    spreads: tuple[Spread, ...]
    scales: tuple[Scale, ...]
    weights: Mapping[str, float]
    reported: Mapping[str, float]
    history: Series[tuple[Observation, tuple[float, ...]]] = Series()


@dataclass(frozen=True)
class Composite(Criterion):
    """Gives a rule the weighted mean of several metrics, each normalised by its own spread so far.

    A raw weighted sum mixes units: a loss of 5 drowns an accuracy of 0.9. Here each metric is
    oriented and divided by its running range or standard deviation first. When a scale has moved
    by a tenth, or the weights change, the whole history is scored again and given to the rule
    afresh, so ``best`` is always comparable; decisions already made stay. A metric that a result
    lacks keeps its last value; before every metric was seen once there is no score.

    Args:
        rule: The rule that judges the composite.
        weights: Weight of each metric, or of each group.
        groups: Name of a group to the metrics in it and their weights inside the group.
        normalise: ``"range"``, ``"deviation"`` or ``"none"``.
        schedule: Step to the weights that hold from there on, in place of ``weights``.
        weights_from: Metric or group to the name of a result key that reports its weight; where a
            result has it, it takes the place of the given weight from then on.

    >>> from tune_es import Policy, Patience
    >>> rule = Composite(Patience(2), weights={"vision": 0.5, "text": 0.5},
    ...                  groups={"vision": {"v_acc": 1}, "text": {"t_loss": 2, "t_f1": 1}})
    >>> policy = Policy("v_acc", "max", other_metrics={"t_loss": "min", "t_f1": "max"}, stop=rule)
    >>> policy.stop.share_of("t_loss", {"vision": 0.5, "text": 0.5})
    0.3333333333333333
    """

    rule: Criterion
    weights: Mapping[str, float] = field(hash=False)
    groups: Mapping[str, Mapping[str, float]] = field(default_factory=dict, hash=False)
    normalise: str = "range"
    schedule: Mapping[float, Mapping[str, float]] = field(default_factory=dict, hash=False)
    weights_from: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        check_own_curve("Composite", self.rule)
        check_name("Composite", "normalise", self.normalise, NORMALISE)
        for name in ("weights", "groups", "schedule", "weights_from"):
            self._check_mapping(name, getattr(self, name))
            ordered = sorted(getattr(self, name).items(), key=_by_name)
            object.__setattr__(self, name, dict(ordered))
        self._check_weights("weights", self.weights)
        for group, members in self.groups.items():
            self._check_weights(f"groups[{group}]", members)
        for step, weights in self.schedule.items():
            check_number("Composite", "schedule step", step, least=0)
            self._check_weights(f"schedule[{step}]", weights)
            self._check_names(f"schedule[{step}]", weights)
        self._check_names("groups", self.groups)
        self._check_names("weights_from", self.weights_from)
        for key in self.weights_from.values():
            if not isinstance(key, str):
                raise ValueError(f"Composite.weights_from must name result keys, got {key!r}")

    def _check_mapping(self, where: str, value: object) -> None:
        if not isinstance(value, Mapping):
            raise ValueError(f"Composite.{where} must map names to values, got {value!r}")

    def _check_weights(self, where: str, weights: Mapping[str, float]) -> None:
        self._check_mapping(where, weights)
        for name, weight in weights.items():
            if not isinstance(name, str):
                raise ValueError(f"Composite.{where} is named by strings, got {name!r}")
            check_number("Composite", f"{where}[{name}]", weight, least=0)
        if not any(weights.values()):
            raise ValueError(f"Composite.{where} must hold a weight above 0, got {dict(weights)}")

    def _check_names(self, where: str, names: Mapping[str, object]) -> None:
        for name in names:
            check_name("Composite", where, name, self.weights)

    @cached_property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that enters, sorted by name."""
        members = [self.groups.get(name, {name: 1.0}) for name in self.weights]
        return tuple(sorted({metric for group in members for metric in group}))

    @property
    def metric_names(self) -> frozenset[str]:
        return frozenset(self.metrics) | self.rule.metric_names

    @property
    def input_names(self) -> frozenset[str]:
        return frozenset(self.weights_from.values()) | self.rule.input_names

    def share_of(self, metric: str, weights: Mapping[str, float]) -> float:
        """A metric's share of the composite under these weights of metrics and groups."""
        total = sum(weights.values())
        share = 0.0
        for name, weight in weights.items():
            group = self.groups.get(name, {name: 1.0})
            share += weight / total * group.get(metric, 0.0) / sum(group.values())
        return share

    def init(self) -> _State:
        unseen = len(self.metrics)
        scales, spreads = ((0.0, 0.0),) * unseen, (Spread(),) * unseen
        return _State(self.rule.init(), (None,) * unseen, spreads, scales, self.weights, {})

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        seen = [observation.values.get(metric) for metric in self.metrics]
        last = tuple(old if new is None else new for new, old in zip(seen, state.last, strict=True))
        state = state._replace(last=last, reported=self._reported(state.reported, observation))
        row = tuple(value for value in last if value is not None)
        if len(row) < len(last) or all(value is None for value in seen):
            return state, self.silence()
        spreads = tuple(each.add(value) for each, value in zip(state.spreads, row, strict=True))
        history = state.history.append((observation, row))
        state = state._replace(spreads=spreads, history=history)
        scales, weights = self._scales(spreads), self._weights(state, observation.step)
        if weights == state.weights and not _moved(state.scales, scales):
            return self._score(state, history[-1:], peers)
        state = state._replace(inner=self.rule.init(), scales=scales, weights=weights)
        return self._score(state, history, peers)

    def _score(
        self,
        state: _State,
        rows: Iterable[tuple[Observation, tuple[float, ...]]],
        peers: Peers,
    ) -> tuple[_State, Verdict]:
        """The rule's state after these rows under the state's scales and weights."""
        shares = [self.share_of(metric, state.weights) for metric in self.metrics]
        inner, verdict = state.inner, self.silence()
        for observation, row in rows:
            score = sum(
                share * (value - origin) / unit
                for share, value, (origin, unit) in zip(shares, row, state.scales, strict=True)
                if unit and share
            )
            scored = replace(observation, score=score, sign=1)
            inner, verdict = self.rule.step(inner, scored, peers)
        return state._replace(inner=inner), verdict

    def _scales(self, spreads: tuple[Spread, ...]) -> tuple[Scale, ...]:
        if self.normalise == "none":
            return ((0.0, 1.0),) * len(spreads)
        return tuple(getattr(each, self.normalise) for each in spreads)

    def _weights(self, state: _State, step: float) -> Mapping[str, float]:
        begun = [start for start in self.schedule if start <= step]
        weights = self.schedule[max(begun)] if begun else self.weights
        current = {**weights, **state.reported}
        return current if any(current.values()) else state.weights

    def _reported(
        self, before: Mapping[str, float], observation: Observation
    ) -> Mapping[str, float]:
        if not self.weights_from:
            return before
        found = {name: observation.values.get(key) for name, key in self.weights_from.items()}
        usable = {
            name: weight
            for name, weight in found.items()
            if weight is not None and math.isfinite(weight) and weight >= 0
        }
        return {**before, **usable}


def _by_name(item: tuple[object, object]) -> tuple[bool, float, str]:
    """Sorts numbers by size before names."""
    key = item[0]
    return (False, key, "") if isinstance(key, (int, float)) else (True, 0.0, str(key))


def _moved(old: tuple[Scale, ...], new: tuple[Scale, ...]) -> bool:
    """True where a unit, or an origin against its unit, has changed by over RESCALE."""
    return any(
        abs(now[1] - was[1]) > RESCALE * was[1]
        or abs(now[0] - was[0]) > RESCALE * max(was[1], now[1])
        for was, now in zip(old, new, strict=True)
    )
