"""``tune-es privacy``: what a private stop can see, and what it costs, before anyone spends it."""

from __future__ import annotations

import math
from typing import Any

from rich.table import Table

from tune_es.cli.output import Flag, say, show_json, show_table
from tune_es.criteria import Private
from tune_es.criteria.private import ACCURACY, CLIPPED
from tune_es.privacy import Account, Training, told_apart


def privacy(
    *,
    n_val: int,
    epsilon: float,
    checks: int = 50,
    bounds: tuple[float, float] | None = None,
    confidence: float = 0.95,
    sampling: float | None = None,
    noise: float | None = None,
    train_steps: int | None = None,
    runs: int = 1,
    delta: float = 1e-5,
    json: Flag = False,
) -> None:
    """Say which differences of accuracy a private stop can tell apart, and what it costs.

    Nothing is read or spent: it is computed from public numbers. With --sampling, --noise and
    --train-steps the private training is added, and the total of --runs runs.

    Args:
        n_val: Number of validation examples.
        epsilon: What the stop of one run may cost.
        checks: How many evaluations are asked about at most.
        bounds: The smallest and the largest number of one example, for the mean of clipped numbers
            in place of an accuracy.
        confidence: How sure it is that every answer is right.
        sampling: With which probability an example is in a batch of the private training.
        noise: Standard deviation of its noise, over the clip norm.
        train_steps: Its steps.
        runs: How many runs the sweep has.
        delta: With which probability the guarantee of training may fail.
        json: Print JSON instead of a table.
    """
    rows = list(_rows(n_val, epsilon, checks, bounds, confidence))
    account = _account(epsilon, sampling, noise, train_steps, runs, delta)
    if json:
        show_json({"told_apart": rows, "epsilon": None if account is None else _costs(account)})
        return
    sizes = f"{n_val:,} examples, epsilon {epsilon:g}, {checks} checks"
    table = Table("question", title=f"A private stop: {sizes}", title_justify="left")
    for name in ("one example", "noise: threshold", "noise: answer", "told apart"):
        table.add_column(name, justify="right")
    unit = 100 if bounds is None else 1
    for row in rows:
        numbers = (row["sensitivity"], *row["noise"], row["told_apart"])
        table.add_row(row["question"], *(f"{unit * number:.3g}" for number in numbers))
    show_table(table)
    what = "accuracy points" if bounds is None else "units of the metric"
    say(
        f"In {what}. Below the threshold by what is told apart every answer is no, and above it "
        f"the first is yes, with {confidence:.4g} confidence; in between it may be either."
    )
    if bounds is None:
        most = max(row["told_apart"] for row in rows)
        say(
            f"One point of a gain needs {math.ceil(100 * most * n_val):,} examples at this epsilon."
        )
    if account is not None:
        say("\n" + account.text().rstrip())


def _rows(
    n_val: int, epsilon: float, checks: int, bounds: tuple[float, float] | None, confidence: float
) -> list[dict[str, Any]]:
    kind, ends = (ACCURACY, (0.0, 1.0)) if bounds is None else (CLIPPED, bounds)
    rows = []
    for question in ("target", "min_gain"):
        threshold = ends[0] if question == "target" else (ends[1] - ends[0]) / 2
        given: dict[str, Any] = {question: threshold, "kind": kind, "bounds": ends}
        one = Private(epsilon=epsilon, n_val=n_val, checks=checks, **given).sensitivity
        rows.append(
            {
                "question": "target reached" if question == "target" else "no gain",
                "sensitivity": one,
                "noise": [2 * one / epsilon, 4 * one / epsilon],
                "told_apart": told_apart(epsilon, checks, one, confidence),
            }
        )
    return rows


def _account(
    epsilon: float,
    sampling: float | None,
    noise: float | None,
    train_steps: int | None,
    runs: int,
    delta: float,
) -> Account | None:
    if sampling is None and noise is None and train_steps is None:
        return Account(delta, None, epsilon, runs=runs) if runs > 1 else None
    if sampling is None or noise is None or train_steps is None:
        raise ValueError(
            "--sampling, --noise and --train-steps are given together, or none of them"
        )
    return Account(delta, Training(sampling, noise, train_steps), epsilon, runs=runs)


def _costs(account: Account) -> dict[str, float]:
    names = ("of_stop", "of_training", "of_run", "all_shown", "best_alone")
    return {name: getattr(account, name) for name in names}
