"""How often stops are right: counted on recorded curves, and tested on tasks left out.

    python -m experiments.calibration --curves ../shared/curves

replays the presets and the common rules (about a minute) and writes `calibration.md`
into `experiments/results/` and the counts that `tune-es explain` reads into the package.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.calibration_report import Stops, render
from experiments.provenance import command
from tune_es import (
    AdaptiveQuota,
    AsyncHalving,
    BelowMedian,
    OverfitGap,
    Patience,
    Policy,
    SuccessiveHalving,
)
from tune_es.replay import Cluster, TaskCurves, load_tasks, stream
from tune_es.replay.sweeps import run_swept
from tune_es.report.explain import calibration, rules
from tune_es.report.explain.calibration import Calibration, Cell, Counts, to_plain
from tune_es.report.explain.counting import (
    SEEDS,
    Judged,
    alone,
    cells_of,
    judged_at,
    right_among,
)

RESULTS = Path(__file__).parent / "results"
DATA = Path(calibration.__file__).with_name(calibration.SHIPPED)

#: Trials of a task that count, and trials of a sweep: no task is to outweigh the others.
TRIALS, SWEEP = 100, 50
#: Lengths of patience, in evaluations or as shares of the budget.
LENGTHS = (3, 5, 8, 10, 15, 20, 30, 0.1, 0.15, 0.25, 0.35)
#: First steps of rules that compare trials, as shares of the budget.
GRACES = (0.0, 0.1, 0.25)
#: Values to which the seed's formula fits its trend.
TREND = 5

Rule = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Count, test, print the report and write both."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser().parse_args(given)
    tasks = load_tasks(options.curves)
    found = count(tasks)
    table = table_of(found, tasks)
    report = render(command("experiments.calibration", given), found, table, tasks)
    print(report)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "calibration.md").write_text(report, encoding="utf-8")
    write(options.data, table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.calibration", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--curves", type=Path, required=True, help="folder of the curve sets")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the report is written")
    parser.add_argument("--data", type=Path, default=DATA, help="where the counts are written")
    return parser


def write(path: Path, table: Calibration) -> None:
    """The counts, a cell a line."""
    plain = to_plain(table)
    cells = plain.pop("cells")
    rows = ",\n".join(f"  {json.dumps(row)}" for row in cells) if isinstance(cells, list) else ""
    head = json.dumps(plain)[:-1]
    path.write_text(f'{head}, "cells": [\n{rows}\n]}}\n', encoding="utf-8")


def count(tasks: Sequence[TaskCurves]) -> dict[str, Stops]:
    """The stops of every rule that is measured, by its row of the table."""
    few = [each.chosen(_draw(each)) for each in tasks]
    found: dict[str, Stops] = {}
    for name, judged, slopes, among in _all(few, tasks):
        by_mode = not among and name not in rules.GUARDS
        mine = found.setdefault(name, Stops(by_mode, among))
        mine.judged.append(judged)
        mine.slopes.append(slopes)
    return found


def table_of(found: Mapping[str, Stops], tasks: Sequence[TaskCurves]) -> Calibration:
    """The counts that are shipped."""
    cells: dict[Cell, Counts] = {}
    for name, stops in found.items():
        cells.update(cells_of(name, stops.judged, stops.by_mode))
    budgets = [each.task.max_t for each in tasks]
    sets = len({each.task.source for each in tasks})
    source = f"{len(tasks)} public tasks of {sets} sets"
    return Calibration(cells, source, (min(budgets), max(budgets)))


def _draw(curves: TaskCurves) -> list[int]:
    task = f"{curves.task.source}/{curves.task.name}"
    random = np.random.default_rng(zlib.crc32(task.encode()))
    drawn: list[int] = np.sort(random.permutation(len(curves))[:TRIALS]).tolist()
    return drawn


def _all(
    few: Sequence[TaskCurves], tasks: Sequence[TaskCurves]
) -> Iterator[tuple[str, Judged, list[float], bool]]:
    for curves in few:
        for name, judged in _alone(curves):
            yield name, judged, _slopes(judged, curves), False
    for curves in tasks:
        for name, judged, slopes in _among(curves):
            yield name, judged, slopes, True


def _alone(curves: TaskCurves) -> Iterator[tuple[str, Judged]]:
    """Rules that see one curve; the guards are on, and have rows of their own."""
    own = ("STALLED", "OVERFIT")
    for exact, make in rules.EXACT.items():
        if exact not in rules.GUARDS:
            yield exact, _of(curves, own, stop=make())
    for length in LENGTHS:
        name = rules.patience_name(_share(length, curves.task.max_t))
        if name is not None:
            yield name, _of(curves, own, stop=Patience(length))
    train = "train_" + curves.task.metric.removeprefix("val_")
    if train in curves.metrics:
        others = {train: curves.task.mode}
        yield "OverfitGap", _of(curves, own, stop=OverfitGap(train), other_metrics=others)
    yield "NonFinite", _of(curves, ("BROKEN",), stop="none")
    yield "Explosion", _of(curves, ("HOPELESS",), stop="none")


def _share(length: float, max_t: int) -> float:
    evaluations = length if isinstance(length, int) else max(8, math.ceil(length * max_t))
    return evaluations / max_t


def _of(curves: TaskCurves, causes: Sequence[str], **rule: Any) -> Judged:
    task = curves.task
    found = alone(Policy(task.metric, task.mode, max_t=task.max_t, **rule), curves)
    return found.only(np.isin(found.names, causes))


#: Rules that compare trials, for a task's budget and a share of it.
COMPARING: Mapping[str, Callable[[int], Rule]] = {
    "BelowMedian": lambda grace: {"stop": BelowMedian(grace)},
    "SuccessiveHalving": lambda grace: {"stop": SuccessiveHalving(grace)},
    "AsyncHalving": lambda grace: {"stop": "none", "promotion": AsyncHalving(grace)},
    "AdaptiveQuota": lambda grace: {"stop": "none", "promotion": AdaptiveQuota()},
}


def _among(curves: TaskCurves) -> Iterator[tuple[str, Judged, list[float]]]:
    """Sweeps under rules that compare trials, without guards, which have rows of their own."""
    task = curves.task
    bare: Rule = {"max_t": task.max_t, "nonfinite_patience": None, "explosion_factor": None}
    for name, make in COMPARING.items():
        for grace in GRACES[: 1 if name == "AdaptiveQuota" else None]:
            rule = make(max(1, round(grace * task.max_t)))
            policy = Policy(task.metric, task.mode, **bare, **rule)
            for seed in range(SEEDS):
                sweep = stream(curves, SWEEP, seed).curves
                found = _stopped(policy, sweep, name)
                yield name, found, _slopes(found, sweep)


def _stopped(policy: Policy, sweep: TaskCurves, name: str) -> Judged:
    reached = run_swept(policy, sweep, Cluster()).reached
    trials = np.flatnonzero((reached < sweep.lengths) & (reached > 0))
    names = np.full(len(trials), name)
    return judged_at(sweep, trials, reached[trials], names, right_among(sweep, reached))


def _slopes(judged: Judged, curves: TaskCurves) -> list[float]:
    """The least-squares slope of the last values before every stop; 0 where there is none."""
    found = []
    for trial, at in zip(judged.trials.tolist(), judged.at.tolist(), strict=True):
        last = curves.values(trial)[max(0, at - TREND) : at]
        ok = len(last) > 1 and bool(np.isfinite(last).all())
        found.append(float(np.polyfit(np.arange(len(last)), last, 1)[0]) if ok else 0.0)
    return found


if __name__ == "__main__":
    main()
