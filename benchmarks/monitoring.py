"""What monitoring costs the loop of a sweep: metrics and event log together.

    python -m benchmarks.monitoring --out experiments/results/monitoring_cost.md

Real sweeps on a Ray of their own, with the monitors and without, one after the other in turn: two
workers report as fast as Ray takes it. A clock around each call of the monitors says how much of
the loop is theirs, from within the same sweeps; the difference between the sweeps says the same
with the noise of a whole sweep in it. What is done once a second grows with the trials, and is
timed alone, on Ray's own trials without a sweep.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from experiments.provenance import command, machine, versions
from tune_es import Patience, Policy
from tune_es.meta.measured import interval
from tune_es.ray import EarlyStoppingCallback, EarlyStoppingScheduler
from tune_es.ray.audience import Audience
from tune_es.ray.event_log import EventLog
from tune_es.ray.meters import Meters
from tune_es.ray.monitor import Monitor, Watched

TRIALS = 4
#: The results a second that the share is given for, and the share that is allowed.
RATE, ALLOWED = 500, 0.02
#: Ray's name for sweeps without its CSV, JSON and TensorBoard loggers.
NO_LOGGERS = "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS"
LOGGERS = {"Ray's default loggers": "0", "no loggers": "1"}


def reports(config: Mapping[str, Any]) -> None:
    """Reports two metrics, as fast as it can; they get better with every step."""
    for step in range(1, config["steps"] + 1):
        tune.report({"loss": 1 / step, "accuracy": 1 - 1 / step})


@dataclass
class Spent:
    """What one sweep took, in seconds, from its first result to its last.

    ``wall`` and ``cpu`` are of the loop, on the clock and of its own thread; ``told_wall`` and
    ``told_cpu`` are of telling those who watch.
    """

    results: int = 0
    wall: float = 0.0
    cpu: float = 0.0
    told_wall: float = 0.0
    told_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Results a second."""
        return (self.results - 1) / self.wall

    @property
    def cpu_us(self) -> float:
        """Microseconds of the loop's thread for a result."""
        return 1e6 * self.cpu / (self.results - 1)

    @property
    def told_us(self) -> float:
        """Microseconds of it for the monitors."""
        return 1e6 * self.told_cpu / self.results

    @property
    def told_wall_us(self) -> float:
        """The same on the clock, with what other programs took meanwhile."""
        return 1e6 * self.told_wall / self.results

    @property
    def share(self) -> float:
        """The monitors' share of a second with so many results."""
        return self.told_us * RATE / 1e6


