"""The test of the counts on tasks they were not made from, and the report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.provenance import versions
from tune_es.replay import TaskCurves
from tune_es.report.explain.calibration import (
    EPSILON,
    FEWEST_STOPS,
    FEWEST_TASKS,
    PARTS,
    PRIOR,
    Calibration,
    Cell,
)
from tune_es.report.explain.counting import Judged, cells_of

Floats = NDArray[np.float64]

#: Times that the tasks are cut into halves.
HALVINGS = 20
SEED = 0
#: The bins of predicted shares in the reliability tables.
BINS = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.975, 1.0)


@dataclass
class Stops:
    """All stops of one rule, an entry a task or sweep; its cells are by mode, or not.

    ``among`` is true where it compares trials.
    """

    by_mode: bool
    among: bool
    judged: list[Judged] = field(default_factory=list)
    slopes: list[list[float]] = field(default_factory=list)

    @property
    def tasks(self) -> list[str]:
        return [each.task for each in self.judged]


class Tested(NamedTuple):
    """Stops of tasks that were left out: what was predicted of each, and whether it was right.

    ``constant`` is the share of right stops among all that the table was made of, ``of_rule``
    that of the rule; ``seed`` is the formula of the seed document. ``rules`` has the name of each
    stop's rule. ``inside`` says of each task and kind with enough stops if its share was within
    the interval.
    """

    share: Floats
    of_rule: Floats
    constant: Floats
    seed: Floats
    right: Floats
    rules: list[str]
    unknown: int
    inside: list[bool]

    @property
    def table(self) -> Floats:
        """The numbers, an element a stop."""
        return np.stack([self.share, self.of_rule, self.constant, self.seed, self.right])


def halves(tasks: Sequence[TaskCurves]) -> Iterator[set[str]]:
    """Random halves of the tasks, each set cut in two; a half and then the other one."""
    random = np.random.default_rng(SEED)
    by_set = _by_set(tasks)
    for _ in range(HALVINGS):
        first: set[str] = set()
        for names in by_set.values():
            extra = int(random.integers(2)) if len(names) % 2 else 0
            picked = random.permutation(len(names))[: len(names) // 2 + extra]
            first |= {names[at] for at in picked}
        yield first
        yield {name for names in by_set.values() for name in names} - first


def sets_left_out(tasks: Sequence[TaskCurves]) -> Iterator[set[str]]:
    """All tasks but those of one set, for every set."""
    by_set = _by_set(tasks)
    for left_out in by_set:
        yield {name for each, names in by_set.items() if each != left_out for name in names}


def _by_set(tasks: Sequence[TaskCurves]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in tasks:
        found.setdefault(each.task.source, []).append(f"{each.task.source}/{each.task.name}")
    return found


def tested(found: Mapping[str, Stops], made_of: set[str]) -> Tested:
    """The table made of some tasks, and what it says of the stops on the others."""
    made = {name: _only(stops, lambda task: task in made_of) for name, stops in found.items()}
    right = [each.right for stops in made.values() for each in stops.judged]
    constant = float(np.concatenate(right).mean())
    rows: list[Floats] = []
    rules: list[str] = []
    unknown, inside = 0, list[bool]()
    for name, stops in made.items():
        table = Calibration(cells_of(name, stops.judged, stops.by_mode), "")
        of_rule = table.share(Cell(name)).value
        others = _only(found[name], lambda task: task not in made_of)
        for cell, tasks in _cells(others):
            known = table.find(name, cell.mode, cell.part or 0)
            here = np.concatenate([*tasks.values()], axis=1)
            if known is None:
                unknown += here.shape[1]
                continue
            share = table.share(known)
            means = [each[0].mean() for each in tasks.values() if each.shape[1] >= FEWEST_STOPS]
            inside += [bool(share.low <= mean <= share.high) for mean in means]
            same = [np.full(here.shape[1], one) for one in (share.value, of_rule, constant)]
            rows.append(np.stack([*same, np.minimum(1.0, 10 * np.abs(here[1])), here[0]]))
            rules += [name] * here.shape[1]
    share, of_rule, same_for_all, seed, found_right = np.concatenate(rows, axis=1)
    return Tested(share, of_rule, same_for_all, seed, found_right, rules, unknown, inside)


def _only(stops: Stops, wanted: Callable[[str], bool]) -> Stops:
    mine = [at for at, task in enumerate(stops.tasks) if wanted(task)]
    judged = [stops.judged[at] for at in mine]
    return Stops(stops.by_mode, stops.among, judged, [stops.slopes[at] for at in mine])


def _cells(stops: Stops) -> Iterator[tuple[Cell, dict[str, Floats]]]:
    """The stops by what the table tells apart, then by task: right or not, and the slope before."""
    for mode in ("min", "max"):
        for part in range(len(PARTS)):
            tasks: dict[str, list[Floats]] = {}
            for each, slopes in zip(stops.judged, stops.slopes, strict=True):
                mine = each.parts == part
                if each.mode == mode and mine.any():
                    columns = np.stack([each.right, np.array(slopes)]).astype(np.float64)
                    tasks.setdefault(each.task, []).append(columns[:, mine])
            if tasks:
                joined = {task: np.concatenate(some, axis=1) for task, some in tasks.items()}
                yield Cell("", mode, part), joined


def render(
    command: str, found: Mapping[str, Stops], table: Calibration, tasks: Sequence[TaskCurves]
) -> str:
    """The whole report."""
    own = {name: stops for name, stops in found.items() if not stops.among}
    others = {name: stops for name, stops in found.items() if stops.among}
    made_with = versions(["numpy", "numba", "pyarrow"])
    parts = [HEAD.format(command=command, versions=made_with)]
    parts += ["## The counts\n", _counts(found, table), "\n## On tasks that were left out\n", TEST]
    by_rule: list[Tested] = []
    for title, split in (("Half of the tasks", halves), ("One set", sets_left_out)):
        for kind, some in (("by the trial's own curve", own), ("by comparison", others)):
            runs = [tested(some, made_of) for made_of in split(tasks)]
            by_rule += runs if split is halves else []
            parts += [f"\n### {title} left out, stops {kind}\n", _reliability(runs)]
    parts += ["\n### Half of the tasks left out, by rule\n", _by_rule(by_rule)]
    return "\n".join([*parts, READING])


HEAD = f"""\
# How often a stop is right

