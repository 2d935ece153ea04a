"""Curve sets on disk: what is saved comes back, and what is not a set is refused by name."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.curve_sets import (
    TASKS,
    assert_same_curves,
    assert_same_sets,
    rows,
    task_curves,
    write_files,
)
from tune_es.replay.curve_set import RESERVED, TASK_COLUMNS, CurveSet
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.format.config_columns import flatten
from tune_es.replay.storage import load_curve_set, load_tasks, save_curve_set
from tune_es.replay.writing import CurveSetWriter

# What a name may be made of: csv cannot hold a NUL, and UTF-8 no half of a pair.
letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
names = st.text(letters, min_size=1, max_size=4)
metric_names = names.filter(lambda name: name not in RESERVED)
numbers = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf, 0.1, 1e300])
plain = st.booleans() | st.integers() | st.floats() | st.text(letters, max_size=3) | st.none()
values = plain | st.lists(plain, max_size=2)
# One type a name is the rule: such columns are to stay what they are.
uniform = st.fixed_dictionaries(
    {},
    optional={"lr": st.floats(), "layers": st.integers(-9, 9), "name": names, "on": st.booleans()},
)
configs = uniform | st.dictionaries(
    names, values | st.dictionaries(names, values, max_size=2), max_size=3
)


@st.composite
def columns(draw: st.DrawFn, size: int, of: st.SearchStrategy[float] = numbers) -> Any:
    """A column with at least one number in it."""
    drawn = draw(st.lists(of, min_size=size, max_size=size))
    drawn[draw(st.integers(0, size - 1))] = draw(st.floats(0, 1))
    return np.array(drawn)


@st.composite
def recorded_tasks(draw: st.DrawFn, name: str) -> TaskCurves:
    trials = sorted(draw(st.sets(names, min_size=1, max_size=4)))
    lengths = draw(st.lists(st.integers(1, 6), min_size=len(trials), max_size=len(trials)))
    size, metrics = sum(lengths), draw(st.lists(metric_names, min_size=1, max_size=3, unique=True))
    durations = st.floats(0, 1e6) | st.just(math.nan)
    flat = [flatten(draw(configs)) for _ in trials]
    return TaskCurves(
        Task(
            "set", name, metrics[0], draw(st.sampled_from(["min", "max"])), draw(st.integers(1, 7))
        ),
        tuple(trials),
        np.cumsum([0, *lengths]),
        {metric: draw(columns(size)) for metric in metrics},
        draw(st.none() | columns(size, durations)),
        draw(st.none() | st.integers(0, 9).map(lambda first: first + np.arange(size) / 2)),
        flat,
    )


@st.composite
def curve_sets(draw: st.DrawFn) -> CurveSet:
    tasks = tuple(draw(recorded_tasks(name)) for name in sorted(draw(st.sets(names, max_size=3))))
    further = names.filter(lambda name: name not in TASK_COLUMNS)
    notes = st.dictionaries(further, names, min_size=1, max_size=2)
    told = {each.task.name: draw(notes) for each in tasks if draw(st.booleans())}
    return CurveSet("set", tasks, draw(st.text(letters)), told)


@given(curve_sets())
@settings(max_examples=60)
def test_what_is_saved_comes_back(curve_set: CurveSet) -> None:
    with tempfile.TemporaryDirectory() as parent:
        save_curve_set(curve_set, Path(parent, "set"))
        assert_same_sets(curve_set, load_curve_set(Path(parent, "set")))


def refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


def test_rows_are_sorted_by_task_trial_and_step(tmp_path: Path) -> None:
    second = task_curves({"b": [3, 2], "a": [1]}, name="u")
    save_curve_set(CurveSet("set", (second, task_curves({"z": [5]}))), tmp_path)
    table = pq.read_table(tmp_path / "curves.parquet")
    assert table.to_pylist() == [
        {"task": "t", "trial_id": "z", "step": 1, "val_loss": 5},
        {"task": "u", "trial_id": "a", "step": 1, "val_loss": 1},
        {"task": "u", "trial_id": "b", "step": 1, "val_loss": 3},
        {"task": "u", "trial_id": "b", "step": 2, "val_loss": 2},
    ]
    text = (tmp_path / "tasks.csv").read_text(encoding="utf-8")
    assert text == "task,metric,mode,max_steps\nt,val_loss,min,1\nu,val_loss,min,2\n"


def test_a_column_takes_32_bits_where_that_loses_nothing(tmp_path: Path) -> None:
    curves = task_curves({"a": [0.5, math.nan]}, long=[0.1, 1e300], seconds=[1, 2])
    save_curve_set(CurveSet("set", (curves,)), tmp_path)
    schema = pq.read_schema(tmp_path / "curves.parquet")
    types = {name: schema.field(name).type for name in ("val_loss", "seconds", "long")}
    assert types == {"val_loss": pa.float32(), "seconds": pa.float32(), "long": pa.float64()}


def test_a_metric_without_a_number_is_no_metric_of_the_task(tmp_path: Path) -> None:
    one = task_curves({"a": [1, 2]}, test_loss=[3, math.inf])
    other = task_curves({"a": [1, 2]}, name="u", grad=[math.nan, 7], seconds=[1, math.nan])
    save_curve_set(CurveSet("set", (one, other)), tmp_path)
    mine, theirs = load_tasks(tmp_path)
    assert (set(mine.metrics), mine.seconds) == ({"val_loss", "test_loss"}, None)
    assert (set(theirs.metrics), theirs.seconds is None) == ({"val_loss", "grad"}, False)


def test_hyperparameters_are_flat_and_keep_their_types(tmp_path: Path) -> None:
    given_configs: list[Mapping[str, Any]] = [
        {
            "model": {"width": 8, "drop": {"p": 0.5}},
            "mixed": 1,
            "task": "sst2",
            "size": np.int64(3),
        },
        {"mixed": "auto", "layers": [1, 2], "flag": True, "none": None},
    ]
    curves = task_curves({"a": [1], "b": [2]}, configs=given_configs)
    save_curve_set(CurveSet("set", (curves,)), tmp_path)
    assert load_tasks(tmp_path)[0].configs == [
        {"model/width": 8, "model/drop/p": 0.5, "mixed": 1, "task": "sst2", "size": 3},
        {"mixed": "auto", "layers": [1, 2], "flag": True, "none": None},
    ]
    kinds = {field.name: str(field.type) for field in pq.read_schema(tmp_path / "configs.parquet")}
    assert (kinds["model/width"], kinds["model/drop/p"], kinds["flag"]) == (
        "int64",
        "double",
        "bool",
    )


def test_whole_numbers_that_a_float_would_round_stay_whole(tmp_path: Path) -> None:
    odd: list[Mapping[str, Any]] = [
        {"beside": 2**53 + 1, "huge": 2**70},
        {"beside": 0.5, "huge": 1},
    ]
    curves = task_curves({"a": [1], "b": [2]}, configs=odd)
    save_curve_set(CurveSet("set", (curves,)), tmp_path)
    assert load_tasks(tmp_path)[0].configs == odd


def test_any_name_survives_the_table_of_tasks(tmp_path: Path) -> None:
    name = 'a,"b"\r\nc\rd'
    curve_set = CurveSet("set", (task_curves({"a": [1]}, name=name),), notes={name: {"by": "\r"}})
    save_curve_set(curve_set, tmp_path / "set")
    assert_same_sets(curve_set, load_curve_set(tmp_path / "set"))


@pytest.mark.parametrize(
    ("config", "words"),
    [({"act": math.tanh}, "task 't', trial 'a': the hyperparameters must be numbers"),
     ({"m": {"w": 1}, "m/w": 2}, "two values are called 'm/w'")],
)  # fmt: skip
def test_hyperparameters_that_cannot_be_kept_are_refused(
    config: Mapping[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        save_curve_set(
            CurveSet("set", (task_curves({"a": [1]}, configs=[config]),)), tmp_path / "set"
        )
    assert not (tmp_path / "set").exists()


def test_rows_in_any_order_and_ids_that_are_numbers_load(tmp_path: Path) -> None:
    mixed = [{**row, "trial_id": int(row["trial_id"])} for row in reversed(rows("1", "2"))]
    configs = [{"task": "t", "trial_id": 2, "lr": 0.5}]
    (curves,) = load_tasks(write_files(tmp_path, mixed, configs=configs))
    expected = task_curves({"1": [1, 1 / 2], "2": [1 / 2, 1 / 3]}, configs=[{}, {"lr": 0.5}])
    assert_same_curves(curves, replace(expected, task=curves.task))


def test_a_folder_of_sets_and_several_folders_load(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_files(tmp_path / "sets" / name, rows("a", "b"))
    third = write_files(tmp_path / "three", rows("a"))
    assert [each.task.source for each in load_tasks(tmp_path / "sets")] == ["one", "two"]
    several = load_tasks([str(third), tmp_path / "sets"])
    assert [each.task.source for each in several] == ["three", "one", "two"]


@pytest.mark.parametrize(
    ("paths", "words"),
    [("nothing", "nothing holds no curve set: a set is a folder with tasks.csv"),
     ("set", "set is no folder.*; did you mean 'sets'"),
     (["sets", "other/one"], "two curve sets are called 'one'"),
     (["sets", "sets/one"], "two curve sets are called 'one'")],
)  # fmt: skip
def test_folders_without_sets_are_refused_by_name(
    paths: str | list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("sets/one", "other/one"):
        write_files(tmp_path / folder, rows("a"))
    (tmp_path / "nothing").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=words):
        load_tasks(paths)


def test_a_set_is_never_written_over_another(tmp_path: Path) -> None:
    folder = write_files(tmp_path, rows("a"))
    with pytest.raises(FileExistsError, match=r"holds a curve set already: curves.parquet"):
        save_curve_set(CurveSet("set", (task_curves({"a": [1]}),)), folder)


def test_a_set_with_an_error_is_not_written(tmp_path: Path) -> None:
    wrong = task_curves({"a": [1, 2]}, order=[2, 1])
    with pytest.raises(ValueError, match="order must be known and grow within a trial, got 1"):
        save_curve_set(CurveSet("set", (wrong,)), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_blocks_are_joined_to_one_set(tmp_path: Path) -> None:
    blocks = [
        task_curves({"b": [3], "a": [1, 2]}, max_t=2, configs=[{"lr": 1}, {"lr": 2}]),
        task_curves({"c": [4]}, max_t=2, configs=[{"lr": 0.5, "act": "relu"}]),
        task_curves({"d": [5]}, max_t=2, configs=[{"lr": "auto"}]),
    ]
    with CurveSetWriter(tmp_path / "set", ["val_loss"]) as writer:
        for block in blocks:
            writer.write(block)
    configs: list[Mapping[str, Any]] = [
        {"lr": 2},
        {"lr": 1},
        {"lr": 0.5, "act": "relu"},
        {"lr": "auto"},
    ]
    whole = task_curves({"a": [1, 2], "b": [3], "c": [4], "d": [5]}, max_t=2, configs=configs)
    assert_same_sets(CurveSet("set", (whole,)), load_curve_set(tmp_path / "set"))


@pytest.mark.parametrize(
    ("block", "words"),
    [(task_curves({"b": [1]}), "task 't', trial 'b' after task 't', trial 'b'"),
     (task_curves({"z": [1]}, name="s"), "got task 's', trial 'z' after task 't', trial 'b'"),
     (task_curves({"c": [1]}, max_t=9), "task 't' was Task"),
     (task_curves({"c": [1]}, val_los=[1]), "has no 'val_los' of 't'; did you mean 'val_loss'"),
     (task_curves({"c": [1]}, seconds=[1]), "has no 'seconds' of 't'")],
)  # fmt: skip
def test_a_block_that_does_not_follow_is_refused_and_leaves_no_set(
    block: TaskCurves, words: str, tmp_path: Path
) -> None:
    def written() -> None:
        with CurveSetWriter(tmp_path, ["val_loss"]) as writer:
            writer.write(task_curves({"b": [1]}))
            writer.write(block)

    refused(written, words)
    assert list(tmp_path.iterdir()) == []


def test_a_set_in_memory_is_checked() -> None:
    one = task_curves({"a": [1]})
    refused(lambda: CurveSet("set", (one, one)), "two tasks called 't'")
    refused(lambda: CurveSet("set", (one,), notes={"u": {}}), "a note on 'u', which is no task")
    named = task_curves({"a": [1]}, step=[1])
    refused(lambda: CurveSet("set", (named,)), "task 't': a metric cannot be called 'step'")


def test_further_columns_of_the_tasks_are_kept(tmp_path: Path) -> None:
    text = TASKS.replace("steps\n", "steps,target,paper\n").replace(",2\n", ",2,0.3,\n")
    loaded = load_curve_set(write_files(tmp_path, rows("a", "b"), text))
    assert (loaded.notes, loaded.readme) == ({"t": {"target": "0.3"}}, "# made by hand\n")


def test_the_public_sets_load(shared: Path) -> None:
    tasks = load_tasks(shared / "curves")
    assert (len(tasks), sum(map(len, tasks))) == (37, 9683)
    hard = load_curve_set(shared / "curves" / "algoperf")
    assert hard.notes["criteo1tb_jax"] == {"target": "0.1237"}
