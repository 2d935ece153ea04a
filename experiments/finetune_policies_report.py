"""The comparison of policies on recorded fine-tuning as a document."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from experiments.benchmark.baselines import RANDOM
from experiments.benchmark.registry import PEERS
from experiments.benchmark.report import PACKAGES, package_of
from experiments.provenance import machine, versions
from experiments.tables import markdown_table
from tune_es.replay import Interval, Point, Score, TaskCurves, cost_at, points, summarise
from tune_es.replay.curves import Floats

FULL, OURS = "full", "tune_es"


@dataclass(frozen=True, eq=False)
class Judged:
    """A recorded task by one objective; ``n_val`` validation texts."""

    curves: TaskCurves
    metric: str
    mode: str
    n_val: int

    @property
    def name(self) -> str:
        """What scores and tables call it."""
        return f"{self.curves.task.name} by {self.metric}"

    @cached_property
    def best(self) -> float:
        """The best value of all trials, in the user's own sign."""
        return self.sign * float(np.max(self._oriented))

    @cached_property
    def scale(self) -> float:
        """How far the median of the last values is from the best: a regret of 1."""
        last = self._oriented[self.curves.starts[1:] - 1]
        return abs(self.best - self.sign * float(np.median(last)))

    @property
    def sign(self) -> int:
        return 1 if self.mode == "max" else -1

    @property
    def noise(self) -> float:
        """One standard error of a value: of a share, where it is one, and else as it is seen."""
        if self.metric != "eval_accuracy":
            return self.spread
        return math.sqrt(self.best * (1 - self.best) / self.n_val)

    @property
    def noise_as_regret(self) -> float:
        return self.noise / self.scale if self.scale else math.inf

    @cached_property
    def spread(self) -> float:
        """How far validation and test values lie apart over the best quarter of the trials.

        Each trial where its validation value is best. The standard deviation of the differences,
        over the square root of 2: both sets have noise.
        """
        spans = [self.curves.rows(trial) for trial in range(len(self.curves))]
        rows = np.array([span.start + int(self._oriented[span].argmax()) for span in spans])
        rows = rows[np.argsort(-self._oriented[rows])][: max(2, len(rows) // 4)]
        test = self.curves.metrics[self.metric.replace("eval_", "test_")]
        apart = self.curves.metrics[self.metric][rows] - test[rows]
        return float(np.std(apart, ddof=1)) / math.sqrt(2)

    @cached_property
    def _oriented(self) -> Floats:
        values = self.sign * self.curves.metrics[self.metric]
        return np.where(np.isfinite(values), values, -math.inf)


@dataclass(frozen=True)
class Study:
    """What was judged, the scores, and how they were made; ``rules`` are our own, as written."""

    judged: Sequence[Judged]
    scores: Sequence[Score]
    rules: Mapping[str, str]
    trials: int
    workers: int
    command: str
    minutes: float

    def of(self, judged: Judged) -> list[Score]:
        """The scores of one task by one objective."""
        where = (judged.curves.task.source, judged.name)
        return [each for each in self.scores if (each.source, each.task) == where]


def render(study: Study) -> str:
    """The whole document."""
    seeds = max(each.seed for each in study.scores) + 1
    parts = [
        f"""# Policies on recorded fine-tuning

    {study.command}

{seeds} streams of {study.trials} trials a task (seeds 0 to {seeds - 1}), {study.workers} simulated
workers; {study.minutes:.0f} minutes. {versions(PACKAGES)}; {machine()}.
{ABOUT}""",
        markdown_table([_task_row(study, each) for each in study.judged]),
        "## The cheapest within the noise, with hindsight\n",
        "\n".join(_sentence(each, study.of(each)) for each in study.judged) + "\n",
        markdown_table(_matched(study)),
        COLUMNS,
    ]
    for each in study.judged:
        parts += [f"## {each.name}\n", markdown_table(_policies(each, study.of(each)))]
    parts += ["## Settings\n", markdown_table(_settings(study))]
    return "\n".join(parts)


ABOUT = """
A stream is so many of a task's recorded trials, drawn without replacement and in random order, the
same for every policy and objective; starting a trial costs nothing. So an interval (90 %, over
streams) says what other draws from these trials would give, and nothing about other tasks. No
constant of ours was chosen on these curves: presets and rules are as they ship. TREC is not new to
us, though: tie breaks were first looked at on other trainings on it (`ties.md`).

Cost is the share of the evaluations of full training, CPU that of its seconds, makespan that of its
time on these workers. Regret is what the best value found lacks to the best of the stream, as a
share of what the best is better than the median trial at its end. Test regret is the same of the
accuracy on the test texts, where the objective was best, whichever that is. Full training has some,
too; of a policy it is told how much more it has.

Noise is one standard error of the best validation value. Of an accuracy it is
sqrt(p (1 - p) / n_val), of a loss what is seen: how far validation and test lie apart over the best
quarter of the trials, each at its best (standard deviation / sqrt 2). A gain below the noise is no
gain, so `within the noise` is a mean regret of no more than it.
"""

COLUMNS = """
`> noise` is the share of streams with a regret above the noise, `beaten by` the cheapest policy of
another package that costs less and loses no more, in the mean.
"""


def _task_row(study: Study, judged: Judged) -> dict[str, object]:
    full = [each.test_regret for each in study.of(judged) if each.policy == FULL]
    return {
        "task": judged.name,
        "trials": len(judged.curves),
        "n_val": judged.n_val,
        "best": judged.best,
        "median at the end": judged.best - judged.sign * judged.scale,
        "noise": judged.noise,
        "seen": judged.spread,
        "noise as regret": judged.noise_as_regret,
        "test regret in full": float(np.mean(full)),
    }


def _sentence(judged: Judged, scores: Sequence[Score]) -> str:
    """Who wins, and where ours lose."""
    known = points(scores)
    ours = [each for each in known if package_of(each.policy) == OURS]
    best, mine = (cost_at(some, judged.noise_as_regret) for some in (known, ours))
    lost = sum(bool(_beaten_by(each, known)) for each in ours)
    return (
        f"- {judged.name}: {_told(best)}; of ours {_told(mine)}. Of our {len(ours)} policies "
        f"{lost} are beaten in cost and regret both by one of another package."
    )


def _told(point: Point | None) -> str:
    if point is None:
        return "none"
    return f"`{point.policy}` ({package_of(point.policy)}) at a cost of {point.cost:.2f}"


def _beaten_by(point: Point, known: Sequence[Point]) -> str:
    """The cheapest policy of another package that costs less and loses no more."""
    others = [
        each
        for each in known
        if package_of(each.policy) != package_of(point.policy)
        and each.cost < point.cost
        and each.regret <= point.regret
    ]
    return min(others, key=lambda each: each.cost).policy if others else ""


def _matched(study: Study) -> list[dict[str, object]]:
    """The cheapest policy of every package within the noise."""
    packages = dict.fromkeys(package_of(each.policy) for each in study.scores)
    rows = []
    for package in (*packages, "all"):
        row: dict[str, object] = {"package": package}
        for judged in study.judged:
            mine = [
                each for each in study.of(judged) if package in (package_of(each.policy), "all")
            ]
            best = cost_at(points(mine), judged.noise_as_regret)
            row[judged.name] = f"{best.cost:.2f} {best.policy}" if best else "-"
        rows.append(row)
    return rows


def _policies(judged: Judged, scores: Sequence[Score]) -> list[dict[str, object]]:
    """A row a policy, the cheapest first."""
    full = {each.seed: each.test_regret for each in scores if each.policy == FULL}
    beside = [replace(each, test_regret=each.test_regret - full[each.seed]) for each in scores]
    known = {each.policy: each for each in points(scores)}
    over = {name: [one.regret for one in scores if one.policy == name] for name in known}
    return [
        {
            "policy": each.policy,
            "package": package_of(each.policy),
            "cost": _interval(each.cost, 2),
            "CPU": f"{each.cost_seconds.value:.2f}",
            "makespan": f"{each.makespan.value:.2f}",
            "regret": _interval(each.regret),
            "> noise": f"{np.mean(np.array(over[each.policy]) > judged.noise_as_regret):.2f}",
            "test regret more than in full": _interval(each.test_regret),
            "beaten by": _beaten_by(known[each.policy], list(known.values())),
        }
        for each in sorted(summarise(beside), key=lambda each: each.cost.value)
    ]


def _interval(number: Interval, digits: int = 3) -> str:
    value, low, high = (f"{each:.{digits}f}" for each in (number.value, number.low, number.high))
    return f"{value} ({low} to {high})"


def _settings(study: Study) -> list[dict[str, object]]:
    ran = {each.policy for each in study.scores}
    known = {**study.rules, **{name: peer.settings for name, peer in {**RANDOM, **PEERS}.items()}}
    return [{"policy": name, "settings": known[name]} for name in sorted(ran)]
