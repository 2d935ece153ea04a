"""Trials from which streams are drawn, and what is worked out once for all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tune_es.criteria import Criterion
from tune_es.policy import Policy
from tune_es.records import Metric
from tune_es.replay.curves import Floats, Ints, TaskCurves
from tune_es.replay.fast.block import Block, Say
from tune_es.replay.fast.comparing import Column
from tune_es.replay.fast.quotas import points_of
from tune_es.replay.fast.race import Records
from tune_es.replay.fast.registry import KERNELS
from tune_es.replay.fast.running import best_of, elapsed
from tune_es.replay.fast.stepped import stepped
from tune_es.replay.life import durations

NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True, eq=False)
class Pool:
    """Some trials of a task, and numbers along their curves that every policy and stream shares.

    Args:
        curves: The trials.
        step_s: Seconds of an evaluation where none were recorded.
    """

    curves: TaskCurves
    step_s: float = 1.0
    _columns: dict[Metric, tuple[Floats, Floats]] = field(default_factory=dict)
    _points: dict[Metric, Records] = field(default_factory=dict)

    @cached_property
    def is_whole(self) -> bool:
        """True where no duration is made up from those of the other trials of a stream."""
        seconds = self.curves.seconds
        known = np.zeros(0, np.bool_) if seconds is None else np.isfinite(seconds)
        return bool(known.all() or not known.any())

    @cached_property
    def durations(self) -> Floats:
        """The seconds of every row."""
        return np.ascontiguousarray(durations(self.curves, self.step_s), dtype=np.float64)

    @cached_property
    def elapsed(self) -> Floats:
        """The seconds that a trial has trained at the end of every row."""
        return elapsed(self.curves, self.step_s)

    @cached_property
    def starts(self) -> Ints:
        """The first row of every trial."""
        return np.ascontiguousarray(self.curves.starts[:-1], dtype=np.int64)

    @cached_property
    def lengths(self) -> Ints:
        """The evaluations of every trial within the budget."""
        return np.ascontiguousarray(self.curves.lengths, dtype=np.int64)

    @cached_property
    def longest(self) -> int:
        """The evaluations of the longest trial."""
        return int(self.lengths.max(initial=0))

    def column(self, metric: Metric, trials: Ints) -> Column:
        """What some of the trials reported, oriented, with their bests so far."""
        if metric not in self._columns:
            column = self.curves.metrics[metric.name]
            values = np.multiply(column, float(metric.sign), dtype=np.float64)
            stops = np.ascontiguousarray(self.curves.starts[1:], dtype=np.int64)
            self._columns[metric] = values, best_of(values, self.starts, stops)
        values, bests = self._columns[metric]
        return Column(values, bests, self.starts[trials], self.lengths[trials], self.durations)

    def points(self, metric: Metric) -> Records:
        """All rows of the curves as promotion reads them."""
        if metric not in self._points:
            column = self.column(metric, NOBODY)
            stops = self.starts + self.lengths
            self._points[metric] = points_of(
                column.values, column.bests, self.durations, self.starts, stops
            )
        return self._points[metric]

    @cached_property
    def names(self) -> Ints:
        """The place of every trial in the order of their names."""
        return np.argsort(np.argsort(np.array(self.curves.trial_ids)))

    def say(self, policy: Policy, rule: Criterion) -> Say:
        """What a rule that sees one curve says on every row."""
        return Block(
            policy, self.curves, KERNELS, stepped, 0, len(self.curves), lambda: self.elapsed
        ).say(rule)
