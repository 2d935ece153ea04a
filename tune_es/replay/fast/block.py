"""Some trials of a task as flat arrays, and what a criterion says on each of their rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tune_es.criteria import Criterion
from tune_es.policy import Policy
from tune_es.records import PRECEDENCE, Cause
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.life import SECONDS_ATTR, TIME_ATTR

Ranks = NDArray[np.int8]
Flags = NDArray[np.bool_]

#: A verdict as a number: 0 does not stop, and of several the highest names the decision.
RANK: dict[Cause | None, int] = {
    None: 0,
    **{cause: len(PRECEDENCE) - at for at, cause in enumerate(PRECEDENCE)},
}


class Say(NamedTuple):
    """What a criterion says on every row of a block; ``heard`` is None where it heard all."""

    ranks: Ranks
    heard: Flags | None = None


@dataclass(frozen=True, eq=False)
class Block:
    """The trials ``first`` to ``last`` of a task, and how a policy reads them.

    Trial ``i`` of the block has rows ``starts[i]`` to ``stops[i]`` of its arrays; rows beyond the
    budget lie between them and are not looked at.

    Args:
        policy: Gives metrics their signs, and the budget.
        curves: All trials of the task.
        kernels: How a criterion is evaluated, by its class.
        fallback: How any other is.
        first: The first trial.
        last: One after the last.
        elapsed: Gives the seconds trained at the end of every row of the task.
        is_final: True where a stop ends the trial, so that nothing after the first one matters.
        score_sign: What turns a number in the score's units into an oriented one; None: that of
            the policy's metric.
    """

    policy: Policy
    curves: TaskCurves
    kernels: Mapping[type[Criterion], Callable[[Any, Block], Say]]
    fallback: Callable[[Criterion, Block], Say]
    first: int
    last: int
    elapsed: Callable[[], Floats]
    is_final: bool = False
    score_sign: int | None = None
    _columns: dict[str | None, Floats | None] = field(default_factory=dict)
    _finite: dict[str | None, Flags | None] = field(default_factory=dict)

    @cached_property
    def rows(self) -> slice:
        """Where the block lies in the task."""
        return slice(int(self.curves.starts[self.first]), int(self.curves.starts[self.last]))

    @cached_property
    def starts(self) -> Ints:
        """The first row of every trial."""
        own = self.curves.starts[self.first : self.last] - self.rows.start
        return np.ascontiguousarray(own, dtype=np.int64)

    @cached_property
    def stops(self) -> Ints:
        """One after the last row of every trial within the budget."""
        return self.starts + self.curves.lengths[self.first : self.last]

    @cached_property
    def longest(self) -> int:
        """The evaluations of the longest trial of the whole task."""
        return int(self.curves.lengths.max(initial=0))

    @cached_property
    def seconds(self) -> Floats:
        """Seconds trained at the end of every row."""
        return self.elapsed()[self.rows]

    @property
    def steps(self) -> Floats:
        """The evaluation of every row, counted from 1."""
        lengths = np.diff(np.append(self.starts, self.rows.stop - self.rows.start))
        return np.arange(1.0, len(self.nothing()) + 1) - np.repeat(self.starts, lengths)

    def raw(self, name: str) -> Floats | None:
        """What a result has under a key; None where it has nothing."""
        if name in (TIME_ATTR, SECONDS_ATTR):
            return self.steps if name == TIME_ATTR else self.seconds
        column = self.curves.metrics.get(name)
        return None if column is None else column[self.rows]

    @cached_property
    def cost(self) -> Floats | None:
        """Money spent at the end of every row, as the policy reads it; None where it cannot."""
        policy = self.policy
        spent = None if policy.cost_attr is None else self.raw(policy.cost_attr)
        if spent is None and policy.price_per_hour is not None:
            return self.seconds / 3600 * policy.price_per_hour
        return spent

    def values(self, metric: str | None) -> Floats | None:
        """The oriented values of a metric, of the score where none is named."""
        if metric not in self._columns:
            name = self.policy.metric if metric is None else metric
            column, known = self.raw(name), self.policy.metrics.get(name)
            if column is None or known is None:
                self._columns[metric] = None
            else:
                self._columns[metric] = np.multiply(column, float(known.sign), dtype=np.float64)
        return self._columns[metric]

    def finite(self, metric: str | None) -> Flags | None:
        """Where a metric is a finite number; None where it is everywhere, or is not there."""
        if metric not in self._finite:
            values = self.values(metric)
            finite = None if values is None else np.isfinite(values)
            self._finite[metric] = None if finite is None or finite.all() else finite
        return self._finite[metric]

    def oriented(self, threshold: float | None, metric: str | None, absent: float) -> float:
        """A number in the user's sign as the values of a metric are; ``absent`` for None."""
        known = self.policy.metrics.get(self.policy.metric if metric is None else metric)
        sign = None if known is None else known.sign
        if metric is None and self.score_sign is not None:
            sign = self.score_sign
        return absent if threshold is None or sign is None else float(sign * threshold)

    def say(self, rule: Criterion) -> Say:
        """What a criterion says on every row."""
        return self.kernels.get(type(rule), self.fallback)(rule, self)

    def inside(self) -> Block:
        """The same trials for a part whose stop need not end them."""
        return replace(self, is_final=False)

    def scored(self, scores: Floats, metric: str | None = None, sign: int | None = None) -> Block:
        """The same trials with these scores, which may take the place of a metric, too."""
        changed = {None, metric}
        finite = {name: one for name, one in self._finite.items() if name not in changed}
        return replace(
            self,
            score_sign=self.score_sign if sign is None else sign,
            _columns={**self._columns, **dict.fromkeys(changed, scores)},
            _finite=finite,
        )

    def nothing(self) -> Ranks:
        """No stop anywhere."""
        return np.zeros(self.rows.stop - self.rows.start, dtype=np.int8)

    def silence(self) -> Say:
        """What a criterion says whose metric is not there."""
        return Say(self.nothing(), self.nothing().astype(np.bool_))

    def judge(self, kernel: Callable[..., None], metric: str | None, *options: Any) -> Say:
        """Run ``kernel(values, starts, stops, *options, ranks)``, which fills in the ranks."""
        values = self.values(metric)
        if values is None:
            return self.silence()
        ranks = self.nothing()
        kernel(values, self.starts, self.stops, *options, ranks)
        return Say(ranks)

    def judge_finite(self, kernel: Callable[..., None], metric: str | None, *options: Any) -> Say:
        """The same for a criterion that hears finite values only."""
        say = self.judge(kernel, metric, *options)
        return Say(say.ranks, self.finite(metric)) if say.heard is None else say
