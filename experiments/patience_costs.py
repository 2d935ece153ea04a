"""What patience costs at a given loss, beside the figures of the methods note.

    python -m experiments.patience_costs --curves ../shared/curves

judges every recorded curve under every patience, counted in evaluations and as a share of the
budget, in the compiled path (some seconds), and writes `patience_costs.md` into
`experiments/results/`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es import Criterion, Patience, Policy
from tune_es.replay import TaskCurves, load_tasks, stops
from tune_es.replay.curves import Floats
from tune_es.replay.fast.running import best_so_far

RESULTS = Path(__file__).parent / "results"

#: Curves of a task that count as one each; a larger task is scaled down to this.
MOST = 300
LOSSES = (0.001, 0.005, 0.01)
#: The costs that the note gives at these losses, chosen on other workloads.
REPORTED = {"evaluations": (0.941, 0.785, 0.695), "share of the budget": (0.883, 0.757, 0.680)}

FAMILIES: Mapping[str, Sequence[Criterion]] = {
    "evaluations": [Patience(count) for count in range(1, 200)],
    "share of the budget": [Patience(share / 100, at_least=1) for share in range(1, 100)],
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge, print the tables and write them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--curves", type=Path, nargs="+", required=True)
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the table is written")
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = parser.parse_args(given)
    tasks = [kept for curves in load_tasks(options.curves) if (kept := _finite(curves)) is not None]
    taskset = [each for each in tasks if each.task.source == "taskset_text"]
    report = f"""# What patience costs

    {command("experiments.patience_costs", given)}

Mean cost (share of the recorded steps) at a mean loss against the best value of the full run, as a
share of its size; curves with a value that is not finite are left out, and a task counts as
{MOST} curves at most. Between two settings the cost is interpolated; chosen with hindsight, where
the note's figures were chosen on other workloads (54 tasks). {versions(("numpy", "numba"))};
{machine()}.

{_table(tasks, "all public sets")}
"""
    if taskset:
        report += f"{_table(taskset, 'the TaskSet tasks')}\n{DIFFERENCE}"
    print(report)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "patience_costs.md").write_text(report, encoding="utf-8")


DIFFERENCE = """The 37 tasks are a part of the note's workloads and hold its hard ones, grokking and
step decay, where patience loses most: at one loss it costs more here. On TaskSet four fifths of the
curves never leave chance: there is nothing to lose on them, and every patience is cheaper. That a
share of the budget is no worse than a count holds on both.
"""


def _finite(curves: TaskCurves) -> TaskCurves | None:
    """The curves of a task that are finite to their end; None where there are none."""
    whole = [at for at in range(len(curves)) if np.isfinite(curves.values(at)).all()]
    return curves.chosen(whole) if whole else None


def _table(tasks: Sequence[TaskCurves], of: str) -> str:
    rows = []
    for family, rules in FAMILIES.items():
        found = [cost_and_loss(tasks, rule) for rule in rules]
        row: dict[str, object] = {f"patience in, on {of}": family}
        for loss, reported in zip(LOSSES, REPORTED[family], strict=True):
            row[f"cost at {loss:.1%}"] = f"{cost_at(found, loss):.3f}"
            row[f"note {loss:.1%}"] = f"{reported:.3f}"
        rows.append(row)
    return markdown_table(rows)


def cost_and_loss(tasks: Sequence[TaskCurves], rule: Criterion) -> tuple[float, float]:
    """The weighted mean cost and loss of a rule over all curves."""
    costs, losses, weights = (
        np.concatenate(each) for each in zip(*_by_task(tasks, rule), strict=True)
    )
    return float(np.average(costs, weights=weights)), float(np.average(losses, weights=weights))


def _by_task(
    tasks: Sequence[TaskCurves], rule: Criterion
) -> Sequence[tuple[Floats, Floats, Floats]]:
    found = []
    for curves in tasks:
        task = curves.task
        policy = Policy(
            task.metric, task.mode, stop=rule, max_t=task.max_t,
            nonfinite_patience=None, explosion_factor=None,
        )  # fmt: skip
        run = stops(policy, curves).evaluations
        best = best_so_far(curves)
        full, kept = best[curves.starts[1:] - 1], best[curves.starts[:-1] + run - 1]
        size = np.abs(full)
        loss = np.divide(full - kept, size, out=np.zeros_like(full), where=size > 0)
        weight = np.full(len(curves), min(1.0, MOST / len(curves)))
        found.append((run / curves.lengths, loss, weight))
    return found


def cost_at(found: Sequence[tuple[float, float]], loss: float) -> float:
    """The cost at a mean loss, between the two settings around it; NaN outside of all.

    >>> cost_at([(0.2, 0.03), (0.4, 0.01), (0.8, 0.0)], 0.02)
    0.3
    """
    losses = np.array([each for _, each in found])
    costs = np.array([each for each, _ in found])
    order = np.argsort(losses, kind="stable")
    return float(np.interp(loss, losses[order], costs[order], left=np.nan, right=np.nan))


if __name__ == "__main__":
    main()
