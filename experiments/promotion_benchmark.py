"""Adaptive quotas beside every setting of the baselines, on the same recorded streams.

    python -m experiments.promotion_benchmark --curves ../shared/curves

replays streams of 100 trials of every recorded task on 8 workers under AdaptiveQuota as specified
and in forms that were looked for on these tasks, each with several factors, and under the simple
baselines, halving and the median rule with all their settings. It writes `promotion.md` and
`promotion.csv` into `experiments/results/`.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.benchmark import baselines
from experiments.benchmark.registry import LADDER, OUR_LADDER, compared
from experiments.benchmark.report import CLEAN, REGRETS, write_rows
from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es.replay import (
    Cluster,
    Score,
    cost_at,
    held_out_cost_at,
    judge,
    load_tasks,
    points,
)
from tune_es.replay.policies import Candidate, candidate

RESULTS = Path(__file__).parent / "results"

FACTORS = (0.3, 0.5, 0.8, 1.2, 1.9, 2.8)
#: The fields of AdaptiveQuota that differ from the specification.
FORMS: Mapping[str, str] = {
    "as specified": "",
    "hard": "growth: 1.35, noise: 4.0, flattening: 0.6, ",
    "between": "growth: 1.35, noise: 4.0, flattening: 0.45, ",
}
BASELINES = (*baselines.PEERS, *LADDER, *OUR_LADDER)


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay, print the report and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    add = parser.add_argument
    add("--curves", type=Path, nargs="+", required=True, help="folders of the curve sets")
    add("--seeds", type=int, default=12, help="streams of a task")
    add("--trials", type=int, default=100, help="trials of a stream")
    add("--out", type=Path, default=RESULTS, help="where results are written")
    add("--processes", type=int, default=os.cpu_count() or 1, help="cores")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = load_tasks(options.curves)
    began = time.monotonic()
    with Progress(TextColumn("replaying"), BarColumn(), TimeRemainingColumn()) as bars:
        bar = bars.add_task("", total=len(tasks) * options.seeds)
        scores = judge(
            tasks,
            [*_quotas(), *map(compared, BASELINES)],
            trials=options.trials,
            seeds=options.seeds,
            cluster=Cluster(8),
            processes=options.processes,
            on_done=lambda streams: bars.advance(bar, streams),
        )
    ran = command("experiments.promotion_benchmark", given)
    report = render(scores, options.trials, ran, (time.monotonic() - began) / 60)
    print(report)
    (options.out / "promotion.md").write_text(report, encoding="utf-8")
    write_rows(options.out / "promotion.csv", scores)


def _quotas() -> list[Candidate]:
    found = []
    for form, fields in FORMS.items():
        for c in FACTORS:
            each = candidate(f"{{AdaptiveQuota: {{{fields}c: {c}}}}}")
            found.append(Candidate(f"{form}, c = {c}", each.make, each.policy))
    return found


def render(scores: Sequence[Score], trials: int, ran: str, minutes: float) -> str:
    """The document."""
    streams = len({(each.source, each.task, each.seed) for each in scores})
    parts = [
        f"""# Adaptive quotas beside the baselines

    {ran}

{streams} streams of up to {trials} random trials, 8 simulated workers; {minutes:.0f} minutes.
{versions(("numpy", "numba"))}; {machine()}. Cost is the share of full training, regret as
`tune_es/replay/scorecard.py` defines it. The baselines are {len(BASELINES)} settings of: all trials
for some steps and then the best in full, synchronous halving, halving in its stopping form, and the
median rule.

Hindsight is the cheapest setting within a mean regret. Held out is chosen on the other curve sets,
for each set in turn: the cost and the regret that it really had. Of a form only {len(FACTORS)}
factors were tried; between two of them its cost at a regret is interpolated in a table of its own
(c is a number, so what lies between can be run), with its ratio to the baselines' in hindsight.

The form "hard" was found on these tasks, so its rows in hindsight flatter it. Streams of a hard
task hold most of its trials: its seeds differ little, and 21 tasks carry the means.
"""
    ]
    for kind, regrets in REGRETS.items():
        mine = [each for each in scores if (each.source in CLEAN) == (kind == "clean")]
        if mine:
            sources = ", ".join(sorted({each.source for each in mine}))
            parts += [f"## On {kind} tasks\n\n{sources}.\n", markdown_table(_rows(mine, regrets))]
            parts += [markdown_table(_interpolated(mine, regrets)), markdown_table(_factors(mine))]
    return "\n".join(parts)


def _rows(scores: Sequence[Score], regrets: Sequence[float]) -> list[dict[str, object]]:
    """What each form, and the best of the baselines, costs at given regrets."""
    groups = {f"AdaptiveQuota, {form}": f"{form}, c = " for form in FORMS}
    rows = []
    hindsight = [cost_at(points(_of(scores, "")), regret) for regret in regrets]
    for name, prefix in {**groups, "baselines": ""}.items():
        mine, row = _of(scores, prefix), {"": name}
        for regret, baseline in zip(regrets, hindsight, strict=True):
            best = cost_at(points(mine), regret)
            ratio = best.cost / baseline.cost if best and baseline else math.nan
            row[f"hindsight {regret}"] = f"{best.cost:.3f} ({ratio:.2f})" if best else "-"
        for regret in regrets:
            held = held_out_cost_at(mine, regret)
            row[f"held out {regret}"] = f"{held.cost:.3f} / {held.regret:.4f}" if held else "-"
        rows.append(row)
    return [dict[str, object](row) for row in rows]


def _interpolated(scores: Sequence[Score], regrets: Sequence[float]) -> list[dict[str, object]]:
    """The cost of every form at given regrets, between two of its factors."""
    known = {each.policy: each for each in points(scores)}
    baselines_at = [cost_at(points(_of(scores, "")), regret) for regret in regrets]
    rows = []
    for form in FORMS:
        tried = [
            (known[f"{form}, c = {c}"].cost, known[f"{form}, c = {c}"].regret) for c in FACTORS
        ]
        row: dict[str, object] = {"between two factors": form}
        for regret, baseline in zip(regrets, baselines_at, strict=True):
            cost = between(tried, regret)
            ratio = f" ({cost / baseline.cost:.2f})" if baseline else ""
            row[f"at {regret}"] = f"{cost:.3f}{ratio}"
        rows.append(row)
    return rows


def between(tried: Sequence[tuple[float, float]], regret: float) -> float:
    """The cost at a regret among settings with falling regrets, linear in its logarithm.

    NaN outside of what was tried.

    >>> between([(0.1, 0.04), (0.2, 0.01), (0.4, 0.005)], 0.02)
    0.15
    """
    for (cheap, more), (dear, less) in pairwise(tried):
        if more >= regret >= less > 0:
            share = math.log(more / regret) / math.log(more / less)
            return round(cheap + share * (dear - cheap), 9)
    return math.nan


def _factors(scores: Sequence[Score]) -> list[dict[str, object]]:
    """The mean cost and regret of every form by its factor."""
    known = {each.policy: each for each in points(scores)}
    return [
        {"c": c}
        | {
            form: f"{(at := known[f'{form}, c = {c}']).cost:.3f} / {at.regret:.4f}"
            for form in FORMS
        }
        for c in FACTORS
    ]


def _of(scores: Sequence[Score], prefix: str) -> list[Score]:
    """The scores of a form, or of the baselines where no form is named."""
    if prefix:
        return [each for each in scores if each.policy.startswith(prefix)]
    return [each for each in scores if each.policy in BASELINES]


if __name__ == "__main__":
    main()
