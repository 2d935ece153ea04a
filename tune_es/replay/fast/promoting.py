"""The events of a sweep under a rule that promotes, in the order of the engine."""

from __future__ import annotations

from typing import NamedTuple

from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast import race as records
from tune_es.replay.fast import racing, ranking, sums, workers
from tune_es.replay.fast.block import Flags
from tune_es.replay.fast.compiled import calling, part
from tune_es.replay.fast.race import ASYNCHRONOUS, GO, PAUSE, PAUSED, RUNNING, Race
from tune_es.replay.fast.workers import Workers

compiled = calling(records, sums, ranking, racing, workers)


class Costs(NamedTuple):
    """The cluster: how many workers, and the seconds before a first and before a later start."""

    workers: int
    startup_s: float
    resume_s: float


class Account(NamedTuple):
    """What a sweep comes to.

    Args:
        seconds: The worker time of every trial.
        fails: Which trials fail at the end of their curves.
        who: Those that did, and those that were to go on past the end of their curves, each in
            their order.
        counts: How many trials began, failed and were cut.
    """

    seconds: Floats
    fails: Flags
    who: Ints
    counts: Ints


@compiled
def sweep(race: Race, costs: Costs, account: Account) -> float:
    """Run a race to its end, and say when that is."""
    crew = workers.workers_of(min(costs.workers, len(race.trials)))
    time = 0.0
    _fill(race, costs, account, crew, time)
    while crew.counts[1]:
        worker = workers.earliest(crew)
        time, trial = crew.ends[worker], crew.holder[worker]
        one = race.trials[trial]
        one.reached += 1
        action = racing.report(race, trial)
        if action == GO and one.reached < one.length:
            lasts = race.points[one.start + one.reached].seconds
            account.seconds[trial] += lasts
            workers.go_on(crew, worker, time, lasts)
        else:
            workers.leave(crew, worker)
            if action == PAUSE:
                race.numbers[PAUSED] += 1
            elif one.stage == RUNNING:
                _end(race, account, trial, action == GO)
        if crew.counts[1] < len(crew.holder):
            _fill(race, costs, account, crew, time)
    return time


@part
def _fill(race: Race, costs: Costs, account: Account, crew: Workers, time: float) -> None:
    """Give idle workers what is chosen."""
    while crew.counts[1] < len(crew.holder):
        coming = account.counts[0] < len(race.trials)
        if not coming and not race.numbers[PAUSED]:
            return
        trial, waits = -1, race.rule.kind != ASYNCHRONOUS
        if waits and not coming:
            racing.judge_full(race)
        if not waits or not coming:
            trial = racing.choose(race)
        if trial >= 0:
            race.numbers[PAUSED] -= 1
        elif coming:
            trial = account.counts[0]
            account.counts[0] += 1
        else:
            return
        _start(race, costs, account, crew, trial, time)


@part
def _start(
    race: Race, costs: Costs, account: Account, crew: Workers, trial: int, time: float
) -> None:
    """A trial takes an idle worker; one whose curve has no more ends instead."""
    one = race.trials[trial]
    one.stage, reached = RUNNING, one.reached
    if reached == one.length:
        if not account.fails[trial]:
            account.who[1, account.counts[2]] = trial
            account.counts[2] += 1
        _end(race, account, trial, True)
        return
    cost = costs.resume_s if reached else costs.startup_s
    lasts = race.points[one.start + reached].seconds
    account.seconds[trial] += cost
    account.seconds[trial] += lasts
    workers.start(crew, trial, time + cost, lasts)


@part
def _end(race: Race, account: Account, trial: int, at_end: bool) -> None:
    """A trial is over; at the end of its curve it fails where it did when it was recorded."""
    failed = at_end and account.fails[trial]
    if failed:
        account.who[0, account.counts[1]] = trial
        account.counts[1] += 1
    racing.end(race, trial, failed)
