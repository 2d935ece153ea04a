"""`tune-es replay`: scores as CSV, a table and JSON, and mistakes in one line."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tune_es import Patience, Policy
from tune_es.replay import Cluster, PolicyScheduler, load_tasks, replay, stream, task_curves
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set

NEEDED = {
    "source", "task", "seed", "policy", "cost", "cost_seconds", "regret", "test_regret", "makespan",
}  # fmt: skip


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_scores_are_those_of_the_library(tune_es: Command, curve_set: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    words = ["--trials", 5, "--workers", 2, "--seeds", 3, "--processes", 1, "--out", out]
    said = tune_es("replay", "--curves", curve_set, "--policy", "full", "{Patience: {patience: 2}}",
                   *words)  # fmt: skip
    assert said.code == 0, said
    rows = rows_of(out)
    assert set(rows[0]) >= NEEDED
    assert len(rows) == 2 * 3 * 2
    policy = Policy("val_loss", "min", stop=Patience(2), max_t=10)
    for row in rows:
        (task,) = (each for each in load_tasks(curve_set) if each.task.name == row["task"])
        drawn = stream(task, 5, int(row["seed"]), Cluster(2))
        if row["policy"] == "full":
            assert (row["cost"], row["regret"], row["makespan"]) == ("1.0", "0.0", "1.0")
            continue
        run = replay(PolicyScheduler(policy), drawn.curves, Cluster(2))
        score = drawn.score(run, row["policy"])
        found = [float(row[name]) for name in ("cost", "regret", "test_regret", "makespan")]
        assert found == [score.cost, score.regret, score.test_regret, score.makespan]
        assert row["money"] == ""


def test_the_table_names_every_policy_and_explains_itself(
    tune_es: Command, curve_set: Path
) -> None:
    said = tune_es("replay", "--curves", curve_set, "--policy", "safe", "median",
                   "--seeds", 2, "--processes", 1, "--price-per-hour", 3)  # fmt: skip
    assert said.code == 0
    lines = said.out.splitlines()
    assert "2 tasks, 4 streams" in lines[0]
    assert [line.split()[0] for line in lines if line.startswith((" safe", " median"))] == [
        "safe",
        "median",
    ]
    for word in ("cost", "regret", "span", "money"):
        assert word in lines[2]
    assert "Shares of full training" in said.out
    assert lines[-1].startswith("Cheapest at their regret, of these policies: median")


def test_curves_that_were_cut_are_warned_of_and_broken_ones_are_not(
    tune_es: Command, tmp_path: Path
) -> None:
    cut = [[0.5, 0.4, 0.3], [0.9], [0.8, math.nan], [0.7, 0.6]]
    for name, values in {"first": cut, "second": [[0.5], [0.6, 0.5]]}.items():
        curves = task_curves(values, "val_loss", "min", source=name, name=name)
        save_curve_set(CurveSet(name, (curves,), "# made\n"), tmp_path / name)
    words = ["--policy", "full", "--seeds", 1, "--processes", 1, "--json"]
    said = tune_es("replay", "--curves", tmp_path / "first", *words)
    assert said.err.startswith("2 trials of 'first' end before max_steps with a finite value")
    both = tune_es("replay", "--curves", tmp_path / "first", tmp_path / "second", *words)
    assert both.err.startswith("3 trials of 'first' and 1 more task end before")
    assert (said.err + both.err).count("\n") == 2


def test_json_holds_the_summary_and_nothing_else(tune_es: Command, curve_set: Path) -> None:
    said = tune_es("replay", "--curves", curve_set, "--policy", "full", "--seeds", 2,
                   "--processes", 1, "--json")  # fmt: skip
    (summary,) = said.data
    assert summary["policy"] == "full"
    assert summary["cost"] == {"value": 1.0, "low": 1.0, "high": 1.0}
    assert summary["money"] == {"value": None, "low": None, "high": None}


def test_policies_from_files_and_only_some_tasks(
    tune_es: Command, curve_set: Path, tmp_path: Path
) -> None:
    whole, rule = tmp_path / "whole.yaml", tmp_path / "rule.yml"
    whole.write_text(Policy("eval_loss", "max", stop=Patience(2)).to_yaml())
    rule.write_text("Patience: {patience: 2}\n")
    said = tune_es("replay", "--curves", curve_set, "--policy", whole, rule, "--task", "two",
                   "--seeds", 2, "--processes", 1, "--json")  # fmt: skip
    first, second = said.data
    assert (first["policy"], second["policy"], first["tasks"]) == ("whole", "rule", 1)
    assert first["cost"] == second["cost"] != {"value": 1.0, "low": 1.0, "high": 1.0}


def test_a_folder_of_sets_and_two_processes(tune_es: Command, curve_set: Path) -> None:
    words = ["replay", "--curves", curve_set.parent, "--policy", "halving", "--seeds", 2, "--json"]
    assert tune_es(*words, "--processes", 1).data == tune_es(*words, "--processes", 2).data


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--policy", "save"], "a file ends in .yaml; did you mean 'safe'?"),
        (["--policy", "safe", "safe"], "two policies are called 'safe'"),
        (["--policy", "missing.yaml"], "missing.yaml"),
        (["--policy", "{Patience: {patiense: 5}}"], "did you mean 'patience'?"),
        (["--policy", "{Patience: {metric: f1}}"], "judges 'f1'"),
        (["--policy", "safe", "--workers", "0"], "Cluster.workers must be a whole number"),
        (["--policy", "safe", "--trials", "0"], "judge.trials must be"),
        (["--policy", "safe", "--task", "tow"], "did you mean 'two'?"),
        (["--policy", "safe", "--out", "nowhere/scores.csv"], "--out must be a file"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_and_nothing_runs(
    tune_es: Command, curve_set: Path, words: list[str], message: str
) -> None:
    said = tune_es("replay", "--curves", curve_set, "--processes", 1, *words)
    assert isinstance(said.code, str)
    assert message in said.code
    assert said.code.startswith("tune-es: ")
    assert said.code.count("\n") == 0
    assert said.out == ""


def test_curves_that_are_not_there(tune_es: Command, tmp_path: Path) -> None:
    said = tune_es("replay", "--curves", tmp_path / "nowhere", "--policy", "safe")
    assert isinstance(said.code, str)
    assert "is no folder" in said.code


def test_an_option_with_a_typing_error_is_told_the_right_one(tune_es: Command) -> None:
    said = tune_es("replay", "--curves", "x", "--polcy", "safe")
    assert said.code not in (0, None)
    assert "--policy" in said.err + said.out
