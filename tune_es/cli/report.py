"""``tune-es report``: a sweep as one page, and as plots for papers."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from tune_es.cli.output import say
from tune_es.monitoring import Experiment, read_experiment
from tune_es.policy import Policy
from tune_es.replay.curves import Task
from tune_es.replay.policies import candidate
from tune_es.replay.storage import load_tasks
from tune_es.report.overview import Prices

Many = Parameter(consume_multiple=True, negative=())
NO_PRICES = Prices()


def report(
    experiment_dir: Path,
    *,
    out: Path | None = None,
    metric: str | None = None,
    mode: str | None = None,
    prices: Annotated[Prices, Parameter(name="*")] = NO_PRICES,
    curves: Annotated[tuple[Path, ...], Many] = (),
    policy: str | None = None,
    plots: Path | None = None,
    plots_format: Annotated[Literal["png", "svg"], Parameter(name="--format")] = "png",
) -> None:
    """Write a sweep as one HTML page that loads nothing: it can be mailed and opened anywhere.

    Curves with every stop and its reason, what stopping saved and what it may have cost,
    hyperparameters against the result, workers over time, all trials, and the policy. The sweep may
    still run; it may also be one that another scheduler ran.

    Args:
        experiment_dir: The folder of the experiment.
        out: The page; report.html if neither this nor --plots is given.
        metric: What to judge trials by; the policy's by default.
        mode: min or max, of --metric.
        prices: What an hour of a worker costs.
        curves: Folders of recorded full curves of the same task: what stopping may have cost is
            replayed on them.
        policy: Another policy to replay, named as for tune-es replay; without --curves on the
            trials that ran in full.
        plots: A folder for the charts as files.
        plots_format: Of these files.
    """
    from tune_es.report.cost import cost_of

    page = _page(out, plots)
    experiment = read_experiment(experiment_dir, metric, mode)
    if page is not None:
        from tune_es.report.page import report_page

        other = None if policy is None else _policy(policy, experiment)
        cost = cost_of(experiment, load_tasks(curves) if curves else (), other)
        page.write_text(report_page(experiment, prices, cost), encoding="utf-8")
        say(f"wrote {page}")
    if plots is not None:
        from tune_es.report.plots import save_plots

        for path in save_plots(experiment, plots, plots_format):
            say(f"wrote {path}")


def _page(out: Path | None, plots: Path | None) -> Path | None:
    """Where the page goes; checked before anything is read."""
    if out is None:
        return Path("report.html") if plots is None else None
    if out.is_dir() or not out.parent.is_dir():
        raise ValueError(f"--out must be a file in a folder that exists, got {str(out)!r}")
    return out


def _policy(name_or_file: str, experiment: Experiment) -> Policy:
    chosen = candidate(name_or_file)
    if chosen.policy is None:
        raise ValueError(f"--policy must be one that stops trials, got {name_or_file!r}")
    steps = experiment.max_t
    budget = max(1, round(steps)) if steps is not None and math.isfinite(steps) else 1
    return chosen.policy(Task("sweep", "sweep", experiment.metric, experiment.mode, budget))
