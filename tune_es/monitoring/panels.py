"""What the dashboard shows: panels, and what they ask Prometheus for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tune_es.monitoring.meters import (
    BEST,
    DECISION,
    JUDGED,
    MONEY_SAVED,
    MONEY_SPENT,
    PATIENCE,
    PLANNED,
    SECONDS_SAVED,
    SECONDS_SPENT,
    STEPS_SAVED,
    STEPS_SPENT,
    STOPS,
    TRIALS,
    Meter,
)


class Look(Enum):
    """How a panel looks."""

    STAT = "stat"
    """One number now."""
    LINES = "lines"
    """Curves over time."""
    STACKED = "stacked"
    """Curves over time, one upon the other."""


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        title: Its heading.
        look: How it looks.
        unit: How Grafana writes its numbers.
        lines: Queries, each with the legend of what it gives.
        description: What a reader may wonder about.
        height: In rows of Grafana's grid.
    """

    title: str
    look: Look
    unit: str
    lines: tuple[tuple[str, str], ...]
    description: str = ""
    height: int = 8


#: What every query is narrowed by: the first two are in all of Ray's own dashboards.
FILTERS = 'SessionName=~"$SessionName",ray_io_cluster=~"$Cluster",experiment=~"$Experiment"'


def _of(meter: Meter, *more: str, suffix: str = "") -> str:
    """The series of a meter in the experiments that are looked at."""
    return f"{meter.in_prometheus}{suffix}{{{','.join([FILTERS, *more])}}}"


def _sum(meter: Meter, *more: str, by: str = "experiment") -> str:
    """Drivers of one experiment added up: after a restore there are two, and none counts twice."""
    return f"sum by ({by}) ({_of(meter, *more)})"


def _share(part: Meter, rest: Meter) -> str:
    return f"{_sum(part)} / ({_sum(part)} + {_sum(rest)})"


def _rate(meter: Meter, suffix: str = "") -> str:
    return f"rate({_of(meter, suffix=suffix)}[$__rate_interval])"


def _quantile(share: float) -> str:
    buckets = f"sum by (experiment, le) ({_rate(DECISION, '_bucket')})"
    return f"histogram_quantile({share:g}, {buckets})"


OVER = 'state=~"stopped|finished|failed"'

OVERVIEW = (
    Panel(
        "Trials over",
        Look.STAT,
        "none",
        ((_sum(TRIALS, OVER), "{{experiment}}"),),
        "Stopped, finished and failed ones. Empty some 20 s after the sweep has ended.",
        height=5,
    ),
    Panel(
        "Trials planned",
        Look.STAT,
        "none",
        ((_sum(PLANNED), "{{experiment}}"),),
        "Empty where the searcher has no end.",
        height=5,
    ),
    Panel("Stops", Look.STAT, "none", ((_sum(STOPS), "{{experiment}}"),), height=5),
    Panel(
        "Steps saved",
        Look.STAT,
        "percentunit",
        ((_share(STEPS_SAVED, STEPS_SPENT), "{{experiment}}"),),
        "Of all steps that the trials so far would have run without stopping. Empty before the "
        "first stop.",
        height=5,
    ),
    Panel(
        "Results a second",
        Look.STAT,
        "short",
        ((f"sum by (experiment) ({_rate(JUDGED)})", "{{experiment}}"),),
        "As the policy judged them.",
        height=5,
    ),
    Panel(
        "Best value",
        Look.STAT,
        "short",
        ((_of(BEST), "{{metric}}"),),
        "Of any trial, for each metric of the policy.",
        height=5,
    ),
)

TRIALS_ROW = (
    Panel(
        "Trials by state",
        Look.STACKED,
        "none",
        ((_sum(TRIALS, by="state"), "{{state}}"),),
    ),
    Panel(
        "Stops by cause",
        Look.STACKED,
        "none",
        ((_sum(STOPS, by="cause"), "{{cause}}"),),
        "EXHAUSTED trials have used their whole budget.",
    ),
    Panel(
        "Stops by criterion",
        Look.STACKED,
        "none",
        ((_sum(STOPS, by="criterion"), "{{criterion}}"),),
        "The rule that spoke.",
    ),
)

SAVINGS = (
    Panel(
        "Steps",
        Look.STACKED,
        "short",
        ((_sum(STEPS_SPENT), "spent {{experiment}}"), (_sum(STEPS_SAVED), "saved {{experiment}}")),
        "In units of the policy's time_attr. A step that is run again after a crash counts once.",
    ),
    Panel(
        "Worker time",
        Look.STACKED,
        "s",
        (
            (_sum(SECONDS_SPENT), "spent {{experiment}}"),
            (_sum(SECONDS_SAVED), "saved {{experiment}}"),
        ),
        "Saved: the steps that a stopped trial has not run, at its own seconds a step.",
    ),
    Panel(
        "Money",
        Look.STACKED,
        "short",
        ((_sum(MONEY_SPENT), "spent {{experiment}}"), (_sum(MONEY_SAVED), "saved {{experiment}}")),
        "In the currency of price_per_hour. Empty where the policy has none.",
    ),
)

PROGRESS = (
    Panel(
        "Best value over time",
        Look.LINES,
        "short",
        ((_of(BEST), "{{metric}} {{experiment}}"),),
    ),
    Panel(
        "Patience left of running trials",
        Look.LINES,
        "none",
        ((_of(PATIENCE), "{{statistic}} {{experiment}}"),),
        "Evaluations until a trial is stopped should nothing improve.",
    ),
    Panel(
        "Time of a decision",
        Look.LINES,
        "s",
        tuple((_quantile(share), f"{share:.0%} {{{{experiment}}}}") for share in (0.5, 0.95, 0.99)),
        "In the loop of the sweep, from the result to the verdict.",
    ),
)

ROWS = {
    "Sweep": OVERVIEW,
    "Trials": TRIALS_ROW,
    "Spent and saved": SAVINGS,
    "Progress": PROGRESS,
}
