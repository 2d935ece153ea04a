"""How trials pass from rung to rung: who pauses, who goes on, who is let go.

This is :class:`tune_es.promotion.Promoter` for a sweep whose trials are all there at the start and
never lost. Nobody is then beyond the rung after the one that is judged next.
"""

from __future__ import annotations

import numpy as np

from tune_es.replay.fast import race as records
from tune_es.replay.fast import ranking, sums
from tune_es.replay.fast.compiled import calling
from tune_es.replay.fast.race import (
    ASYNCHRONOUS,
    GO,
    GONE,
    MARKS,
    OPEN,
    OVER,
    PARTED,
    PAUSE,
    READY,
    RUNNING,
    STOP,
    TABLE,
    WAITING,
    Race,
)

compiled = calling(records, sums, ranking)


@compiled
def report(race: Race, trial: int) -> int:
    """A trial finished another step: GO, PAUSE or STOP."""
    rule, step = race.rule, race.reached[trial]
    if race.stops[trial] == step:
        return STOP
    if step < rule.steps[race.rung[trial] + 1]:
        return GO
    while rule.steps[race.rung[trial] + 2] <= step:
        race.rung[trial] += 1
    rung = race.rung[trial]
    race.stage[trial] = WAITING
    race.arrived[rung + 1] += 1
    if rule.kind == ASYNCHRONOUS:
        _place(race, trial, rung)
    else:
        _promote_safe(race, rung)
        judge_full(race)
    if race.stage[trial] == READY:
        race.stage[trial] = RUNNING
        return GO
    return PAUSE if race.stage[trial] == WAITING else STOP


@compiled
def judge_full(race: Race) -> None:
    """Judge rungs to which all have come, until somebody may go on."""
    while _is_full(race):
        lowest = race.numbers[OPEN]
        if not race.early.any():
            lowest = race.rung[race.stage != GONE].min()
        race.numbers[OPEN] = lowest + 1
        if lowest < 0:
            _judge_pilots(race)
        else:
            _judge_rung(race, lowest)
        for trial in range(len(race.stage)):
            if race.stage[trial] != GONE and race.rung[trial] == lowest:
                race.stage[trial] = GONE
                if ranking.is_alive(race, trial):
                    race.parted[race.numbers[PARTED]] = trial
                    race.numbers[PARTED] += 1


@compiled
def end(race: Race, trial: int, failed: bool) -> None:
    """A trial is over."""
    race.stage[trial] = GONE
    if not failed and ranking.is_alive(race, trial):
        race.over[race.numbers[OVER]] = trial
        race.numbers[OVER] += 1


@compiled
def choose(race: Race) -> int:
    """Who goes on of those that are ready, -1 for nobody.

    Where no rung waits for another trial those at the highest one are first.
    """
    first = -1
    for trial in range(len(race.stage)):
        if race.stage[trial] == READY:
            higher = race.rule.kind == ASYNCHRONOUS and race.rung[trial] > race.rung[first]
            same = race.rule.kind != ASYNCHRONOUS or race.rung[trial] == race.rung[first]
            if first < 0 or higher or (same and race.mark[trial] < race.mark[first]):
                first = trial
    return first


@compiled
def _is_full(race: Race) -> bool:
    """True where a rung can be judged: nobody is ready, or on the way to it."""
    has_early, anybody = race.early.any(), False
    for trial in range(len(race.stage)):
        stage = race.stage[trial]
        if stage == READY:
            return False
        if stage <= RUNNING and not (has_early and race.rung[trial] > race.numbers[OPEN]):
            return False
        anybody = anybody or stage != GONE
    return anybody


@compiled
def _promote(race: Race, trial: int, rung: int) -> None:
    if race.stage[trial] == WAITING and race.rung[trial] < rung and ranking.is_alive(race, trial):
        race.rung[trial], race.stage[trial] = rung, READY
        race.numbers[MARKS] += 1
        race.mark[trial] = race.numbers[MARKS]