Made by `{{command}}` with {{versions}}. Seeds: draws of trials by task name; {HALVINGS} halvings
from seed {SEED}; sweeps 0 to 4 of a task.

A stop on a trial's own curve is right where the rest of the recorded curve does not improve the
best value by more than {EPSILON:.1%} of its absolute value. A stop by comparison is right where the
trial, run to its end, would not beat the best that the sweep found by more than {EPSILON:.1%} of
what the best trial gains over the median one. Stops are told apart by rule, by the part of the
budget that was used, and, where the rule sees one curve, by the mode of the metric: losses and
scores differ in what a share of the best value means. Among rules that compare trials the mode made
no difference. At most 100 trials of a task count, drawn once, and sweeps have 50: no task outweighs
the others. Patience is told apart by its share of the budget, rules with first steps were run with
several of them, and the guards have rows of their own.

The share is that of the cell, drawn towards that of the rule by {PRIOR:g} stops' worth of it. Stops
on one task are alike, so `worth` says how many independent stops of the rule tell as much (from the
correlation within tasks). The interval is the shortest with 90 % of a beta distribution that is as
wide as the few stops and the distance between tasks make it.
"""

TEST = f"""\
The table is made from some tasks and asked about the others. `predicted` is the mean of the shares
it gave, `found` the share of those stops that were right. A Brier score is the mean squared
difference between the two, and lower is better. A kind with fewer than {FEWEST_STOPS} stops or
{FEWEST_TASKS} tasks behind it has the share of its rule; `not known` are stops of kinds without
any.
"""

READING = """\

