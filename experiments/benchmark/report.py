"""The comparison as a document."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from experiments.benchmark.lockstep import NAME
from experiments.benchmark.registry import (
    LADDER,
    OUR_LADDER,
    OURS,
    PACKAGE_OF,
    PEERS,
    SEEDS_AT_MOST,
)
from experiments.provenance import machine, versions
from experiments.tables import markdown_table
from tune_es.replay import Score, Summary, cost_at, held_out_cost_at, points, summarise

PACKAGES = ("ray", "optuna", "syne-tune", "deephyper", "numpy", "numba")

#: Tasks whose curves behave, and those where early ranks mislead; as the methods note parts them.
CLEAN = {"taskset_text", "deepobs", "nasbench_nlp"}
REGRETS = {"clean": (0.02, 0.01, 0.005), "hard": (0.15, 0.10, 0.06)}

#: Cost, regret and P(regret > 1 %) over 12 TaskSet tasks as the methods note gives them.
REPORTED: Mapping[str, tuple[str, float, float, float]] = {
    "ray-asha-1-3": ("ASHA, grace 1, factor 3", 0.100, 0.205, 0.70),
    "ray-asha-5-3": ("ASHA, grace 5, factor 3", 0.257, 0.0065, 0.05),
    "halving-3-3": ("ASHA by best so far, grace 3, factor 3", 0.204, 0.0043, math.nan),
    "ray-median-3": ("Median rule, grace 3", 0.435, 0.0054, 0.05),
    "ray-plateau": ("TrialPlateauStopper defaults", 0.227, 0.30, 0.97),
    "top-k-11-10": ("10 epochs, then the top 10", 0.294, 0.0036, 0.03),
    "sync-halving-4-12-36": ("synchronous halving 4:33, 12:11, 36:4", 0.194, 0.0095, 0.06),
    NAME: ("Median rule, grace 3", 0.435, 0.0054, 0.05),
}

DIFFERENCES = """
The note's figures are over 12 TaskSet tasks, these over the 6 that are public here.

- Rules with fixed quotas cost what their quotas say: the two baselines agree to the last digit
  ("10 epochs" are 11 evaluations: the first one is before training).
- Ray's median rule judges a trial by those that were at its step before it. On few workers that
  is a small and lucky crowd, and it stops far more than the note says. Where all trials run side by
  side and each step is judged after all have reported it (the last row), regret and tail are the
  note's, and the cost is nearer to it.
- Regrets have heavy tails: one winner missed among 120 streams moves the mean by .002 to .005. The
  intervals in the first table say how far to trust a digit.
"""


@dataclass(frozen=True)
class Study:
    """The scores, and how they were made; ``lockstep`` are of the median rule in lockstep."""

    scores: Sequence[Score]
    lockstep: Sequence[Score]
    trials: int
    workers: int
    command: str
    minutes: float

    def of(self, kind: str) -> list[Score]:
        """The scores on clean or on hard tasks."""
        return [each for each in self.scores if (each.source in CLEAN) == (kind == "clean")]


def package_of(policy: str) -> str:
    """Whose policy it is."""
    return PACKAGE_OF.get(policy, "tune_es")


def render(study: Study) -> str:
    """The whole document."""
    streams = len({(each.source, each.task, each.seed) for each in study.scores})
    tasks = len({(each.source, each.task) for each in study.scores})
    few = ", ".join(f"{name} ({seeds} of a task)" for name, seeds in SEEDS_AT_MOST.items())
    parts = [
        f"""# Stopping policies of five packages on recorded curves

    {study.command}

{tasks} tasks, {streams} streams of up to {study.trials} random trials, {study.workers} simulated
workers; {study.minutes:.0f} minutes. {versions(PACKAGES)}; {machine()}.

