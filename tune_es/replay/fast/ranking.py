"""Who is ahead at a rung, who can still catch the leader, and how many places there are."""

from __future__ import annotations

import numpy as np

from tune_es.replay.curves import Floats, Ints
from tune_es.replay.fast import sums
from tune_es.replay.fast.block import Flags
from tune_es.replay.fast.compiled import calling, part
from tune_es.replay.fast.race import OVER, PARTED, QUOTA, WAITING, Race
from tune_es.replay.fast.sums import added

compiled = calling(sums)


@part
def is_alive(race: Race, trial: int) -> bool:
    """True where the last value is finite."""
    last: float = race.points[race.trials[trial].start + race.trials[trial].reached - 1].value
    return bool(race.trials[trial].reached > 0 and last - last == 0.0)


@part
def best_at(race: Race, trial: int, step: int) -> float:
    """The best up to a step."""
    best: float = race.points[race.trials[trial].start + step - 1].best
    return best


@part
def half_at(race: Race, trial: int, step: int) -> float:
    """The best at half of the steps, or at the step where there was none."""
    half = race.points[race.trials[trial].start + (step + 1) // 2 - 1].best
    return half if half > -np.inf else best_at(race, trial, step)


@part
def noise_at(race: Race, trial: int, step: int) -> float:
    """The noise up to a step."""
    noise: float = race.points[race.trials[trial].start + step - 1].noise
    return noise


@part
def here_at(race: Race, rung: int) -> Ints:
    """Who waits at a rung alive, and who went on from it early, in the order they were added."""
    found, count = np.empty(len(race.trials), np.int64), 0
    for trial in range(len(race.trials)):
        one = race.trials[trial]
        waits = one.stage == WAITING and one.rung == rung
        if one.early or (waits and is_alive(race, trial)):
            found[count] = trial
            count += 1
    return found[:count]


@part
def ascending(scores: Floats) -> Ints:
    """The order of some numbers, the lowest first; equal ones keep theirs. None is NaN.

    A merge sort from the bottom up: that of numba takes a second to compile.
    """
    count, width = len(scores), 1
    order, spare = np.empty(count, np.int64), np.empty(count, np.int64)
    for at in range(count):
        order[at] = at
    while width < count:
        for low in range(0, count, 2 * width):
            middle, high = min(low + width, count), min(low + 2 * width, count)
            left, right = low, middle
            for at in range(low, high):
                in_order = right == high or scores[order[left]] <= scores[order[right]]
                if left < middle and in_order:
                    spare[at] = order[left]
                    left += 1
                else:
                    spare[at] = order[right]
                    right += 1
        order, spare, width = spare, order, 2 * width
    return order


@part
def ranked(race: Race, here: Ints, step: int) -> Ints:
    """Those at a rung, the best first by the score of the rule."""
    scores = np.empty(len(here))
    for at in range(len(here)):
        scores[at] = -best_at(race, here[at], step)
        if race.rule.kind == QUOTA:
            scores[at] -= _gain(race, here[at], step) / 2
    order = ascending(scores)
    for at in range(len(order)):
        order[at] = here[order[at]]
    return order


@part
def first(race: Race, here: Ints, step: int) -> int:
    """The best at a rung, the first of equal ones."""
    best = here[0]
    for trial in here:
        if best_at(race, trial, step) > best_at(race, best, step):
            best = trial
    return int(best)


@part
def quota(race: Race, here: Ints, step: int, caught: Flags) -> tuple[float, int, float, float]:
    """The quota of a rung, its leader, and the memory after it; fills in who can catch the leader.

    The leader is the best trial of all, -1 where it is not at the rung.
    """
    rule = race.rule
    leader, best, noise = _leader(race, here, step)
    catching = behind = 0
    for trial in here:
        caught[trial] = _can_catch(race, trial, step, best, noise)
        catching += caught[trial]
    for at in range(race.numbers[PARTED]):
        trial = race.gone[1, at]
        behind += _can_catch(race, trial, race.trials[trial].reached, best, noise)
    total, seen = _moved(race, here, step)
    unrest = np.exp(0.5 * (total / seen - rule.expected) * np.sqrt(rule.by_step[step].doubling))
    fading = rule.fading[min(catching + behind, len(rule.fading) - 1)]
    spread = (rule.by_step[step].root * unrest) ** fading
    return rule.factor * np.sqrt(catching) * spread, leader, total, seen


@part
def _leader(race: Race, here: Ints, step: int) -> tuple[int, float, float]:
    """The best of those here, of those that are over, and of those let go: the first of equals."""
    leader, best, noise = here[0], best_at(race, here[0], step), noise_at(race, here[0], step)
    for trial in here:
        if best_at(race, trial, step) > best:
            best, noise = best_at(race, trial, step), noise_at(race, trial, step)
            leader = trial
    for kind in range(2):
        for at in range(race.numbers[OVER if kind == 0 else PARTED]):
            trial = race.gone[kind, at]
            last = race.trials[trial].reached
            if not race.trials[trial].early and best_at(race, trial, last) > best:
                best, noise = best_at(race, trial, last), noise_at(race, trial, last)
                leader = -1
    return leader, best, noise


@part
def _can_catch(race: Race, trial: int, step: int, best: float, noise: float) -> bool:
    rule, own = race.rule, noise_at(race, trial, step)
    reach = _gain(race, trial, step) * rule.by_step[step].doubling + rule.noise * max(own, noise)
    return not best - best_at(race, trial, step) > reach


@part
def _moved(race: Race, here: Ints, step: int) -> tuple[float, float]:
    """How far the best had been behind at half of their steps, added to what was before."""
    halves, bests = np.empty(len(here)), np.empty(len(here))
    for at in range(len(here)):
        halves[at], bests[at] = -half_at(race, here[at], step), -best_at(race, here[at], step)
    before, count = np.empty(len(here), np.int64), min(len(here), len(race.rule.moves) - 1)
    order, top, moved = ascending(halves), ascending(bests), np.empty(count)
    for at in range(len(here)):
        before[order[at]] = at + 1
    for at in range(count):
        moved[at] = race.rule.moves[at + 1, before[top[at]]]
    return race.memory[0] + added(moved, race.rule.exact), race.memory[1] + count


@part
def _gain(race: Race, trial: int, step: int) -> float:
    return best_at(race, trial, step) - half_at(race, trial, step)


@compiled
def fill_noise(values: Floats, starts: Ints, stops: Ints, over: int, exact: bool) -> Floats:
    """By row twice the mean fall of a trial over its last differences, ``over`` at most."""
    noise, falls = np.zeros(len(values)), np.empty(over)
    for trial in range(len(starts)):
        for row in range(starts[trial] + 1, stops[trial]):
            count = 0
            for at in range(max(starts[trial], row - over) + 1, row + 1):
                step = values[at] - values[at - 1]
                if step - step == 0.0:
                    falls[count] = max(0.0, -step)
                    count += 1
            if count:
                noise[row] = 2 * added(falls[:count], exact) / count
    return noise
