"""The sweep in numbers on Ray's metrics endpoint, for Prometheus to fetch."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ray.tune.experiment import Trial
from ray.util import metrics

from tune_es.monitoring.experiment import Status
from tune_es.monitoring.meters import (
    DECISION,
    DECISION_BOUNDS,
    EXPERIMENT,
    METERS,
    PLANNED,
    TRIALS,
    Kind,
    Meter,
)
from tune_es.monitoring.tally import Series, Tally
from tune_es.monitoring.why import Why
from tune_es.params import KEY
from tune_es.ray.monitor import Watched
from tune_es.ray_files import ITERATIONS
from tune_es.reading import lookup, read_number
from tune_es.records import Decision

#: Ray drops a gauge that nobody has set for two of its own intervals, of ten seconds by default.
EVERY_S = 1.0

#: A tag that is longer is cut there.
LONGEST = 200

#: The numeric cause in a result.
CODE = f"{KEY}/code"

STATES = {
    Trial.PENDING: Status.PENDING,
    Trial.RUNNING: Status.RUNNING,
    Trial.PAUSED: Status.PAUSED,
    Trial.TERMINATED: Status.FINISHED,
    Trial.ERROR: Status.FAILED,
}


class Meters:
    """A monitor that keeps :data:`tune_es.monitoring.meters.METERS` up to date.

    Results are kept, counted in plain Python and handed to Ray once a second: all at once they take
    a third of the time that each takes by itself in the loop of the sweep. So are gauges, results
    or not: Ray forgets those that are not set again. Where Ray has no dashboard, or is not there at
    all, nobody asks for the numbers, and nothing is said about it.
    """

    def __init__(self) -> None:
        self._tally: Tally | None = None
        self._outlets: dict[Meter, Any] = {}
        self._time_attr = ITERATIONS
        self._planned: int | None = None
        self._results: list[tuple[str, dict[str, Any], Decision | None]] = []
        self._decisions: list[float] = []
        self._done: set[str] = set()
        self._stopped = 0
        self._is_new = True
        self._due = 0.0

    def begin(self, sweep: Watched) -> None:
        """Make the metrics; not earlier, for Ray pickles what it is given before.

        A sweep with a stopper begins once more when its policy is known.
        """
        if sweep.judge is not None:
            sweep.judge.on_decision = self._decisions.append
        self._planned = sweep.planned
        self._time_attr = ITERATIONS if sweep.policy is None else sweep.policy.time_attr
        if self._tally is not None:
            self._tally.follow(sweep.policy)
            return
        self._tally = Tally(sweep.policy)
        self._done, self._stopped, self._is_new, self._due = set(), 0, True, 0.0
        self._outlets = {meter: _outlet(meter, sweep.experiment) for meter in METERS}

    def on_start(self, trial: Trial) -> None:
        """Nothing is counted here: states are read off the trials themselves."""

    def on_result(self, trial: Trial, result: dict[str, Any], decision: Decision | None) -> None:
        """Keep a result, to be counted soon; by then Ray may have marked it as the last."""
        if result.get("done"):
            self._done.add(trial.trial_id)
        self._results.append((trial.trial_id, result, decision))

    def on_end(self, trial: Trial, failed: bool, decision: Decision | None) -> None:
        """Count a stop, and what it has saved."""
        if self._tally is None:
            return
        self._count(self._tally)
        trial_id, why = trial.trial_id, None if failed else Why.of(decision)
        if why is not None:
            self._stopped += self._tally.stop(trial_id, why.cause, why.criterion)
        elif trial_id in self._done and not failed:  # another rule of the sweep has stopped it
            self._stopped += self._tally.save(trial_id)
        else:
            self._tally.end(trial_id)
        self._done.discard(trial_id)

    def _count(self, tally: Tally) -> None:
        """Count the results that were kept."""
        for trial_id, result, decision in self._results:
            step = read_number(lookup(result, self._time_attr))
            left = None if decision is None else decision.verdict.left
            tally.result(trial_id, step, result, left, judged=decision is not None)
        self._results.clear()

    def on_step(self, trials: list[Trial]) -> None:
        """Hand over what there is, once a second."""
        if self._is_new:
            self._is_new = False
            self._know(trials)
        now = time.monotonic()
        if now >= self._due:
            self._due = now + EVERY_S
            self._hand_over(trials)

    def close(self, trials: list[Trial]) -> None:
        """The last numbers; where nothing else is left, paused trials will not go on."""
        if self._tally is None:
            return
        self._count(self._tally)
        left = [each for each in trials if not each.is_finished()]
        if all(each.status == Trial.PAUSED for each in left):
            for trial in left:
                self._tally.save(trial.trial_id)
        self._hand_over(trials)
        self._tally, self._outlets = None, {}

    def _know(self, trials: list[Trial]) -> None:
        """Trials of before a restore: what they have run and how they ended was counted then."""
        if self._tally is None:
            return
        for trial in trials:
            step = read_number(lookup(trial.last_result, self._time_attr))
            if step is None:
                continue
            self._tally.know(trial.trial_id, step, _analysis(trial))
            if trial.is_finished():
                self._tally.end(trial.trial_id)
            if trial.status == Trial.TERMINATED and read_number(lookup(trial.last_result, CODE)):
                self._stopped += self._tally.is_early(step)

    def _hand_over(self, trials: list[Trial]) -> None:
        if self._tally is None:
            return
        self._count(self._tally)
        for series, count in self._tally.counted().items():
            if count > 0:
                self._outlet(series).inc(count, _tags(series))
        for seconds in self._decisions:
            self._outlets[DECISION].observe(seconds)
        self._decisions.clear()
        statuses = [each.status for each in trials]
        running = [trials[at].trial_id for at, each in enumerate(statuses) if each == Trial.RUNNING]
        for series, value in {**self._tally.stands(running), **self._states(statuses)}.items():
            self._outlet(series).set(value, _tags(series))

    def _states(self, statuses: Sequence[str]) -> dict[Series, float]:
        """How many trials are where, and how many there will be."""
        found: Counter[Status] = Counter()
        for status, count in Counter(statuses).items():
            found[STATES.get(status, Status.PENDING)] += count
        found[Status.STOPPED] = min(self._stopped, found[Status.FINISHED])
        found[Status.FINISHED] -= found[Status.STOPPED]
        stands: dict[Series, float] = {(TRIALS, (each.value,)): found[each] for each in Status}
        if self._planned is not None:
            stands[PLANNED, ()] = self._planned
        return stands

    def _outlet(self, series: Series) -> Any:
        return self._outlets[series[0]]


def _outlet(meter: Meter, experiment: str) -> Any:
    """What takes the numbers of a meter; one of the same name takes over from an earlier one."""
    tags = (EXPERIMENT, *meter.tags)
    outlet: Any
    if meter.kind is Kind.HISTOGRAM:
        outlet = metrics.Histogram(meter.name, meter.meaning, [*DECISION_BOUNDS], tags)
    elif meter.kind is Kind.GAUGE:
        outlet = metrics.Gauge(meter.name, meter.meaning, tags)
    else:
        outlet = metrics.Counter(meter.name, meter.meaning, tags)
    return outlet.set_default_tags({EXPERIMENT: bearable(experiment)})


def _tags(series: Series) -> dict[str, str]:
    meter, values = series
    return {tag: bearable(value) for tag, value in zip(meter.tags, values, strict=True)}


def bearable(value: str) -> str:
    r"""A name as Ray's metrics bear it: they raise at what is not ASCII.

    >>> bearable("val/loss"), bearable("Gr\u00f6\u00dfe")
    ('val/loss', 'Gr\\xf6\\xdfe')
    """
    return value.encode("unicode_escape").decode("ascii")[:LONGEST]


def _analysis(trial: Trial) -> Mapping[str, Mapping[str, object]]:
    """By metric, what Ray itself has noted of its values: ``min`` and ``max`` among others."""
    found: Mapping[str, Mapping[str, object]] = trial.metric_analysis
    return found