Cost is the share of full training; regret, makespan and the intervals (90 %, over tasks and seeds)
are as `tune_es/replay/scorecard.py` and `summary.py` define them. Every policy met the same
streams, but for {few}.
"""
    ]
    for kind, regrets in REGRETS.items():
        scores = study.of(kind)
        if scores:
            sources = ", ".join(sorted({each.source for each in scores}))
            shown = [each for each in scores if each.policy in {*OURS, *PEERS}]
            parts += [f"## On {kind} tasks\n", f"{sources}.\n", _policies(summarise(shown))]
            parts += [_matched(scores, regrets)]
    parts += [_reproduced([*study.scores, *study.lockstep]), _settings()]
    return "\n".join(parts)


def _policies(summaries: Iterable[Summary]) -> str:
    rows = [
        {
            "policy": each.policy,
            "package": package_of(each.policy),
            "cost": f"{each.cost.value:.3f} ({each.cost.low:.3f}-{each.cost.high:.3f})",
            "regret": f"{each.regret.value:.4f} ({each.regret.low:.4f}-{each.regret.high:.4f})",
            "regret > 1 %": f"{each.over_1_percent.value:.2f}",
            "95 % within": f"{each.regret_95.value:.3f}",
            "test regret": f"{each.test_regret.value:.3f}",
            "makespan": f"{each.makespan.value:.3f}",
        }
        for each in sorted(summaries, key=lambda each: each.cost.value)
    ]
    return markdown_table(rows)


def _matched(scores: Sequence[Score], regrets: Sequence[float]) -> str:
    """The cheapest policy of every package at given mean regrets."""
    rows = []
    for package in (*dict.fromkeys(map(package_of, PEERS)), "tune_es", "all"):
        mine = [each for each in scores if package in (package_of(each.policy), "all")]
        if not mine:
            continue
        row: dict[str, object] = {"package": package}
        for regret in regrets:
            best = cost_at(points(mine), regret)
            row[f"cost at {regret}"] = f"{best.cost:.3f} {best.policy}" if best else "-"
        for regret in regrets:
            held = held_out_cost_at(mine, regret)
            row[f"held out {regret}"] = f"{held.cost:.3f} / {held.regret:.3f}" if held else "-"
        rows.append(row)
    about = (
        "The cheapest policy within a mean regret, chosen with hindsight; and, held out, chosen on "
        "the other curve sets for each set in turn (cost / regret it really had). The simple "
        f"baselines are tried with {len(LADDER)} more settings than the table above shows, and "
        f"tune_es with {len(OUR_LADDER)}; the CSV file has them.\n"
    )
    return f"{about}\n{markdown_table(rows)}"


def _reproduced(scores: Sequence[Score]) -> str:
    mine = [each for each in scores if each.source == "taskset_text" and each.policy in REPORTED]
    rows = []
    for each in summarise(mine):
        label, cost, regret, tail = REPORTED[each.policy]
        rows.append(
            {
                "policy": each.policy,
                "methods note": label,
                "cost": f"{each.cost.value:.3f}",
                "reported cost": f"{cost:.3f}",
                "regret": f"{each.regret.value:.4f}",
                "reported regret": f"{regret:.4f}",
                "regret > 1 %": f"{each.over_1_percent.value:.2f}",
                "reported": "-" if math.isnan(tail) else f"{tail:.2f}",
            }
        )
    if not rows:
        return ""
    return f"## Beside the figures of the methods note\n\n{markdown_table(rows)}{DIFFERENCES}"


def _settings() -> str:
    known = {**OURS, **{name: peer.settings for name, peer in PEERS.items()}}
    rows = [{"policy": name, "settings": known[name]} for name in sorted(known)]
    return f"## Settings\n\n{markdown_table(rows)}"


def write_rows(path: Path, scores: Iterable[Score]) -> None:
    """One row a policy and task: means over the seeds."""
    by: dict[tuple[str, str, str], list[Score]] = {}
    for each in scores:
        by.setdefault((each.policy, each.source, each.task), []).append(each)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        numbers = ("cost", "cost_seconds", "regret", "over_1_percent", "test_regret", "makespan")
        writer.writerow(("policy", "source", "task", "seeds", *numbers))
        for key, mine in by.items():
            (summary,) = summarise(mine)
            values = (f"{getattr(summary, name).value:.5g}" for name in numbers)
            writer.writerow((*key, len(mine), *values))
