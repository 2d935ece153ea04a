"""What a curve set must be, rule by rule: errors refuse it, warnings are told."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import accepted
from tests.replay.curve_sets import TASKS, Row, rows, task_curves, write_files
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import load_curve_set
from tune_es.replay.validation import Finding, check_curve_set

GOOD = rows("a", "b")


def with_cell(at: int, **cells: object) -> list[Row]:
    """Good rows with one changed."""
    return [{**row, **(cells if index == at else {})} for index, row in enumerate(GOOD)]


def with_column(name: str, *values: object) -> list[Row]:
    return [{**row, name: value} for row, value in zip(GOOD, values, strict=True)]


def without(name: str) -> list[Row]:
    return [{key: cell for key, cell in row.items() if key != name} for row in GOOD]


def one_task(metric: str = "val_loss", mode: str = "min", steps: str = "2") -> str:
    return f"task,metric,mode,max_steps\nt,{metric},{mode},{steps}\n"


def test_a_good_set_has_no_findings(tmp_path: Path) -> None:
    assert check_curve_set(write_files(tmp_path, GOOD)) == []
    assert check_curve_set(str(tmp_path)) == []


BROKEN = {
    "no step": (without("step"), TASKS, "curves.parquet: there must be a column 'step', got none"),
    "misnamed trial": (
        [{**row, "trial": 1} for row in without("trial_id")], TASKS,
        "curves.parquet: there must be a column 'trial_id', got none; did you mean 'trial'",
    ),
    "a twice": (
        GOOD + GOOD[:1], TASKS, "task 't', trial 'a': a step must be there once, got step 1",
    ),
    "a gap": (
        with_cell(3, step=4), TASKS,
        "task 't', trial 'b': the steps must be 1, 2, 3, ... without a gap, got 4 after 1",
    ),
    "from 0": (
        [{**row, "step": row["step"] - 1} for row in GOOD], TASKS,
        "task 't', trial 'a' (and 1 more): the steps must start at 1, got 0",
    ),
    "half a step": (
        with_cell(1, step=1.5), TASKS, "trial 'a': a step must be a whole number, got 1.5",
    ),
    "no trial": (with_cell(1, trial_id=None), TASKS, "trial_id must be given in every row, got 1"),
    "words": (
        with_column("note", "x", "y", "z", "u"), TASKS,
        "curves.parquet: column 'note' must hold numbers, got string",
    ),
    "back in time": (
        with_column("seconds", 1, -2, 1, math.inf), TASKS,
        "task 't', trial 'a' (and 1 more): seconds must be finite and not below 0, got -2",
    ),
    "order back": (
        with_column("order", 1, 4, 3, 2), TASKS,
        "task 't', trial 'b': order must be known and grow within a trial, got 2",
    ),
    "order unknown": (
        with_column("order", 1, 2, math.nan, 4), TASKS, "trial 'b': order must be known",
    ),
    "metric": (
        GOOD, one_task(metric="val_los"),
        "must be a column with numbers, got 'val_los'; did you mean 'val_loss'? Valid: val_loss",
    ),
    "empty metric": (
        with_column("acc", math.nan, math.nan, None, math.nan), one_task(metric="acc"),
        "the metric must be a column with numbers, got 'acc'",
    ),
    "seconds as a metric": (
        with_column("seconds", 1, 2, 3, 4), one_task(metric="seconds"),
        "the metric must be a column with numbers, got 'seconds'",
    ),
    "no mode": (
        GOOD, one_task(mode=""),
        "tasks.csv: task 't': the mode must be given and is never guessed, got ''; Valid: max, min",
    ),
    "a word for a mode": (
        GOOD, one_task(mode="minimize"), "got 'minimize'; did you mean 'min'? Valid: max, min",
    ),
    "no column of modes": (
        GOOD, "task,metric,max_steps\nt,val_loss,2\n",
        "tasks.csv: there must be a column 'mode', got none",
    ),
    "a budget of zero": (GOOD, one_task(steps="0"), "max_steps must be a whole number of at"),
    "half a budget": (GOOD, one_task(steps="2.5"), "at least 1, got '2.5'"),
    "no budget": (GOOD, one_task(steps="all"), "at least 1, got 'all'"),
    "a row twice": (GOOD, TASKS + "t,val_loss,max,2\n", "'t': a task must have one row, got 2"),
    "no curves": (
        GOOD, TASKS + "tt,val_loss,min,2\n",
        "curves.parquet: task 'tt': a task must have curves, got none; did you mean 't'",
    ),
    "no row": (
        GOOD + rows("a", task="tx"), TASKS,
        "tasks.csv: task 'tx': a task with curves must have a row, got none; did you mean 't'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_an_error_and_refuses_the_set(name: str, tmp_path: Path) -> None:
    curves, tasks, words = BROKEN[name]
    folder = write_files(tmp_path / "mine", curves, tasks)
    errors = [str(each) for each in check_curve_set(folder) if each.level == "error"]
    assert any(words in each for each in errors), errors
    with pytest.raises(ValueError, match=r"^curve set 'mine': ") as refusal:
        load_curve_set(folder)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("missing", ["curves.parquet", "configs.parquet", "tasks.csv"])
def test_a_missing_file_is_named(missing: str, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", GOOD)
    (folder / missing).rename(folder / f"old_{missing}")
    with pytest.raises(ValueError, match=rf"{missing}: the file must be there, got none; did you"):
        load_curve_set(folder)


def test_a_file_cut_short_is_named(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "mine", GOOD)
    content = (folder / "curves.parquet").read_bytes()
    (folder / "curves.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"curves.parquet is no complete Parquet file"):
        load_curve_set(folder)


NESTED = pa.array([[1.0]] * len(GOOD))


@pytest.mark.parametrize("file", ["curves.parquet", "configs.parquet"])
@pytest.mark.parametrize("key", ["task", "trial_id"])
def test_a_name_that_is_a_list_or_there_twice_is_an_error(
    file: str, key: str, tmp_path: Path
) -> None:
    path = write_files(tmp_path, GOOD) / file
    table = pq.read_table(path)
    at = table.column_names.index(key)
    pq.write_table(table.set_column(at, key, NESTED.slice(0, table.num_rows)), path)
    with pytest.raises(ValueError, match=f"{file}: column '{key}' must hold names, got list"):
        load_curve_set(tmp_path)
    pq.write_table(table.append_column(key, table.column(at)), path)
    with pytest.raises(ValueError, match=f"{file}: column '{key}' must be there once, got 2"):
        load_curve_set(tmp_path)


@pytest.mark.parametrize("file", ["tasks.csv", "curves.parquet", "configs.parquet", "README.md"])
@settings(max_examples=40)
@given(data=st.data())
def test_any_bytes_are_a_set_or_refused_in_one_line(file: str, data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = write_files(Path(name), GOOD)
        there = (folder / file).read_bytes() if (folder / file).is_file() else b"# a set"
        at = data.draw(st.integers(0, len(there) - 1))
        there = there[:at] + data.draw(st.binary(max_size=4)) + there[at + 1 :]
        (folder / file).write_bytes(data.draw(st.sampled_from([there, there[:at]])))
        accepted(load_curve_set, folder)


def test_a_trial_with_two_rows_of_hyperparameters_is_an_error(tmp_path: Path) -> None:
    configs = [{"task": "t", "trial_id": trial, "lr": 0.1} for trial in ("a", "b", "b")]
    with pytest.raises(ValueError, match=r"configs.parquet: task 't', trial 'b': .* got 2 of them"):
        load_curve_set(write_files(tmp_path, GOOD, configs=configs))


def test_a_trial_that_starts_late_has_no_gap(tmp_path: Path) -> None:
    folder = write_files(tmp_path, [GOOD[0], {**GOOD[1], "trial_id": "b", "step": 3}])
    (error,) = [each for each in check_curve_set(folder) if each.level == "error"]
    assert (error.rule, error.trial, error.value) == ("the steps must start at 1", "b", "3")


def test_an_error_says_how_many_more_there_are(tmp_path: Path) -> None:
    folder = write_files(tmp_path, with_cell(3, step=4), one_task(mode="", steps="0"))
    with pytest.raises(ValueError, match=r"\(and 2 more: see check_curve_set\)$"):
        load_curve_set(folder)


ODD: dict[str, tuple[list[Row], str, Finding]] = {
    "nan": (
        with_cell(1, val_loss=math.nan), TASKS,
        Finding("warning", "curves.parquet", "val_loss should be finite", "nan", "t", "a", 1),
    ),
    "inf in two": (
        with_cell(1, val_loss=math.inf)[:2] + with_cell(3, val_loss=math.inf)[2:], TASKS,
        Finding("warning", "curves.parquet", "val_loss should be finite", "inf", "t", "a", 2),
    ),
    "short": (
        GOOD[:3], TASKS,
        Finding("warning", "curves.parquet", "a trial should reach max_steps 2: how it would go on "
                "is not known", "1 steps", "t", "b", 1),
    ),
    "alone": (
        GOOD[:2], TASKS,
        Finding("warning", "curves.parquet", "there should be at least 2 trials to compare",
                "1", "t"),
    ),
    "constant": (
        [{**row, "val_loss": 0.5} for row in GOOD], TASKS,
        Finding("warning", "curves.parquet", "val_loss should tell the trials apart",
                "0.5 everywhere", "t"),
    ),
    "unknown seconds": (
        with_column("seconds", 1, 2, None, math.nan), TASKS,
        Finding("warning", "curves.parquet", "seconds should be known for every step or for none",
                "2 steps without", "t", "b", 1),
    ),
    "out of order": (
        GOOD[::-1], TASKS,
        Finding("warning", "curves.parquet", "the rows should be sorted by task, trial and step, "
                "or the set cannot be streamed", "rows out of order"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_a_warning_and_loads(name: str, tmp_path: Path) -> None:
    curves, tasks, finding = ODD[name]
    folder = write_files(tmp_path, curves, tasks)
    assert finding in check_curve_set(folder)
    assert {each.level for each in check_curve_set(folder)} == {"warning"}
    assert len(load_curve_set(folder).tasks) == 1


def test_hyperparameters_without_curves_and_a_set_without_a_readme_are_odd(tmp_path: Path) -> None:
    configs = [{"task": "t", "trial_id": trial} for trial in ("a", "x", "y")]
    folder = write_files(tmp_path, GOOD, configs=configs)
    (folder / "README.md").unlink()
    readme, alone = check_curve_set(folder)
    assert (readme.level, readme.file) == ("warning", "README.md")
    assert (alone.level, alone.file) == ("warning", "configs.parquet")
    assert (alone.trial, alone.trials) == ("x", 2)


def test_a_task_without_seconds_beside_one_with_them_is_fine(tmp_path: Path) -> None:
    timed = with_column("seconds", 1, 2, 3, 4)
    other = [{**row, "task": "u", "seconds": None} for row in GOOD]
    folder = write_files(tmp_path, timed + other, TASKS + "u,val_loss,min,2\n")
    assert check_curve_set(folder) == []


def test_a_set_in_memory_is_held_to_the_same_rules() -> None:
    broken = task_curves({"a": [1, math.nan], "b": [2]}, order=[1, 2, math.nan])
    rules = [(each.level, each.trial) for each in check_curve_set(CurveSet("set", (broken,)))]
    assert rules == [("error", "b"), ("warning", "a"), ("warning", "b")]


def test_an_empty_table_has_no_curves(tmp_path: Path) -> None:
    folder = write_files(tmp_path, GOOD)
    table = pq.read_table(folder / "curves.parquet")
    pq.write_table(table.slice(0, 0), folder / "curves.parquet")
    with pytest.raises(
        ValueError, match="task 't': a task must have curves, got none; Valid: none"
    ):
        load_curve_set(folder)


def test_the_public_sets_have_no_errors(shared: Path) -> None:
    sets = sorted(path for path in (shared / "curves").iterdir() if path.is_dir())
    found = {path.name: check_curve_set(path) for path in sets}
    assert len(found) == 7
    assert [
        str(each) for all_of in found.values() for each in all_of if each.level == "error"
    ] == []
    broken = [each for each in found["taskset_text"] if each.rule == "val_loss should be finite"]
    assert sum(each.trials for each in broken) == 336
