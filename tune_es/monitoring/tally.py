"""Counts what happens in a sweep, in a few microseconds a result and little memory a trial."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from statistics import median

from tune_es.monitoring.meters import (
    BEST,
    JUDGED,
    MONEY_SAVED,
    MONEY_SPENT,
    PATIENCE,
    SECONDS_SAVED,
    SECONDS_SPENT,
    STEPS_SAVED,
    STEPS_SPENT,
    STOPS,
    Meter,
)
from tune_es.policy import Policy
from tune_es.reading import lookup, read_number

#: A meter and the values of its tags.
Series = tuple[Meter, tuple[str, ...]]

#: What a trial took for a step is the median of so many of its latest results.
RECENT = 32


@dataclass
class _Trial:
    """What is remembered of a trial that is not over."""

    step: float = 0.0
    left: float | None = None
    paces: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))


class Tally:
    """What a sweep has come to so far.

    A step counts once for a trial, however often a crash has it reported again.

    Args:
        policy: What stops the trials; None where nothing of this package does.

    >>> from tune_es import Patience
    >>> policy = Policy("loss", "min", stop=Patience(2), max_t=10)
    >>> tally = Tally(policy)
    >>> tally.result("a", 3, {"loss": 0.7, "time_this_iter_s": 6.0}, left=0)
    >>> tally.stop("a", "STALLED", "Patience")
    True
    >>> counts = {meter: count for (meter, _), count in tally.counted().items()}
    >>> counts[STEPS_SPENT], counts[STEPS_SAVED], counts[SECONDS_SAVED]
    (3.0, 7.0, 14.0)
    """

    def __init__(self, policy: Policy | None) -> None:
        self.follow(policy)
        self._best: dict[str, float] = {}
        self._trials: dict[str, _Trial] = {}
        self._counts: defaultdict[Series, float] = defaultdict(float)

    def follow(self, policy: Policy | None) -> None:
        """From now on this policy stops the trials."""
        self._max_t = None if policy is None else policy.max_t
        price = None if policy is None else policy.price_per_hour
        self._price = None if price is None else price / 3600
        self._metrics = {} if policy is None else policy.metrics

    def know(
        self, trial_id: str, step: float, extremes: Mapping[str, Mapping[str, object]]
    ) -> None:
        """A trial of before a restore: what it has run was counted then.

        ``extremes`` has the ``min`` and the ``max`` of its metrics.
        """
        self._trials[trial_id] = _Trial(step)
        for name, metric in self._metrics.items():
            self._see(name, read_number(extremes.get(name, {}).get(metric.mode)))

    def result(
        self,
        trial_id: str,
        step: float | None,
        result: Mapping[str, object],
        left: float | None,
        judged: bool = True,
    ) -> None:
        """A trial has reported a step; it does not count where it has reported it before.

        Args:
            trial_id: Which trial.
            step: Its step; None where it cannot be read.
            result: What it reported, flat or nested.
            left: Its patience by now, in evaluations; None where unknown.
            judged: Something has decided on it.
        """
        trial = self._trials.get(trial_id)
        if trial is None:
            trial = self._trials[trial_id] = _Trial()
        trial.left = left
        if step is None or not trial.step < step < math.inf:
            return
        grown, trial.step = step - trial.step, step
        self._counts[STEPS_SPENT, ()] += grown
        seconds = read_number(result.get("time_this_iter_s"))
        if seconds is not None and 0 < seconds < math.inf:
            self._take(SECONDS_SPENT, MONEY_SPENT, seconds)
            trial.paces.append(seconds / grown)
        if judged:
            self._counts[JUDGED, ()] += 1
        for name in self._metrics:
            self._see(name, read_number(lookup(result, name)))

    def stop(self, trial_id: str, cause: str, criterion: str) -> bool:
        """The policy has stopped a trial; True where that was before the end of its budget."""
        if trial_id in self._trials:
            self._counts[STOPS, (cause, criterion)] += 1
        return self.save(trial_id)

    def end(self, trial_id: str) -> None:
        """A trial is over by itself, or has failed."""
        self._trials.pop(trial_id, None)

    def is_early(self, step: float) -> bool:
        """True for a step before the end of the budget, which is never where there is none."""
        return self._max_t is None or step < self._max_t

    def save(self, trial_id: str) -> bool:
        """A trial will not go on: what lacks to its budget is saved; True where something does."""
        trial = self._trials.pop(trial_id, None)
        if trial is None or not self.is_early(trial.step):
            return False
        if self._max_t is not None:
            lacks = self._max_t - trial.step
            self._counts[STEPS_SAVED, ()] += lacks
            if trial.paces:
                self._take(SECONDS_SAVED, MONEY_SAVED, lacks * median(trial.paces))
        return True

    def counted(self) -> dict[Series, float]:
        """What was counted since this was asked last."""
        found = dict(self._counts)
        self._counts.clear()
        return found

    def stands(self, running: Collection[str]) -> dict[Series, float]:
        """How it stands: best values, and the patience left of the trials that run."""
        found: dict[Series, float] = {(BEST, (name,)): best for name, best in self._best.items()}
        trials = [self._trials[each] for each in running if each in self._trials]
        left = [each.left for each in trials if each.left is not None and math.isfinite(each.left)]
        if left:
            found[PATIENCE, ("min",)] = min(left)
            found[PATIENCE, ("median",)] = median(left)
        return found

    def _take(self, seconds_meter: Meter, money_meter: Meter, seconds: float) -> None:
        self._counts[seconds_meter, ()] += seconds
        if self._price is not None:
            self._counts[money_meter, ()] += seconds * self._price

    def _see(self, name: str, value: float | None) -> None:
        if value is None or not math.isfinite(value):
            return
        sign, best = self._metrics[name].sign, self._best.get(name)
        if best is None or sign * value > sign * best:
            self._best[name] = value
