"""What there is to read when a policy was tuned, beside those that nobody had to tune."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tune_es.meta.measured import Measured, interval
from tune_es.meta.search import Goal, Tried
from tune_es.replay import Interval, Point, envelope

#: Held-out tasks below which nothing is shown: a bootstrap of fewer knows no doubt.
FEWEST = 5


@dataclass(frozen=True)
class Judged:
    """A policy on some tasks.

    Args:
        tasks: How many.
        cost: Mean share of full training, with the 90 % interval of a bootstrap over tasks.
        regret: Mean regret, likewise.
        over: Tasks whose mean regret is over the limit.
        tail: The regret that the share of tasks that was asked for stays within.
        sweeps_over: Share of single sweeps over the limit.
        costs: The cost on each task.
        shares: The share of sweeps over the limit on each task.
    """

    tasks: int
    cost: Interval
    regret: Interval
    over: int
    tail: float
    sweeps_over: float
    costs: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Row:
    """A policy on the tasks that it was tuned on, and on those held out."""

    policy: str
    tuning: Judged
    held_out: Judged | None


@dataclass(frozen=True)
class Comparison:
    """Whether tuning gained anything over the best preset.

    Args:
        preset: The cheapest preset that keeps the limit on the tuning tasks.
        difference: Held-out cost of the tuned policy less that of the preset, paired by task.
        gain: True where the held-out tasks show it: the interval lies below 0, and the tuned
            policy keeps the limit there.
        why: A sentence.
    """

    preset: str
    difference: Interval | None
    gain: bool
    why: str


@dataclass(frozen=True)
class Report:
    """Everything there is to read.

    Args:
        chosen: The tuned policy.
        presets: Policies that need no tuning.
        comparison: Whether tuning gained anything.
        front: The policies that no other beats in both cost and regret on the tuning tasks.
        tried: How many policies were tried.
        feasible: How many of them keep the limit on the tuning tasks.
        tuning_tasks: The tasks that were tuned on.
        held_out_tasks: Those that were not.
    """

    chosen: Row
    presets: tuple[Row, ...]
    comparison: Comparison
    front: tuple[Point, ...]
    tried: int
    feasible: int
    tuning_tasks: tuple[str, ...]
    held_out_tasks: tuple[str, ...]


def row(name: str, tuning: Measured, held_out: Measured | None, goal: Goal) -> Row:
    """A policy on both kinds of tasks."""
    return Row(name, judged(tuning, goal), None if held_out is None else judged(held_out, goal))


def judged(measured: Measured, goal: Goal) -> Judged:
    """What was measured, summed up."""
    return Judged(
        tasks=len(measured.tasks),
        cost=interval(measured.costs),
        regret=interval(measured.regrets),
        over=measured.over(goal.max_regret),
        tail=measured.tail(goal.confidence),
        sweeps_over=measured.sweeps_over,
        costs=tuple(measured.costs),
        shares=tuple(each.over for each in measured.tasks),
    )


def compare(mine: Row, presets: Sequence[Row], goal: Goal) -> Comparison:
    """The tuned policy beside the cheapest preset that keeps the limit on the tuning tasks."""
    keeping = [each for each in presets if each.tuning.tail <= goal.max_regret]
    best = min(keeping or presets, key=lambda each: each.tuning.cost.value)
    if mine.held_out is None or best.held_out is None:
        return Comparison(best.policy, None, False, "no task was held out, so nothing is known")
    pairs = zip(mine.held_out.costs, best.held_out.costs, strict=True)
    difference = interval([one - other for one, other in pairs])
    if mine.held_out.tail > goal.max_regret:
        why = (
            f"no gain: {mine.held_out.over} of {mine.held_out.tasks} held-out tasks lose more than "
            f"{goal.max_regret:g} ({best.held_out.over} under {best.policy})"
        )
    elif mine.held_out.tasks < FEWEST:
        why = f"no gain: {mine.held_out.tasks} held-out tasks are too few to show one"
    elif difference.high >= 0:
        why = f"no gain: it is not shown to cost less than {best.policy} on held-out tasks"
    else:
        why = f"it costs less than {best.policy} on held-out tasks, and keeps the limit there"
    gain = not why.startswith("no gain")
    return Comparison(best.policy, difference, gain, why)


def front_of(tried: Sequence[Tried]) -> tuple[Point, ...]:
    """The policies that no other beats in both mean cost and mean regret, the cheapest first."""
    return tuple(
        envelope(
            Point(f"#{each.number}", each.measured.cost, each.measured.regret) for each in tried
        )
    )