@compiled
def _place(race: Race, trial: int, rung: int) -> None:
    """A trial takes its place at a rung that waits for nobody."""
    ranked, count = race.ranked[rung], race.arrived[rung + 1]
    step, own = race.rule.steps[rung + 1], count - 1
    best = ranking.best_at(race, trial, step)
    while own > 0:
        other = ranked[own - 1]
        ahead = ranking.best_at(race, other, step)
        if ahead > best or (ahead == best and race.names[other] < race.names[trial]):
            break
        ranked[own] = other
        own -= 1
    ranked[own] = trial
    places = race.rule.places[count]
    if places:
        if own < places:
            _promote(race, trial, rung + 1)
        _promote(race, ranked[min(places, count) - 1], rung + 1)


@compiled
def _judge_pilots(race: Race) -> None:
    """All who waited for the pilots go on, or those of them who are in the better half of all."""
    count = len(race.stage)
    order, others = np.empty(count, np.int64), np.empty(count, np.int64)
    pilots = waiting = 0
    for trial in range(count):
        if race.stage[trial] != GONE and race.rung[trial] >= 0:
            order[pilots] = trial
            pilots += 1
        elif race.stage[trial] != GONE:
            others[waiting] = trial
            waiting += 1
    order[pilots : pilots + waiting] = others[:waiting]
    order = order[: pilots + waiting]
    scores = np.empty(len(order))
    for at in range(len(order)):
        scores[at] = -ranking.best_at(race, order[at], 1)
    kept = np.zeros(count, np.bool_)
    kept[order[np.argsort(scores, kind="mergesort")][: count // 2]] = True
    for trial in others[:waiting]:
        if kept[trial] or not race.agree:
            _promote(race, trial, 0)


@compiled
def _judge_rung(race: Race, rung: int) -> None:
    """The best go on; one does, at least, where no trial was trained in full."""
    here, step = ranking.here_at(race, rung), race.rule.steps[rung + 1]
    if len(here):
        order, promoted = ranking.ranked(race, here, step), 0
        if race.rule.kind == TABLE:
            promoted = race.rule.places[rung]
            for trial in order[:promoted]:
                _promote(race, trial, rung + 1)
        else:
            caught = np.zeros(len(race.stage), np.bool_)
            quota, leader, total, seen = ranking.quota(race, here, step, caught)
            race.memory[0], race.memory[1] = total, seen
            for at in range(len(order)):
                trial, rank = order[at], at + 1
                within = rank <= np.ceil(quota) or (rank <= 2 * quota and caught[trial])
                if within or trial == leader:
                    promoted += 1
                    _promote(race, trial, rung + 1)
        if not promoted and not race.numbers[OVER] and not race.early.any():
            _promote(race, ranking.first(race, here, step), rung + 1)
    race.early[:] = False


@compiled
def _promote_safe(race: Race, rung: int) -> None:
    """Whom those that are missing cannot keep from going on need not wait for them."""
    if rung != race.numbers[OPEN] or rung < 0:
        return
    missing = 0
    for trial in range(len(race.stage)):
        away = race.stage[trial] <= RUNNING or race.stage[trial] == READY
        missing += away and not race.early[trial]
    if not 0 < missing < race.arrived[rung + 1]:
        return
    here, step = ranking.here_at(race, rung), race.rule.steps[rung + 1]
    places = 0.0
    if race.rule.kind == TABLE:
        places = float(race.rule.places[rung] - missing)
    elif race.rule.asynchronous and 2 * missing < len(here):
        caught = np.zeros(len(race.stage), np.bool_)
        places = np.ceil(ranking.quota(race, here, step, caught)[0]) - 2 * missing
    if places > 0 and len(here):
        for trial in ranking.ranked(race, here, step)[: int(min(places, len(here)))]:
            _promote(race, trial, rung + 1)
            race.early[trial] = True
