"""Successive halving on several metrics: at each rung the least dominated trials go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from tune_es.checks import check_name, check_number
from tune_es.cohort import Axes, Order, Peers, Place, Ranking, Vector
from tune_es.cohort.vectors import is_complete
from tune_es.criteria.base import Criterion
from tune_es.criteria.rungs import check_rungs, last_rung
from tune_es.criteria.ties import TIES
from tune_es.records import Cause, Observation, Verdict
from tune_es.signals.clock import round_up

#: On more metrics an exact hypervolume can take minutes.
MOST_IN_VOLUME = 4


class _State(NamedTuple):
    vector: Vector | None = None
    step: float = 0.0


@dataclass(frozen=True)
class ParetoHalving(Criterion):
    """Stops as HOPELESS at a rung where too many trials are better on several metrics at once.

    Rungs are those of :class:`SuccessiveHalving`, and so are the peers: the trials that have a
    result at that step, in any order of arrival. They are ordered by

    1. ``constraints``: trials that meet all of them first, then by the sum of their misses, each
       as a share of its bound (of 1 where the bound is 0); while no trial meets all of them,
       nothing else counts;
    2. non-domination: the first front is what no trial dominates, the second what only the first
       one does, and so on (Deb et al., NSGA-II, 2002);
    3. ``tie_break``, inside the one front that does not fit whole. Equal trials stay together.

    Of ``n`` trials the best ``ceil(n / reduction_factor)`` stay, and the first front stays whole
    however large it is: nobody can say that such a trial is worse than another. With many metrics,
    or metrics that conflict, most trials are in it. Of 9, 30, 100 and 300 random trials that arrive
    one by one 57, 45, 37 and 35 % stay on two metrics, 73, 53, 40 and 34 % on three, 90, 78, 58 and
    43 % on five, and all where what one metric gains another loses. ``front_share`` bounds that.

    A metric counts by its last value, because those values are of one model; the best of each may
    come from different steps, and of a metric that grows with training, such as time, the best is
    the first. ``by="best"`` is for metrics that improve together and are noisy. A metric that a
    result lacks keeps its value, and a trial is judged at its first result past a rung once it
    has reported every metric. One whose value is not finite is behind all others, and no peer to
    them; with ``by="best"`` only while it has no finite value.

    Args:
        metrics: At least 2 metrics of the policy; the policy says which are maximised.
        grace_period: The first rung, in units of the policy's ``time_attr``.
        reduction_factor: How many times fewer trials and more steps from rung to rung; above 1.
        constraints: Metric, one of ``metrics`` or another of the policy, to the most it may be
            where less is better, and to the least where more is.
        weights: Metric to how much it counts in ``tie_break``, 1 where nothing is said; they never
            overrule domination. With ``"crowding"`` trials are spread more densely along a metric
            of more weight, with ``"hypervolume"`` those that are good in it are preferred. 0
            leaves a metric out of the tie-break.
        tie_break: ``"crowding"``, or ``"hypervolume"``: what a trial alone adds to its front, on at
            most 4 metrics. Where 100 trials tie, that costs 20 ms on three and 100 ms on four.
        front_share: The share of the trials up to which the first front stays whole; of a larger
            one that share stays, by ``tie_break``.
        by: ``"last"`` or ``"best"``.

    Raises:
        ValueError: An argument is outside its range; said when the object is built.

    >>> from tune_es import Policy, Referee
    >>> rule = ParetoHalving(("accuracy", "latency_ms"), constraints={"latency_ms": 50})
    >>> policy = Policy("accuracy", "max", other_metrics={"latency_ms": "min"}, stop=rule)
    >>> referee = Referee(policy)
    >>> results = {"a": (0.8, 20), "b": (0.7, 10), "c": (0.79, 25), "d": (0.9, 60)}
    >>> for trial, (accuracy, latency) in results.items():
    ...     row = {"training_iteration": 1, "accuracy": accuracy, "latency_ms": latency}
    ...     print(trial, "stops" if referee.report(trial, row).stop else "goes on")
    a goes on
    b goes on
    c stops
    d stops
    """

    metrics: tuple[str, ...]
    grace_period: float = 1
    reduction_factor: float = 3
    constraints: Mapping[str, float] = field(default_factory=dict, hash=False)
    weights: Mapping[str, float] = field(default_factory=dict, hash=False)
    tie_break: str = "crowding"
    front_share: float = 1
    by: str = "last"

    def __post_init__(self) -> None:
        self._check_metrics()
        check_rungs("ParetoHalving", self.grace_period, self.reduction_factor)
        check_name("ParetoHalving", "tie_break", self.tie_break, TIES)
        check_name("ParetoHalving", "by", self.by, ("last", "best"))
        check_number("ParetoHalving", "front_share", self.front_share, least=0, most=1)
        for name in ("constraints", "weights"):
            object.__setattr__(self, name, self._checked(name))
        self._check_weights()

    def _check_weights(self) -> None:
        for metric, weight in self.weights.items():
            check_name("ParetoHalving", "weights", metric, self.metrics)
            check_number("ParetoHalving", f"weights[{metric}]", weight, least=0)
        counted = sum(weight > 0 for weight in self._weights)
        if not counted:
            raise ValueError("ParetoHalving.weights must leave a metric with a weight above 0")
        if self.tie_break == "hypervolume" and counted > MOST_IN_VOLUME:
            raise ValueError(
                f"ParetoHalving.tie_break 'hypervolume' takes at most {MOST_IN_VOLUME} metrics "
                f"with a weight above 0, got {counted}; 'crowding' takes any number"
            )

    def _check_metrics(self) -> None:
        names = self.metrics if isinstance(self.metrics, (list, tuple)) else ()
        strings = all(isinstance(name, str) for name in names)
        if not strings or len(names) < 2 or len(set(names)) < len(names):
            raise ValueError(
                "ParetoHalving.metrics must be a list of at least 2 different metrics, got "
                f"{self.metrics!r}"
            )
        object.__setattr__(self, "metrics", tuple(names))

    def _checked(self, name: str) -> dict[str, float]:
        """A mapping of metrics to numbers in a fixed order."""
        numbers = getattr(self, name)
        if not isinstance(numbers, Mapping):
            raise ValueError(f"ParetoHalving.{name} must map metrics to numbers, got {numbers!r}")
        for metric, number in numbers.items():
            if not isinstance(metric, str):
                raise ValueError(f"ParetoHalving.{name} is named by strings, got {metric!r}")
            check_number("ParetoHalving", f"{name}[{metric}]", number)
        return dict(sorted(numbers.items()))

    @property
    def uses_peers(self) -> bool:
        return True

    @property
    def metric_names(self) -> frozenset[str]:
        return frozenset(self._axes.metrics)

    @cached_property
    def axes(self) -> frozenset[Axes]:
        return frozenset({self._axes})

    @cached_property
    def _axes(self) -> Axes:
        bounded = (metric for metric in self.constraints if metric not in self.metrics)
        return Axes((*self.metrics, *bounded), self.by)

    @cached_property
    def _weights(self) -> tuple[float, ...]:
        return tuple(self.weights.get(metric, 1.0) for metric in self.metrics)

    def init(self) -> _State:
        return _State()

    def step(self, state: _State, observation: Observation, peers: Peers) -> tuple[_State, Verdict]:
        if observation.values.keys().isdisjoint(self._axes.metrics):
            return state, self.silence()
        vector = self._axes.after(state.vector, observation.values)
        if not is_complete(vector):
            return state._replace(vector=vector), self.silence()
        rung = last_rung(observation.step, self.grace_period, self.reduction_factor)
        before = last_rung(state.step, self.grace_period, self.reduction_factor)
        state = _State(vector, observation.step)
        if rung > before:  # both rounded alike
            return state, self._judged(rung, vector, observation, peers)
        return state, self.verdict(None, {**self._shown(vector, observation), "rung": rung})

    def _judged(
        self, rung: float, vector: Vector, observation: Observation, peers: Peers
    ) -> Verdict:
        ranking = peers.ranking(self._axes, self._order(observation), observation.step, vector)
        place = ranking.place(vector)
        kept = self._kept(place)
        rank = place.ahead + self._ahead_in_front(ranking, place, kept, vector)
        evidence = {
            **self._shown(vector, observation),
            "rung": rung,
            "front": place.front,
            "rank": rank + 1,
            "kept": kept,
            "trials": place.trials,
        }
        if self.constraints:
            evidence["violation"] = place.violation
        return self.verdict(Cause.HOPELESS if rank >= kept else None, evidence)

    def _shown(self, vector: Vector, observation: Observation) -> dict[str, float]:
        """A trial's values by metric, in the user's sign."""
        pairs = zip(self._axes.metrics, vector, strict=True)
        return {metric: observation.sign_of(metric) * value for metric, value in pairs}

    def _order(self, observation: Observation) -> Order:
        """The order of vectors in the oriented values of this sweep."""
        names = self._axes.metrics
        bounds = tuple(
            (names.index(metric), observation.sign_of(metric) * bound, abs(bound) or 1.0)
            for metric, bound in self.constraints.items()
        )
        return Order(len(self.metrics), bounds)

    def _kept(self, place: Place) -> int:
        whole = min(place.first, round_up(place.trials * self.front_share))
        return max(round_up(place.trials / self.reduction_factor), whole)

    def _ahead_in_front(self, ranking: Ranking, place: Place, kept: int, vector: Vector) -> int:
        """How many of the same front are better by the tie-break; 0 where no tie need be broken."""
        fits = place.ahead + place.tied <= kept or place.ahead >= kept
        if fits or place.violation:
            return 0
        points = ranking.fronts.points(place.front - 1)
        worth = dict(zip(points, TIES[self.tie_break](list(points), self._weights), strict=True))
        own = worth[vector[: len(self.metrics)]]
        return sum(times for point, times in points.items() if worth[point] > own)