What it shows. Over halves of the tasks, what was predicted and what was found agree to a few points
in every bin, and the Brier score is better than that of a constant. Among rules that compare trials
nearly all of that is the rule; where stops are on a trial's own curve, the part of the budget and
the mode tell something, too. Where a whole set is left out, predicted and found lie further apart,
because the sets differ more from one another than the rules do: on tasks of a kind that was never
measured, a share is off by ten to twenty points, and by a third at worst. The intervals are too
narrow for their 90 %: about four in five tasks have their share inside (three in four where the
whole set is new), which is what `explain` says of them. Your own full curves, with `--curves`, are
the better source.

The seed's formula is no confidence. A stalled curve has a slope near 0, so it calls nearly every
stop worthless, right ones most of all, and what it says depends on the unit of the metric.
"""


def _counts(found: Mapping[str, Stops], table: Calibration) -> str:
    tops = [f"to {top:.0%}" for top in PARTS]
    lines = [["rule", "mode", "all", *tops, "worth"]]
    for name, stops in found.items():
        for mode in ("min", "max") if stops.by_mode else ("",):
            cells = [_cell(table, Cell(name, mode, part)) for part in range(len(PARTS))]
            whole = table.cells[Cell(name)]
            total = f"{whole.right}/{whole.stops} on {whole.tasks}" if mode != "max" else ""
            worth = f"{whole.effective:.0f}" if mode != "max" else ""
            lines.append([name if mode != "max" else "", mode, total, *cells, worth])
    return _markdown(lines)


def _cell(table: Calibration, cell: Cell) -> str:
    counts = table.cells.get(cell)
    if counts is None:
        return ""
    seen = f"{counts.right}/{counts.stops}"
    if table.find(*cell[:2], cell.part or 0) != cell:
        return seen
    return f"{table.share(cell).value:.2f} ({seen})"


def _reliability(runs: Sequence[Tested]) -> str:
    rows = np.concatenate([run.table for run in runs], axis=1)
    share, right = rows[0], rows[-1]
    lines = [["predicted", "stops", "mean predicted", "found", "difference"]]
    for low, high in pairwise(BINS):
        mine = (share >= low) & (share < high)
        if mine.any():
            expected, seen = float(share[mine].mean()), float(right[mine].mean())
            numbers = [f"{expected:.3f}", f"{seen:.3f}", f"{seen - expected:+.3f}"]
            lines.append([f"{low:g} to {high:g}", f"{int(mine.sum())}", *numbers])
    scores = {
        "this table": rows[0],
        "the rule's share, wherever it stops": rows[1],
        "one share for all": rows[2],
        "the seed's min(1, 10 slope)": rows[3],
    }
    brier = [["Brier score", ""]]
    brier += [[name, f"{float(((each - right) ** 2).mean()):.4f}"] for name, each in scores.items()]
    return f"{_markdown(lines)}\n{_markdown(brier)}\n{_sentence(runs)}"


def _by_rule(runs: Sequence[Tested]) -> str:
    rows = np.concatenate([run.table for run in runs], axis=1)
    rules = np.array([name for run in runs for name in run.rules])
    lines = [["rule", "predicted", "found", "Brier", "of the rule's share", "of one share for all"]]
    for name in dict.fromkeys(rules.tolist()):
        mine = rows[:, rules == name]
        scores = [float(((each - mine[-1]) ** 2).mean()) for each in mine[:3]]
        means = [f"{float(mine[at].mean()):.3f}" for at in (0, -1)]
        lines.append([name, *means, *(f"{score:.4f}" for score in scores)])
    return _markdown(lines)


def _sentence(runs: Sequence[Tested]) -> str:
    unknown, seen = sum(run.unknown for run in runs), sum(len(run.right) for run in runs)
    inside = [each for run in runs for each in run.inside]
    gaps = [abs(float(run.share.mean() - run.right.mean())) for run in runs]
    return (
        f"Not known: {unknown / (unknown + seen):.1%} of the stops. Over all stops that were left "
        f"out in one go, predicted and found are {np.mean(gaps):.3f} apart on average, and "
        f"{np.max(gaps):.3f} at most. The share of a task that was left out lies in the interval "
        f"in {np.mean(inside):.0%} of {len(inside)} cases with {FEWEST_STOPS} stops or more.\n"
    )


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    head, *rows = lines
    every = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in every)
