"""Outcomes, tables and recorded arms, on trials made by hand."""

from __future__ import annotations

import doctest
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from experiments.comparison import arm_run, comparison_rows, record, recorded
from experiments.outcomes import TrialOutcome, best_of, saving
from experiments.provenance import command, machine, versions
from experiments.tables import csv_text, markdown_table, reasons, result_rows, trial_table

NAN = float("nan")
PLAN = {"metric": "eval_loss", "trials": 2, "evals": 10}


def outcome(name: str, steps: int, value: float, **changes: Any) -> TrialOutcome:
    fields: dict[str, Any] = {
        "trial_id": name,
        "config": {"lr": 0.001, "batch_size": 8, "schedule": "linear", "es": {"stop": "safe"}},
        "steps": steps,
        "max_t": 10,
        "seconds": 2.0 * steps,
        "best_step": 3,
        "value": value,
        "loss": value,
        "accuracy": 0.75,
        "test_accuracy": 0.7,
        "cause": "STALLED" if steps < 10 else "EXHAUSTED",
        "reason": "stalled: Patience (misses=5)" if steps < 10 else "budget used",
        "error": "",
        "curve": pd.DataFrame({"training_iteration": [1, 2], "eval_loss": [value + 1, value]}),
    }
    return TrialOutcome(**{**fields, **changes})


def test_how_a_trial_ended() -> None:
    assert outcome("a", 5, 1.0).ended == "stalled"
    assert outcome("b", 10, 1.0).ended == "ran in full"
    assert outcome("c", 5, 1.0, cause="").ended == "stopped"
    assert outcome("d", 0, NAN, error="Traceback\nValueError: no").ended == "failed"


def test_saving_counts_steps_and_estimates_seconds() -> None:
    used = saving([outcome("a", 5, 1.0), outcome("b", 10, 1.0), outcome("c", 0, NAN)])
    assert (used.steps, used.full_steps) == (15, 30)
    assert used.steps_saved == 0.5
    assert (used.seconds, used.full_seconds) == (30.0, 40.0)
    assert saving([]).steps_saved == saving([]).seconds_saved == 0.0


def test_the_best_trial_is_one_with_a_number() -> None:
    trials = [outcome("a", 0, NAN), outcome("b", 5, 0.4), outcome("c", 5, 0.6)]
    assert best_of(trials, "eval_loss") == trials[1]
    assert best_of(trials, "eval_accuracy") == trials[2]
    assert best_of(trials[:1], "eval_loss") is None


def test_the_table_fits_80_columns() -> None:
    config = {"lr": 0.000123, "batch_size": 32, "schedule": "constant"}
    trials = [outcome("a", 5, 0.4, config=config)]
    out = StringIO()
    Console(file=out, width=80).print(trial_table(trials, trials[0]))
    assert "…" not in out.getvalue()
    for text in ("0.00012", "constant", "5/10", "0.400", "stalled"):
        assert text in out.getvalue()
    assert reasons([*trials, outcome("b", 10, 1.0)]) == {"stalled": "stalled: Patience (misses=5)"}


def test_rows_are_flat_and_the_csv_has_every_key() -> None:
    rows = result_rows([outcome("a", 5, 0.4), outcome("b", 10, 0.5, config={"lr": 0.1, "new": 1})])
    assert rows[0]["es/stop"] == "safe"
    header, *lines = csv_text(rows).splitlines()
    assert {"es/stop", "new", "reason"} <= set(header.split(","))
    assert len(lines) == 2
    assert markdown_table([{"a": 1, "b": 0.123456}]) == "| a | b |\n| --- | --- |\n| 1 | 0.123 |\n"


def test_an_arm_is_kept_and_found_again_under_the_same_plan(tmp_path: Path) -> None:
    run = arm_run("safe", 3, PLAN, [outcome("a", 10, 0.6), outcome("b", 5, 0.4)], 12.34)
    path = tmp_path / "deep" / "safe.json"
    assert recorded(path, PLAN) is None
    record(run, path)
    assert recorded(path, PLAN) == run
    with pytest.raises(ValueError, match="another trials; remove it or choose another --runs"):
        recorded(path, {**PLAN, "trials": 3})
    assert (run.chosen, run.best_value, run.steps, run.full_steps) == (2, 0.4, 15, 20)
    with pytest.raises(ValueError, match="safe: no trial reported eval_loss"):
        arm_run("safe", 0, PLAN, [outcome("a", 0, NAN)], 1.0)


def test_seeds_are_averaged_and_arms_keep_their_order() -> None:
    trials = [outcome("a", 10, 0.6), outcome("b", 5, 0.4)]
    runs = [
        arm_run("none", 0, PLAN, trials[:1] * 2, 20.0),
        arm_run("safe", 0, PLAN, trials, 10.0),
        arm_run("safe", 1, PLAN, trials[1:] * 2, 30.0),
    ]
    none, safe = comparison_rows(runs)
    assert (none["scheduler"], none["share of full"]) == ("no stopping", 1.0)
    assert (safe["seeds"], safe["wall seconds"], safe["share of full"]) == (2, 20.0, 0.625)
    assert safe["chosen trial, step"] == "2, 3; 1, 3"


def test_where_numbers_come_from() -> None:
    assert command("a.b", ["--task", "trec:with space"]) == "python -m a.b --task 'trec:with space'"
    assert "cores" in machine()
    assert versions(["rich"]).startswith("Python 3.")


@pytest.mark.parametrize(
    "name", ["tables", "finetune.docstrings", "finetune.data", "finetune.hub", "finetune.model"]
)
def test_examples_in_docstrings(name: str) -> None:
    found = doctest.testmod(import_module(f"experiments.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
