"""Tasks to tune on, and tasks to judge what came out: split by task, never by step."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from tune_es.checks import check_number, nearest
from tune_es.replay import TaskCurves

#: Held-out tasks that no chance has drawn.
NAMED = "named by hand"


@dataclass(frozen=True)
class Split:
    """Tasks to tune on and tasks held out; none is in both.

    Args:
        tuning: The former.
        held_out: The latter.
        how: How it was decided which are held out, for the certificate.
    """

    tuning: tuple[TaskCurves, ...]
    held_out: tuple[TaskCurves, ...]
    how: str = NAMED

    def __post_init__(self) -> None:
        if not self.tuning:
            raise ValueError("Split.tuning must hold a task: all of them were held out")
        both = {name_of(each) for each in self.tuning} & {name_of(each) for each in self.held_out}
        if both:
            raise ValueError(f"Split has {min(both)!r} among tuning and held-out tasks")


def name_of(curves: TaskCurves) -> str:
    """The curve set and the task."""
    return f"{curves.task.source}/{curves.task.name}"


def family_of(curves: TaskCurves) -> str:
    """The curve set: tasks of one source are often variations of one another."""
    return curves.task.source


def split(
    tasks: Sequence[TaskCurves],
    held_out: float = 0.3,
    seed: int = 0,
    by: Callable[[TaskCurves], str] = name_of,
) -> Split:
    """Hold out a share of the tasks, drawn by a seed.

    Who is held out depends on the seed and on the names alone, not on the order of the tasks.

    Args:
        tasks: Every task.
        held_out: Share of the tasks, from 0 to below 1; at least one where it is above 0.
        seed: Of the draw.
        by: What must not be parted: :func:`name_of` or :func:`family_of`.

    Raises:
        ValueError: Nothing would be left to tune on.
    """
    check_number("split", "held_out", held_out, least=0, most=0.99)
    groups = sorted({by(each) for each in tasks})
    order = np.random.default_rng([seed, zlib.crc32(b"split")]).permutation(len(groups))
    wanted, out = max(1, round(held_out * len(tasks))) if held_out else 0, set[str]()
    for at in order.tolist():
        if sum(by(each) in out for each in tasks) >= wanted:
            break
        out.add(groups[at])
    what = "tasks" if by is name_of else f"groups ({by.__name__})"
    return _parted(tasks, lambda each: by(each) in out, f"{what} drawn by seed {seed}")


def split_by_name(tasks: Sequence[TaskCurves], names: Sequence[str]) -> Split:
    """Hold out the tasks or curve sets of these names.

    Raises:
        ValueError: A name that no task, ``set/task`` or set has; nothing left to tune on.
    """
    known = {name for each in tasks for name in _names(each)}
    for name in names:
        if name not in known:
            raise ValueError(f"no task or curve set is called {name!r}; {nearest(name, known)}")
    return _parted(tasks, lambda each: not set(names).isdisjoint(_names(each)), NAMED)


def leave_one_out(
    tasks: Sequence[TaskCurves], by: Callable[[TaskCurves], str] = name_of
) -> Iterator[Split]:
    """A split for each task, or for each family, held out alone."""
    for group in sorted({by(each) for each in tasks}):
        yield _parted(tasks, partial(_is_in, group, by), "each left out in turn")


def _is_in(group: str, by: Callable[[TaskCurves], str], curves: TaskCurves) -> bool:
    return by(curves) == group


def _names(curves: TaskCurves) -> tuple[str, str, str]:
    return curves.task.name, name_of(curves), family_of(curves)


def _parted(tasks: Sequence[TaskCurves], is_out: Callable[[TaskCurves], bool], how: str) -> Split:
    ordered = sorted(tasks, key=name_of)
    return Split(
        tuple(each for each in ordered if not is_out(each)),
        tuple(each for each in ordered if is_out(each)),
        how,
    )
