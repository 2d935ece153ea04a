"""Going on from a rung before its last trials have come: what it saves, and what it changes.

    python -m experiments.async_quota --curves ../shared/curves

replays sweeps of 100 trials on 8 and on 32 workers (two minutes), and writes `async_quota.md` into
`experiments/results/`.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es import AdaptiveQuota, Policy, RungTable
from tune_es.promotion import PromotionRule, Rung
from tune_es.replay import Cluster, PolicyScheduler, Stream, TaskCurves, load_tasks, replay, stream

RESULTS = Path(__file__).parent / "results"
TRIALS, WORKERS = 100, (8, 32)
#: Which tasks of a set are replayed, by name; the ones before were there to choose the rule by.
SETS = {"taskset_text": (2, 4), "deepobs": (3, 6), "algoperf": (1, 2)}
#: Steps of trials whose times were not recorded are as unequal as this, and steps of a trial so.
SPREAD, JITTER = 0.5, 0.1


@dataclass(frozen=True)
class OnePlace(AdaptiveQuota):
    """Each missing trial takes one place of the quota of those that came."""

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        more = super().safe(rung, 0, memory)
        return more[: max(0, len(more) - missing)]


@dataclass(frozen=True)
class LeaderToo(AdaptiveQuota):
    """The leader so far never waits: speculation, where a better one comes later."""

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        leader = [each.trial_id for each in rung.here if each == rung.leader]
        return list(dict.fromkeys([*super().safe(rung, missing, memory), *leader]))


@dataclass(frozen=True)
class Certain(AdaptiveQuota):
    """The least that the quota may come to: one trial can catch, and no rank moves."""

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        seen = memory.seen + max(3, rung.trials // 20)
        least = self._quota(replace(rung, let_go=()), 1, memory.total / seen)
        places = math.ceil(min(self.factor, least)) - missing
        ahead = sorted(rung.here, key=lambda each: -(each.best + each.gain / 2))
        return [each.trial_id for each in ahead[: max(0, places)]]


@dataclass(frozen=True)
class WaitingTable(RungTable):
    """A table that is judged when all have come."""

    def safe(self, rung: Rung, missing: int, memory: Any) -> Sequence[str]:
        return () if missing else super().safe(rung, missing, memory)


TABLE = {2: 50, 4: 25, 9: 12, 20: 6}
#: Each beside the one that waits, which comes first.
FAMILIES: Sequence[Mapping[str, PromotionRule]] = (
    {
        "quotas, all wait": AdaptiveQuota(asynchronous=False),
        "**two places for a missing trial**": AdaptiveQuota(),
        "one place": OnePlace(),
        "two places, and the leader at once": LeaderToo(),
        "only what is certain": Certain(),
    },
    {"table, all wait": WaitingTable(TABLE), "**table**": RungTable(TABLE)},
)


class Outcome(NamedTuple):
    """One sweep, as shares; ``trials`` and ``sweeps`` came elsewhere than where all wait."""

    cost: float
    regret: float
    makespan: float
    use: float
    trials: float
    sweeps: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay, print the table and write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", type=Path, required=True, help="the folder of the curve sets")
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the table is written")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = [
        each
        for name, (first, last) in SETS.items()
        for each in load_tasks(options.curves / name)[first:last]
    ]
    rows = [row for workers in WORKERS for row in _rows(tasks, workers, options.seeds)]
    report = f"""# Going on before a rung is full

    {command("experiments.async_quota", given)}

{_intro(len(tasks), options.seeds)}
{versions(("numpy",))}; {machine()}.

{markdown_table(rows)}
{VERDICT}"""
    print(report)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "async_quota.md").write_text(report, encoding="utf-8")


def _intro(tasks: int, seeds: int) -> str:
    sets = ", ".join(f"{name} {first + 1} to {last}" for name, (first, last) in SETS.items())
    return f"""Sweeps of {TRIALS} trials, {tasks} tasks x {seeds} seeds, under `AdaptiveQuota()` and
`RungTable({TABLE})`.
The tasks are {sets}, by name; the rule was
chosen on the first ones. Cost is the share of all steps, makespan that of the time of training
everything on these workers, use that of the workers' time until then; regret is the mean, capped
at one. Trials: how many of a sweep came elsewhere than where all wait; sweeps: the share in which
one did. Where times were not recorded a trial's steps take a log-normal time of its own (sigma
{SPREAD}), and each step varies by {JITTER}."""


VERDICT = """
A trial that goes on early is within the quota of those that came, where each trial that is missing
takes two places: its own, and one for what it may do to the quota (a better leader is caught by
fewer, and the quota falls). With one place up to one sweep in nine goes on with other trials.
Nothing is certain before a rung is full but the quota that one trial in reach gives, which leaves
no place while another trial is missing: it saves nothing. Running the leader so far on makes sweeps
hardly shorter and changes one in ten. A table is exact: the same trials, whatever comes.

At 32 workers most of the idling stays, under every form.
"""


def _rows(tasks: Sequence[TaskCurves], workers: int, seeds: int) -> Iterator[dict[str, Any]]:
    drawn = [_timed(stream(each, TRIALS, seed, Cluster(workers)))
             for each in tasks for seed in range(seeds)]  # fmt: skip
    for family in FAMILIES:
        outcomes = [_outcomes(each, list(family.values())) for each in drawn]
        for name, each in zip(family, zip(*outcomes, strict=True), strict=True):
            mean = Outcome(*np.mean(each, axis=0))
            numbers = {key: f"{value:.3f}" for key, value in mean._asdict().items()}
            yield {"workers": workers, "rule": name, **numbers}


def _timed(drawn: Stream) -> Stream:
    """The stream with times, its own where they were recorded."""
    curves = drawn.curves
    if curves.seconds is not None and np.isfinite(curves.seconds).any():
        return drawn
    random = np.random.default_rng(drawn.seed)
    each = np.exp(random.normal(0, SPREAD, len(curves)))
    steps = np.exp(random.normal(0, JITTER, int(curves.starts[-1])))
    seconds = np.repeat(each, curves.lengths) * steps
    return replace(drawn, curves=replace(curves, seconds=seconds))


def _outcomes(drawn: Stream, rules: Sequence[PromotionRule]) -> list[Outcome]:
    found: list[Outcome] = []
    waited: Any = None
    for rule in rules:
        task = drawn.curves.task
        policy = Policy(task.metric, task.mode, stop="none", max_t=task.max_t, promotion=rule)
        scheduler = PolicyScheduler(policy, trials=len(drawn.curves))
        run = replay(scheduler, drawn.curves, drawn.cluster, drawn.seed)
        waited = run.reached if waited is None else waited
        score, others = drawn.score(run, ""), int((run.reached != waited).sum())
        regret = min(1.0, score.regret)
        found.append(
            Outcome(score.cost, regret, score.makespan, score.worker_use, others, others > 0)
        )
    return found


if __name__ == "__main__":
    main()
