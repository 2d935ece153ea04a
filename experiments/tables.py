"""Sweeps as tables: on the terminal, in CSV and in Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

if TYPE_CHECKING:
    from experiments.outcomes import Saving, TrialOutcome

SHOWN = {"lr": "lr", "batch_size": "batch", "schedule": "schedule"}
"""The hyperparameters that 80 columns have room for, and their headings; the CSV has all."""


def trial_table(trials: Sequence[TrialOutcome], best: TrialOutcome | None) -> Table:
    """A row for every trial, the best one marked; loss and accuracies at its best evaluation."""
    table = Table(
        title="Trials", title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0)
    )
    for name in ("#", *SHOWN.values(), "run", "loss", "acc", "test", "at"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why it ended", no_wrap=True)
    for number, trial in enumerate(trials, start=1):
        style = "bold green" if best is not None and trial.trial_id == best.trial_id else None
        table.add_row(
            str(number),
            *(short(trial.config.get(name, "")) for name in SHOWN),
            f"{trial.steps}/{trial.max_t}",
            f"{trial.loss:.3f}",
            f"{trial.accuracy:.3f}",
            f"{trial.test_accuracy:.3f}",
            str(trial.best_step),
            trial.ended,
            style=style,
        )
    return table


def reasons(trials: Iterable[TrialOutcome]) -> dict[str, str]:
    """For every way of ending early, the numbers behind it in one trial that ended so."""
    early = [trial for trial in trials if trial.error or trial.steps < trial.max_t]
    found = {trial.ended: trial.error or trial.reason for trial in early}
    return {ended: text.strip().splitlines()[-1] for ended, text in found.items() if text.strip()}


def saving_line(used: Saving) -> str:
    """What stopping saved, in a sentence."""
    return (
        f"Ran {used.steps} of {used.full_steps} evaluations ({used.steps_saved:.0%} saved) and "
        f"{used.seconds:.0f} of about {used.full_seconds:.0f} trial-seconds "
        f"({used.seconds_saved:.0%} saved)."
    )


def result_rows(trials: Iterable[TrialOutcome]) -> list[dict[str, Any]]:
    """The sweep as flat rows, one per trial, configuration and stopping parameters included."""
    return [
        {
            "trial": number,
            "trial_id": trial.trial_id,
            **flat(trial.config),
            "steps": trial.steps,
            "max_t": trial.max_t,
            "seconds": round(trial.seconds, 3),
            "best_step": trial.best_step,
            "eval_loss": trial.loss,
            "eval_accuracy": trial.accuracy,
            "test_accuracy": trial.test_accuracy,
            "ended": trial.ended,
            "reason": trial.reason or trial.error,
        }
        for number, trial in enumerate(trials, start=1)
    ]


def csv_text(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as CSV, a column for every key that occurs."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def markdown_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table, numbers shortened."""
    columns = list(rows[0])
    lines = [columns, ["---"] * len(columns)]
    lines += [[short(row[name]) for name in columns] for row in rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def flat(config: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested keys joined by a slash.

    >>> flat({"lr": 0.1, "es": {"patience": 3}})
    {'lr': 0.1, 'es/patience': 3}
    """
    out: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, dict):
            out.update(flat(value, f"{prefix}{name}/"))
        else:
            out[f"{prefix}{name}"] = value
    return out


def short(value: object) -> str:
    """A value in at most a few characters.

    >>> short(0.00012345), short(0.12345), short(1234.56), short("linear")
    ('0.00012', '0.123', '1235', 'linear')
    """
    if not isinstance(value, float):
        return str(value)
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 else f"{value:.2g}"