class Timed(Audience):
    """An audience with a clock around what it does; without monitors it is the same."""

    def __init__(self, gather: Callable[[], list[Monitor]], spent: Spent) -> None:
        super().__init__(gather)
        self._spent = spent
        self._began: tuple[float, float] | None = None

    @contextmanager
    def _clock(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.thread_time()
        yield
        self._spent.told_cpu += time.thread_time() - cpu
        self._spent.told_wall += time.perf_counter() - wall

    def on_result(self, trial: Trial, result: dict[str, Any]) -> None:
        with self._clock():
            super().on_result(trial, result)
        now = time.perf_counter(), time.thread_time()
        self._began = began = self._began or now
        spent = self._spent
        spent.results += 1
        spent.wall, spent.cpu = now[0] - began[0], now[1] - began[1]

    def on_end(self, trial: Trial, failed: bool) -> None:
        with self._clock():
            super().on_end(trial, failed)

    def on_step(self, trials: list[Trial]) -> None:
        with self._clock():
            super().on_step(trials)


#: The callback is pickled before the sweep: what is noted of the one that runs is kept here.
NOTED: list[Spent] = []


class TimedCallback(EarlyStoppingCallback):
    """The callback with a clock."""

    def setup(self, *info: Any, **more: Any) -> None:
        NOTED.append(Spent())
        self._audience = Timed(self._monitors, NOTED[-1])
        super().setup(*info, **more)


def sweep(is_watched: bool, steps: int) -> Spent:
    """One sweep from the first result to the last."""
    space = {"steps": steps, "lr": tune.grid_search([0.1] * TRIALS), "width": 64, "drop": 0.1}
    scheduler = EarlyStoppingScheduler(
        metric="loss", mode="min", stop=Patience(steps), max_t=steps, price_per_hour=1.0
    )
    with tempfile.TemporaryDirectory() as folder:
        tune.Tuner(
            reports,
            param_space=space,
            tune_config=tune.TuneConfig(scheduler=scheduler, reuse_actors=True),
            run_config=tune.RunConfig(
                storage_path=folder,
                callbacks=[TimedCallback(event_log=is_watched, metrics=is_watched)],
                verbose=0,
            ),
        ).fit()
    return NOTED.pop()


@dataclass(frozen=True)
class Pair:
    """A sweep that is watched and the one beside it that is not."""

    on: Spent
    off: Spent


def pairs(repeats: int, steps: int) -> list[Pair]:
    """In turn, each kind of sweep as often first as the other."""
    found = []
    for at in range(repeats):
        first = at % 2 == 0
        both = {is_on: sweep(is_on, steps) for is_on in (first, not first)}
        found.append(Pair(both[True], both[False]))
    return found


def by_trials(trials: int) -> dict[str, float]:
    """Microseconds of what is done once a second, by monitor, with so many trials."""
    policy = Policy("loss", "min", stop=Patience(5), max_t=100)
    each = [Trial("reports", trial_id=f"{at:05}", stub=True) for at in range(trials)]
    spent: dict[str, float] = {}
    for monitor in (Meters(), EventLog()):
        with tempfile.TemporaryDirectory() as folder:
            monitor.begin(Watched("alone", policy, trials, folder))
            monitor.on_step(each)  # the first time all trials are new
            turns = []
            for _ in range(4):
                time.sleep(1.05)
                start = time.perf_counter()
                monitor.on_step(each)
                turns.append(1e6 * (time.perf_counter() - start))
            monitor.close(each)
        spent[type(monitor).__name__] = statistics.median(turns)
    return spent


def shown(values: Sequence[float], digits: int, sign: str = "") -> str:
    """The mean and its 90 % interval."""
    found = interval(values)
    each = [f"{one:{sign}.{digits}f}" for one in (found.value, found.low, found.high)]
    return "{} [{}, {}]".format(*each)


def inside(name: str, measured: Sequence[Pair]) -> str:
    """What the clock says within the sweeps."""
    of_on, of_off = [each.on for each in measured], [each.off for each in measured]
    cells = [
        shown([each.rate for each in of_on], 0),
        shown([each.told_wall_us for each in of_on], 1),
        shown([each.told_us for each in of_on], 1),
        shown([100 * each.share for each in of_on], 2),
        shown([each.told_us for each in of_off], 1),
    ]
    return f"| {name} | {' | '.join(cells)} |\n"


def beside(name: str, measured: Sequence[Pair]) -> str:
    """How sweeps with the monitors differ from those without."""
    cells = [
        shown([each.off.rate for each in measured], 0),
        shown([each.on.rate for each in measured], 0),
        shown([100 * (each.off.rate / each.on.rate - 1) for each in measured], 1, "+"),
        shown([each.off.cpu_us for each in measured], 0),
        shown([each.on.cpu_us - each.off.cpu_us for each in measured], 0, "+"),
    ]
    return f"| {name} | {' | '.join(cells)} |\n"


def alone(sizes: Sequence[int]) -> str:
    """What is done once a second, by the number of trials."""
    found = {size: by_trials(size) for size in sizes}
    names = [*found[sizes[0]]]
    lines = [
        f"| {size:,} | {' | '.join(f'{each[name]:.0f}' for name in names)} "
        f"| {sum(each.values()) / 1e4:.2f} |\n"
        for size, each in found.items()
    ]
    head = f"| trials | {' | '.join(f'{name}, us' for name in names)} | together, % of a second |\n"
    return f"{head}|{'---|' * (len(names) + 2)}\n{''.join(lines)}"


def report(measured: Mapping[str, Sequence[Pair]], sizes: Sequence[int]) -> str:
    """Three tables, and whether it is allowed."""
    worst = max(interval([one.on.share for one in each]).high for each in measured.values())
    verdict = "below" if worst < ALLOWED else "not below"
    return f"""## Within the sweeps

The monitors' share of the loop at {RATE} results a second is {verdict} {ALLOWED:.0%}: at most
{worst:.2%}, the upper end of its interval, of the time of the loop's thread. It holds what is done
for each result, and what is done once a second for all that came. The last column is the clock.

| sweep | results/s | us a result | us of the thread | % of it at {RATE}/s | us, nobody watching |
|---|---|---|---|---|---|
{"".join(inside(*each) for each in measured.items())}
## Beside sweeps without them

| sweep | results/s without | results/s with | longer, % | us of the loop's thread without | more |
|---|---|---|---|---|---|
{"".join(beside(*each) for each in measured.items())}
## Once a second, by the number of trials

{alone(sizes)}"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables, and write them where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--repeats", type=int, default=10, help="pairs of sweeps of each kind")
    parser.add_argument("--steps", type=int, default=500, help="results of each of 4 trials")
    parser.add_argument("--trials", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    busy = os.getloadavg()[0]
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    sweep(True, 50)  # workers and imports
    measured = {}
    for name, setting in LOGGERS.items():
        os.environ[NO_LOGGERS] = setting
        measured[name] = pairs(options.repeats, options.steps)
    text = (
        f"# What monitoring costs\n\n    {command('benchmarks.monitoring', given)}\n\n"
        f"{options.repeats} pairs of real sweeps of {TRIALS} trials with {options.steps} results "
        "each, two at a time, with the monitors (metrics and event log) and without, in turn. "
        "Means with 90 % intervals from a bootstrap over the pairs, seed 0.\n"
        f"{versions(('ray', 'tune_es'))}; {machine()}; its load was {busy:.1f} at the beginning "
        f"and {os.getloadavg()[0]:.1f} at the end, the sweeps included.\n\n"
        f"{report(measured, options.trials)}"
    )
    print(text)
    if options.out is not None:
        options.out.write_text(text, encoding="utf-8")
    ray.shutdown()


if __name__ == "__main__":
    main()
