"""``tune-es tune``: a policy searched on recorded curves, judged on tasks it has not seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from tune_es.checks import check_count, nearest
from tune_es.cli.output import Flag, cores, progress, say, show_json, show_table, warn
from tune_es.cli.tune_options import HeldOut, Search, Target, Work
from tune_es.records import Metric
from tune_es.replay.cluster import Cluster
from tune_es.replay.curves import TaskCurves
from tune_es.replay.storage import load_tasks

Many = Parameter(consume_multiple=True, negative=())
Inside = Parameter(name="*")
SEARCH, HELD_OUT, TARGET, WORK, CLUSTER = Search(), HeldOut(), Target(), Work(), Cluster()


def tune(
    *,
    curves: Annotated[list[Path], Many],
    out: Path,
    search: Annotated[Search, Inside] = SEARCH,
    judged_on: Annotated[HeldOut, Inside] = HELD_OUT,
    target: Annotated[Target, Inside] = TARGET,
    work: Annotated[Work, Inside] = WORK,
    cluster: Annotated[Cluster, Inside] = CLUSTER,
    json: Flag = False,
) -> None:
    """Tune a policy by replay, and write it with its certificate.

    Policies are searched on some of the tasks, for the least cost with which at most a share of
    1 - confidence of the tasks (times --margin) loses more than --max-regret. The one chosen is
    judged on the other tasks, beside the presets.

    Args:
        curves: Folders of curve sets, or of one: earlier sweeps (see: tune-es record).
        out: The policy file to write, which EarlyStoppingScheduler.from_file uses.
        search: How policies are searched.
        judged_on: What the policy is judged on.
        target: What it is written for.
        work: Who does the work.
        cluster: What is simulated.
        json: Print JSON instead of tables.
    """
    from tune_es.meta import Where
    from tune_es.meta import tune as tune_by_replay

    _check_writable(out)
    tuning = _tuning(search, judged_on.shortlist, cluster)
    tasks = load_tasks(curves)
    where = Where(cores(work.processes), work.ray, work.address, work.storage)
    named = _named(tasks, target)
    parts = _split(tasks, judged_on, search.seed)
    with progress("tuning", search.n_trials) as on_done:
        found = tune_by_replay(parts, tuning, where, on_done)
    _write(out, found, named, search.trials)
    if json:
        show_json(_plain(found, named, search.trials))
    else:
        _show(found, out, named)


def _tuning(search: Search, shortlist: int, cluster: Cluster) -> Any:
    from tune_es.meta import KINDS, Space, Tuning

    return Tuning(
        max_regret=search.max_regret,
        confidence=search.confidence,
        margin=search.margin,
        n_trials=search.n_trials,
        trials=search.trials,
        seeds=search.seeds,
        shortlist=shortlist,
        seed=search.seed,
        space=Space(search.kind or KINDS, search.modes),
        cluster=cluster,
    )


def _check_writable(path: Path) -> None:
    """Found out before an hour of search, not after it."""
    if path.is_dir() or not path.parent.is_dir() or path.suffix not in (".yaml", ".yml"):
        raise ValueError(f"--out must be a .yaml file in a folder that exists, got {str(path)!r}")


def _split(tasks: list[TaskCurves], judged_on: HeldOut, seed: int) -> Any:
    from tune_es.meta import family_of, name_of, split, split_by_name

    if judged_on.held_out:
        return split_by_name(tasks, judged_on.held_out)
    return split(tasks, judged_on.held_out_share, seed, family_of if judged_on.by_set else name_of)


def _named(tasks: list[TaskCurves], target: Target) -> tuple[str, str, int]:
    """Metric, mode and budget of the policy that is written."""
    from tune_es.meta import typical_max_t

    modes = {each.task.metric: each.task.mode for each in tasks}
    most_often = Counter(each.task.metric for each in tasks).most_common(1)[0][0]
    metric = most_often if target.metric is None else target.metric
    mode = modes.get(metric) if target.mode is None else target.mode
    if mode is None:
        hint = nearest(metric, modes)
        raise ValueError(f"--mode must be given for {metric!r}, which no task is judged by; {hint}")
    Metric(metric, mode)
    budget = typical_max_t(tasks) if target.max_t is None else target.max_t
    check_count("tune", "max_t", budget)
    return metric, mode, budget


def _write(out: Path, found: Any, named: tuple[str, str, int], trials: int) -> None:
    from tune_es.meta import write_policy

    write_policy(out, found.recipe.policy(*named, trials), found.certificate)


def _plain(found: Any, named: tuple[str, str, int], trials: int) -> dict[str, Any]:
    """Everything, with the policies of the front as they would be written, in YAML."""
    recipes = {f"#{each.number}": each.recipe for each in found.tried}
    front = {
        each.policy: recipes[each.policy].policy(*named, trials).to_yaml()
        for each in found.report.front
    }
    policy = found.recipe.policy(*named, trials).to_yaml()
    return {
        "policy": policy,
        "certificate": found.certificate,
        "report": found.report,
        "front": front,
    }


def _show(found: Any, out: Path, named: tuple[str, str, int]) -> None:
    report, certificate = found.report, found.certificate
    show_table(_table(report))
    front = ", ".join(f"{each.policy} {each.cost:.3f}/{each.regret:.4f}" for each in report.front)
    say(f"\nCheapest at their regret on the tuning tasks (cost/regret): {front}")
    say(f"{report.feasible} of {report.tried} policies keep the limit there, with the margin.")
    compared = report.comparison
    if compared.difference is not None:
        each = compared.difference
        shown = f"{each.value:+.3f} ({each.low:+.3f} to {each.high:+.3f})"
        say(f"Held-out cost less that of {compared.preset}: {shown}.")
    say(f"{compared.why[0].upper()}{compared.why[1:]}.")
    if certificate is None:
        warn("no certificate: no task was held out")
    else:
        say(_certified(certificate))
    metric, mode, max_t = named
    say(f"Written for {metric} ({mode}) and a budget of {max_t}: {out}")


def _certified(certificate: Any) -> str:
    """The certificate as a sentence."""
    return (
        f"With confidence {certificate.confidence:g}, at most {certificate.bound:.3f} of such "
        f"tasks lose more than {certificate.max_regret:g} ({certificate.over} of "
        f"{certificate.tasks} held-out tasks did; {certificate.candidates} tested), and at most "
        f"{certificate.sweeps_bound:.3f} of single sweeps."
    )


def _table(report: Any) -> Table:
    many = f"{len(report.tuning_tasks)} tuning tasks, {len(report.held_out_tasks)} held out"
    table = Table(
        title=f"{many}; 90 % intervals over tasks",
        title_justify="left",
        caption="cost: share of full training; regret: what the best found lacks; over: tasks that "
        "lose more than the limit, and the share of single sweeps that do.",
        caption_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    table.add_column("policy", overflow="fold", min_width=13)
    for part in ("tuning", "held-out"):
        for name in ("cost", "regret", "over"):
            table.add_column(f"{part}\n{name}" if name == "cost" else f"\n{name}", justify="right")
    for each in (report.chosen, *report.presets):
        table.add_row(each.policy, *_cells(each.tuning), *_cells(each.held_out))
    return table


def _cells(judged: Any) -> list[str]:
    if judged is None:
        return ["-"] * 3
    spans = [
        f"{each.value:.3f}\n[dim]{_short(each.low)}-{_short(each.high)}[/]"
        for each in (judged.cost, judged.regret)
    ]
    return [*spans, f"{judged.over}/{judged.tasks}\n[dim]{_short(judged.sweeps_over)}[/]"]


def _short(value: float) -> str:
    return f"{value:.2f}".removeprefix("0")
