"""The timeline of a sweep: which worker trained which trial, and when."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tune_es.monitoring.experiment import Experiment, Span, TrialRecord

UNITS = ((86_400.0, "days"), (3600.0, "hours"), (60.0, "minutes"), (1.0, "seconds"))


@dataclass(frozen=True)
class Stretch:
    """A trial on a worker.

    Args:
        trial: Its position in the experiment.
        span: When; ``end`` is set.
        lane: In which row it is drawn.
        is_resumed: True where the trial had run before.
    """

    trial: int
    span: Span
    lane: int
    is_resumed: bool

    @property
    def seconds(self) -> float:
        """How long."""
        return (self.span.end or self.span.start) - self.span.start


@dataclass(frozen=True)
class Timeline:
    """All stretches, and what each lane is called."""

    stretches: tuple[Stretch, ...]
    lanes: tuple[str, ...]
    start: float
    end: float
    is_guessed: bool
    """True where no spans were recorded, and the times of results stand in."""

    @property
    def unit(self) -> tuple[float, str]:
        """What time is counted in: seconds of it, and its name."""
        took = self.end - self.start
        return next((each for each in UNITS if took >= 3 * each[0]), UNITS[-1])


def timeline(experiment: Experiment) -> Timeline:
    """Stretches packed into as few lanes as they need, those of one machine together.

    Ray starts a process for many a stretch, so a lane is no process: it is room for one trial.
    """
    found = [
        (at, span, later > 0)
        for at, trial in enumerate(experiment.trials)
        for later, span in enumerate(_spans(trial))
    ]
    known = [experiment.latest, *(each for _, span, _ in found for each in (span.start, span.end))]
    end = max((each for each in known if each is not None and math.isfinite(each)), default=0.0)
    closed = [(at, replace(span, end=_end(span, end)), again) for at, span, again in found]
    by_host = _by_host(closed)
    stretches: list[Stretch] = []
    names: list[str] = []
    for host, here in by_host.items():
        packed, count = _packed([span for _, span, _ in here])
        stretches += [
            Stretch(at, span, lane + len(names), again)
            for (at, span, again), lane in zip(here, packed, strict=True)
        ]
        shown = [host] if count == 1 else [f"{host} {lane + 1}" for lane in range(count)]
        names += shown if len(by_host) > 1 else [str(lane + 1) for lane in range(count)]
    start = min((span.start for _, span, _ in closed), default=0.0)
    is_guessed = bool(found) and not any(len(trial.spans) for trial in experiment.trials)
    return Timeline(tuple(stretches), tuple(names), start, max(end, start), is_guessed)


_Found = tuple[int, Span, bool]


def _by_host(found: Sequence[_Found]) -> dict[str, list[_Found]]:
    """Stretches by machine, each in order of their start; the process is left out of ``where``.

    One that reported nothing does not say where it was: it is with the others if all are on one
    machine.
    """
    hosts = sorted({_host(span) for _, span, _ in found} - {""})
    unknown = hosts[0] if len(hosts) == 1 else "unknown"
    by_host: dict[str, list[_Found]] = {host: [] for host in hosts}
    for each in sorted(found, key=_begin):
        by_host.setdefault(_host(each[1]) or unknown, []).append(each)
    return by_host


def _host(span: Span) -> str:
    host, _, process = span.where.rpartition(":")
    return host if process.isdigit() and host else span.where


def workers(made: Timeline) -> int:
    """How many trials ran at the same time at most; 0 where nothing is known."""
    edges = sorted(
        edge
        for each in made.stretches
        for edge in ((each.span.start, 1), (each.span.end or each.span.start, -1))
    )
    running = most = 0
    for _, change in edges:
        running += change
        most = max(most, running)
    return most


def _spans(trial: TrialRecord) -> Iterable[Span]:
    """What was recorded; without it one stretch from the first result to the last."""
    known = [span for span in trial.spans if math.isfinite(span.start)]
    if known or trial.spans:
        return sorted(known, key=lambda span: span.start)
    times = [time for time in trial.times if math.isfinite(time)]
    if not times:
        return []
    took = next((each for each in trial.seconds if math.isfinite(each)), 0.0)
    end = times[-1] if trial.status.is_over else None
    return [Span(times[0] - took, end, ended=trial.status.value, last=trial.steps[-1])]


def _end(span: Span, latest: float) -> float:
    end = span.end if span.end is not None and math.isfinite(span.end) else latest
    return max(end, span.start)


def _begin(each: _Found) -> float:
    return each[1].start


def _packed(spans: Sequence[Span]) -> tuple[list[int], int]:
    """The lane of each, spans in order of their start: the first that is free."""
    free: list[float] = []
    lanes = []
    for span in spans:
        lane = next((at for at, time in enumerate(free) if time <= span.start + 1e-6), len(free))
        if lane == len(free):
            free.append(-math.inf)
        free[lane] = span.end or span.start
        lanes.append(lane)
    return lanes, len(free)
