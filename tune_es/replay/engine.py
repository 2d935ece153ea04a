"""A discrete-event simulation: recorded trials run on a cluster, and a scheduler decides."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

import numpy as np

from tune_es.records import Action
from tune_es.replay.cluster import Cluster, Scheduler
from tune_es.replay.curves import TaskCurves
from tune_es.replay.life import Life, durations
from tune_es.replay.run import Event, Run, Span


def replay(
    scheduler: Scheduler,
    curves: TaskCurves,
    cluster: Cluster | None = None,
    seed: int = 0,
    recorded_order: bool = False,
    chosen: Iterable[int] | None = None,
) -> Run:
    """Run every trial of ``curves``, in their order, until the scheduler has had enough.

    Time is simulated: a step takes its recorded seconds, or ``cluster.step_s``. The scheduler is
    told of a step when it ends, so it never sees one that has not happened. Results at the same
    instant come in the order in which their steps began. ``seed`` draws the failures, each trial's
    own: what a scheduler does to one trial does not change when another fails.

    A curve shorter than the budget is a trial that ended by itself or was let go when recorded.
    Paused at its last evaluation it waits like any other; if it is chosen then there is nothing
    left to run, and it ends without a report (``Run.cut``).

    Args:
        scheduler: A fresh one; it is told everything in the order in which Ray Tune would.
        curves: The stream of trials.
        cluster: Workers and what they cost; 8 that cost nothing but time by default.
        seed: Of the failures.
        recorded_order: Report results in the order in which they were judged when the curves were
            recorded (``curves.order``); times are those numbers then. Workers and what they cost
            do not count: as many run as ran then.
        chosen: Which curve each trial follows, asked for one at a time when a trial is to join the
            sweep, as a searcher is; a curve may come several times. Trials are "0", "1", ... then.

    Raises:
        ValueError: ``recorded_order`` of curves that have none, or of chosen ones; a scheduler that
            chooses a trial that is not waiting, or answers something else than an action.

    >>> from tune_es import Patience, Policy
    >>> from tune_es.replay import PolicyScheduler, task_curves
    >>> curves = task_curves([[0.5, 0.4, 0.4, 0.4, 0.4], [0.9, 0.8, 0.7, 0.6, 0.5]], "loss", "min")
    >>> run = replay(PolicyScheduler(Policy("loss", "min", stop=Patience(2))), curves, Cluster(1))
    >>> run.reached.tolist(), run.makespan
    ([4, 5], 9.0)
    """
    if recorded_order and curves.order is None:
        raise ValueError(f"task {curves.task.name!r} was recorded without the column 'order'")
    if recorded_order and chosen is not None:
        raise ValueError("recorded_order is of the trials that were recorded, not of chosen ones")
    return _Sweep(scheduler, curves, cluster or Cluster(), seed, recorded_order, chosen).run()


class _Sweep:
    def __init__(
        self,
        scheduler: Scheduler,
        curves: TaskCurves,
        cluster: Cluster,
        seed: int,
        recorded_order: bool,
        chosen: Iterable[int] | None,
    ) -> None:
        self._scheduler, self._curves, self._cluster = scheduler, curves, cluster
        self._seed, self._recorded = seed, recorded_order
        self._durations = durations(curves, cluster.step_s)
        self._lives: dict[str, Life] = {}
        self._coming = iter(range(len(curves)) if chosen is None else chosen)
        self._names = list(curves.trial_ids) if chosen is None else []
        self._follows = list(range(len(curves))) if chosen is None else []
        self._index = {name: at for at, name in enumerate(self._names)}
        self._grows = chosen is not None
        self._ahead = 1 if chosen is not None and cluster.ahead is None else cluster.ahead
        self._pending: list[str] = []
        self._paused: list[str] = []
        workers = len(curves) if recorded_order else cluster.workers
        self._free = list(range(workers - 1, -1, -1))
        self._queue: list[tuple[float, float, int, str]] = []
        self._began = 0
        self._reached = [0] * len(self._names)
        self._failed: list[int] = []
        self._cut: list[int] = []
        self._events: list[Event] = []
        self._spans: list[Span] = []

    def run(self) -> Run:
        time = 0.0
        self._fill(time)
        while self._queue:
            time, _, _, name = heapq.heappop(self._queue)
            self._finish(time, name)
            if self._free:
                self._fill(time)
        for name in [*self._paused, *self._pending]:
            self._scheduler.end(name, failed=False)
        return self._result(time)

    def _result(self, makespan: float) -> Run:
        lives = [self._lives.get(name) for name in self._names]
        return Run(
            reached=np.array(self._reached, dtype=np.int64),
            steps=np.array([life.paid if life else 0 for life in lives], dtype=np.int64),
            seconds=np.array([life.seconds if life else 0.0 for life in lives]),
            failed=tuple(self._failed),
            makespan=makespan,
            events=tuple(self._events),
            spans=tuple(self._spans),
            cut=tuple(self._cut),
            curves=tuple(self._follows) if self._grows else None,
        )

    def _fill(self, time: float) -> None:
        """Give free workers what the scheduler chooses."""
        while self._free:
            self._add_coming()
            if not self._pending and not self._paused:
                return
            name = self._scheduler.choose(self._pending, self._paused)
            if name is None:
                return
            self._start(time, name)

    def _add_coming(self) -> None:
        while self._ahead is None or len(self._pending) < self._ahead:
            curve = next(self._coming, None)
            if curve is None:
                return
            name = self._new(curve) if self._grows else self._names[curve]
            config = self._curves.configs[curve] if self._curves.configs else {}
            self._scheduler.add(name, config)
            self._pending.append(name)

    def _new(self, curve: int) -> str:
        """The name of one more trial that follows a curve."""
        name = str(len(self._names))
        self._index[name] = len(self._names)
        self._names.append(name)
        self._follows.append(curve)
        self._reached.append(0)
        return name

    def _start(self, time: float, name: str) -> None:
        for waiting in (self._pending, self._paused):
            if name in waiting:
                waiting.remove(name)
                break
        else:
            raise ValueError(
                f"{type(self._scheduler).__name__}.choose answered {name!r}, which is not waiting"
            )
        life = self._lives.get(name)
        if life is None:
            life = self._lives[name] = self._born(name)
        if life.at_end:
            self._cut += [] if life.has_failed else [self._index[name]]
            self._end(name, life.has_failed)
            return
        life.worker, life.began = self._free.pop(), time
        cost = self._cluster.resume_s if life.step else self._cluster.startup_s
        cost = 0.0 if self._recorded else cost
        life.seconds += cost
        self._schedule(time + cost, name, life)

    def _born(self, name: str) -> Life:
        number = self._index[name]
        at = self._follows[number]
        spent = self._durations[self._curves.rows(at)]
        return Life(self._curves, at, spent, self._cluster.failure_rate, (self._seed, number))

    def _schedule(self, time: float, name: str, life: Life) -> None:
        seconds = life.durations[life.step]
        if self._recorded and self._curves.order is not None:
            row = self._curves.rows(self._index[name]).start + life.step
            seconds = max(0.0, float(self._curves.order[row]) - time)
        life.seconds += seconds
        life.paid += 1
        self._began += 1
        heapq.heappush(self._queue, (time + seconds, time, self._began, name))

    def _finish(self, time: float, name: str) -> None:
        life = self._lives[name]
        if life.is_lost():
            self._lose(time, name, life)
            return
        result = life.result()
        life.step += 1
        action = self._scheduler.report(name, result)
        if not isinstance(action, Action):
            raise ValueError(
                f"{type(self._scheduler).__name__}.report must answer an Action, got {action!r}"
            )
        at = self._index[name]
        self._reached[at] = max(self._reached[at], life.step)
        self._events.append(Event(time, at, life.step, action))
        if action is Action.PAUSE and life.step < self._curves.task.max_t:
            life.saved = life.step
            self._leave(time, name, life)
            self._paused.append(name)
        elif action is Action.STOP or life.at_end:
            self._leave(time, name, life)
            self._end(name, life.has_failed and action is not Action.STOP)
        else:
            self._schedule(time, name, life)

    def _end(self, name: str, failed: bool) -> None:
        if failed:
            self._failed.append(self._index[name])
        self._scheduler.end(name, failed=failed)

    def _lose(self, time: float, name: str, life: Life) -> None:
        self._leave(time, name, life)
        if life.fail(self._cluster):
            self._pending.append(name)
        else:
            self._end(name, failed=True)

    def _leave(self, time: float, name: str, life: Life) -> None:
        self._free.append(life.worker)
        span = Span(life.worker, self._index[name], life.began, time, life.step)
        self._spans.append(span)
