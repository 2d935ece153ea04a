"""How trials pass from rung to rung: who pauses, who goes on, who is let go.

This is :class:`tune_es.promotion.Promoter` for a sweep whose trials are all there at the start and
never lost. Nobody is then beyond the rung after the one that is judged next.
"""

from __future__ import annotations

import numpy as np

from tune_es.replay.fast import ranking
from tune_es.replay.fast.compiled import part
from tune_es.replay.fast.race import (
    ASYNCHRONOUS,
    EARLY,
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


@part
def report(race: Race, trial: int) -> int:
    """A trial finished another step: GO, PAUSE or STOP."""
    one = race.trials[trial]
    step = one.reached
    if one.stop == step:
        return STOP
    if step < race.rungs[one.rung + 1].step:
        return GO
    while race.rungs[one.rung + 2].step <= step:
        one.rung += 1
    rung = one.rung
    one.stage = WAITING
    race.rungs[rung + 1].arrived += 1
    if race.rule.kind == ASYNCHRONOUS:
        _place(race, trial, rung)
    else:
        _promote_safe(race, rung)
        judge_full(race)
    if one.stage == READY:
        one.stage = RUNNING
        return GO
    return PAUSE if one.stage == WAITING else STOP


@part
def judge_full(race: Race) -> None:
    """Judge rungs to which all have come, until somebody may go on."""
    while _is_full(race):
        lowest = race.numbers[OPEN]
        if not race.numbers[EARLY]:
            lowest = len(race.rungs)
            for trial in range(len(race.trials)):
                if race.trials[trial].stage != GONE:
                    lowest = min(lowest, race.trials[trial].rung)
        race.numbers[OPEN] = lowest + 1
        if lowest < 0:
            _judge_pilots(race)
        else:
            _judge_rung(race, lowest)
        for trial in range(len(race.trials)):
            one = race.trials[trial]
            if one.stage != GONE and one.rung == lowest:
                one.stage = GONE
                if ranking.is_alive(race, trial):
                    race.gone[1, race.numbers[PARTED]] = trial
                    race.numbers[PARTED] += 1


@part
def end(race: Race, trial: int, failed: bool) -> None:
    """A trial is over."""
    race.trials[trial].stage = GONE
    if not failed and ranking.is_alive(race, trial):
        race.gone[0, race.numbers[OVER]] = trial
        race.numbers[OVER] += 1


@part
def choose(race: Race) -> int:
    """Who goes on of those that are ready, -1 for nobody.

    Where no rung waits for another trial those at the highest one are first.
    """
    first, by_rung = -1, race.rule.kind == ASYNCHRONOUS
    for trial in range(len(race.trials)):
        one, best = race.trials[trial], race.trials[first]
        if one.stage == READY:
            higher, same = by_rung and one.rung > best.rung, not by_rung or one.rung == best.rung
            if first < 0 or higher or (same and one.mark < best.mark):
                first = trial
    return first


@part
def _is_full(race: Race) -> bool:
    """True where a rung can be judged: nobody is ready, or on the way to it."""
    has_early, anybody = race.numbers[EARLY] > 0, False
    for trial in range(len(race.trials)):
        one = race.trials[trial]
        if one.stage == READY:
            return False
        if one.stage <= RUNNING and not (has_early and one.rung > race.numbers[OPEN]):
            return False
        anybody = anybody or one.stage != GONE
    return anybody


@part
def _promote(race: Race, trial: int, rung: int) -> None:
    one = race.trials[trial]
    if one.stage == WAITING and one.rung < rung and ranking.is_alive(race, trial):
        race.numbers[MARKS] += 1
        one.rung, one.stage, one.mark = rung, READY, race.numbers[MARKS]


@part
def _place(race: Race, trial: int, rung: int) -> None:
    """A trial takes its place at a rung that waits for nobody."""
    ranked, count = race.ranked[rung], race.rungs[rung + 1].arrived
    step, own = race.rungs[rung + 1].step, count - 1
    best = ranking.best_at(race, trial, step)
    while own > 0:
        other = ranked[own - 1]
        ahead = ranking.best_at(race, other, step)
        if ahead > best or (ahead == best and race.trials[other].name < race.trials[trial].name):
            break
        ranked[own] = other
        own -= 1
    ranked[own] = trial
    places = race.rule.places[count]
    if places:
        if own < places:
            _promote(race, trial, rung + 1)
        _promote(race, ranked[min(places, count) - 1], rung + 1)


@part
def _judge_pilots(race: Race) -> None:
    """All who waited for the pilots go on, or those of them who are in the better half of all."""
    total, count = len(race.trials), 0
    order, scores, keeps = np.empty(total, np.int64), np.empty(total), np.zeros(total, np.bool_)
    for pilots in (True, False):  # of equal ones the pilots are ahead
        for trial in range(total):
            one = race.trials[trial]
            if one.stage != GONE and (one.rung >= 0) == pilots:
                order[count], scores[count] = trial, -ranking.best_at(race, trial, 1)
                count += 1
    ranks = ranking.ascending(scores[:count])
    for at in range(min(total // 2 if race.agree else count, count)):
        keeps[order[ranks[at]]] = True
    for trial in range(total):
        if keeps[trial] and race.trials[trial].rung < 0:
            _promote(race, trial, 0)


@part
def _judge_rung(race: Race, rung: int) -> None:
    """The best go on; one does, at least, where no trial was trained in full."""
    here, step = ranking.here_at(race, rung), race.rungs[rung + 1].step
    if len(here):
        order, promoted = ranking.ranked(race, here, step), 0
        if race.rule.kind == TABLE:
            promoted = race.rungs[rung + 1].places
            for trial in order[:promoted]:
                _promote(race, trial, rung + 1)
        else:
            caught = np.zeros(len(race.trials), np.bool_)
            quota, leader, total, seen = ranking.quota(race, here, step, caught)
            race.memory[0], race.memory[1] = total, seen
            for at in range(len(order)):
                trial, rank = order[at], at + 1
                within = rank <= np.ceil(quota) or (rank <= 2 * quota and caught[trial])
                if within or trial == leader:
                    promoted += 1
                    _promote(race, trial, rung + 1)
        if not promoted and not race.numbers[OVER] and not race.numbers[EARLY]:
            _promote(race, ranking.first(race, here, step), rung + 1)
    race.numbers[EARLY] = 0
    for trial in range(len(race.trials)):
        race.trials[trial].early = False


@part
def _promote_safe(race: Race, rung: int) -> None:
    """Whom those that are missing cannot keep from going on need not wait for them."""
    if rung != race.numbers[OPEN] or rung < 0:
        return
    missing = 0
    for trial in range(len(race.trials)):
        one = race.trials[trial]
        missing += (one.stage <= RUNNING or one.stage == READY) and not one.early
    if not 0 < missing < race.rungs[rung + 1].arrived:
        return
    here, step = ranking.here_at(race, rung), race.rungs[rung + 1].step
    places = 0.0
    if race.rule.kind == TABLE:
        places = float(race.rungs[rung + 1].places - missing)
    elif race.rule.asynchronous and 2 * missing < len(here):
        caught = np.zeros(len(race.trials), np.bool_)
        places = np.ceil(ranking.quota(race, here, step, caught)[0]) - 2 * missing
    if places > 0 and len(here):
        for trial in ranking.ranked(race, here, step)[: int(min(places, len(here)))]:
            _promote(race, trial, rung + 1)
            race.numbers[EARLY] += not race.trials[trial].early
            race.trials[trial].early = True
