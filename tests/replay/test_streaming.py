"""Streaming gives the same curves as loading, in bounded memory, and refuses what it cannot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.curve_sets import TASKS, Row, rows, task_curves, write_files
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.curves import Task, TaskCurves
from tune_es.replay.storage import load_tasks, save_curve_set
from tune_es.replay.streaming import stream_tasks
from tune_es.replay.writing import CurveSetWriter

Curves = Mapping[tuple[str, str], list[float]]


def objectives(blocks: Sequence[TaskCurves]) -> Curves:
    """Every trial's whole objective by task and trial; no trial is in two blocks."""
    found: dict[tuple[str, str], list[float]] = {}
    for block in blocks:
        for trial, first, end in zip(block.trial_ids, block.starts, block.starts[1:], strict=False):
            assert (block.task.name, trial) not in found
            values = block.metrics[block.task.metric][first:end]
            found[block.task.name, trial] = values.tolist()
    return found


def a_set(folder: Path, lengths: Sequence[int], tasks: int, group: int) -> Path:
    """Tasks of trials of these lengths, every value its own; so many rows in a group."""
    total, at = sum(lengths), np.cumsum([0, *lengths])
    listed = []
    for number in range(tasks):
        values = np.arange(total) + 1000.0 * number
        numbers: list[float] = values.tolist()
        trials = {
            f"{trial:03d}": values[at[trial] : at[trial + 1]].tolist()
            for trial in range(len(lengths))
        }
        listed.append(task_curves(trials, name=f"t{number}", more=numbers, seconds=numbers))
    save_curve_set(CurveSet("set", tuple(listed)), folder)
    table = pq.read_table(folder / "curves.parquet")
    pq.write_table(table, folder / "curves.parquet", row_group_size=group)
    return folder


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    tasks=st.integers(1, 3),
    group=st.integers(1, 40),
    size=st.integers(1, 60),
)
def test_blocks_are_whole_trials_whatever_the_sizes(
    lengths: list[int], tasks: int, group: int, size: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = a_set(tmp_path_factory.mktemp("sets") / "set", lengths, tasks, group)
    blocks = list(stream_tasks(folder, rows=size))
    assert objectives(blocks) == objectives(load_tasks(folder))
    longest = max(lengths)
    assert all(block.starts[-1] <= size + longest for block in blocks)


def test_a_block_has_what_was_asked_for(tmp_path: Path) -> None:
    folder = a_set(tmp_path / "set", [2, 3], tasks=2, group=4)
    plain = next(iter(stream_tasks(folder)))
    assert (set(plain.metrics), plain.seconds, plain.configs) == ({"val_loss"}, None, ())
    asked = list(stream_tasks(folder, metrics=["more"], seconds=True))
    whole = load_tasks(folder)
    assert [each.task for each in asked] == [each.task for each in whole]
    for block, task in zip(asked, whole, strict=True):
        assert list(block.metrics) == ["val_loss", "more"]
        np.testing.assert_array_equal(block.metrics["more"], task.metrics["more"])
        assert block.seconds is not None
        np.testing.assert_array_equal(block.seconds, task.metrics["more"])


def test_each_task_is_judged_by_its_own_metric(tmp_path: Path) -> None:
    one = task_curves({"a": [1, 2]})
    acc = np.array([0.5, 0.7])
    other = TaskCurves(Task("set", "u", "acc", "max", 2), ("a",), np.array([0, 2]), {"acc": acc})
    save_curve_set(CurveSet("set", (one, other)), tmp_path / "set")
    assert [list(block.metrics) for block in stream_tasks(tmp_path / "set")] == [
        ["val_loss"],
        ["acc"],
    ]


def test_files_of_pandas_stream_too(tmp_path: Path) -> None:
    listed = rows("a", "b")
    folder = write_files(tmp_path / "set", listed)
    table = pq.read_table(folder / "curves.parquet")
    for at, kind in ((1, pa.large_string()), (2, pa.int64())):
        table = table.set_column(at, table.column_names[at], table.column(at).cast(kind))
    pq.write_table(table, folder / "curves.parquet")
    assert objectives(list(stream_tasks(folder))) == objectives(load_tasks(folder))
    numbered = [{**row, "trial_id": "ab".index(row["trial_id"])} for row in listed]
    again = write_files(tmp_path / "numbered", numbered)
    assert list(objectives(list(stream_tasks(again, rows=3)))) == [("t", "0"), ("t", "1")]


def written(folder: Path, trials: int, each: int) -> int:
    """A set of random curves of 51 steps, block by block; gives the most that Arrow held."""
    rng, task = np.random.default_rng(0), Task("set", "t", "val_loss", "min", 51)
    before, peak = pa.total_allocated_bytes(), 0
    with CurveSetWriter(folder, ["val_loss"], float32=["val_loss"]) as writer:
        for first in range(0, trials, each):
            names = tuple(f"{trial:0200d}" for trial in range(first, first + each))
            values = {"val_loss": rng.random(each * 51)}
            writer.write(TaskCurves(task, names, np.arange(each + 1) * 51, values))
            peak = max(peak, pa.total_allocated_bytes() - before)
    return peak


def streamed(folder: Path, trials: int) -> int:
    """The most that Arrow held while all the trials were streamed."""
    before, peak, found = pa.total_allocated_bytes(), 0, 0
    for block in stream_tasks(folder, rows=25_000):
        found += len(block)
        peak = max(peak, pa.total_allocated_bytes() - before)
    assert found == trials
    return peak


def test_a_larger_set_takes_no_more_memory(tmp_path: Path) -> None:
    few, many = 4_000, 20_000
    small, large = (written(tmp_path / f"{size}", size, each=500) for size in (few, many))
    assert large < small + 1.2 * 200 * many  # the names, beside their hyperparameters
    small, large = (streamed(tmp_path / f"{size}", size) for size in (few, many))
    assert large < 1.2 * small


def changed(at: int, **cells: object) -> list[Row]:
    listed = rows("a", "b", "c")
    listed[at] |= cells
    return listed


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("curves", "words"),
    [(rows("a", "b", "a"), "trial 'a': rows must be sorted.*after task 't', trial 'b'"),
     (rows("b", "a"), "trial 'a': rows must be sorted by task and trial to be streamed"),
     (changed(3, step=3), "trial 'b': the steps must be 1, 2, 3, ... without a gap, got 3 after 1"),
     (changed(2, step=2), "task 't', trial 'b'.*step 2 again"),
     (changed(0, step=0), "task 't', trial 'a': the steps must start at 1, got 0"),
     (changed(4, step=None), "step must be given in every row, got 1 rows without"),
     (changed(5, trial_id=None), "trial_id must be given in every row"),
     (rows("a") + rows("a", task="u"), "'u': a task with curves must have a row, got none"),
     (rows("a", task="s"), "task 's': a task with curves must have a row")],
)  # fmt: skip
def test_rows_that_cannot_be_streamed_are_refused(
    curves: list[Row], words: str, size: int, tmp_path: Path
) -> None:
    folder = write_files(tmp_path / "set", curves)
    with pytest.raises(ValueError, match=rf"curve set 'set': .*{words}"):
        list(stream_tasks(folder, rows=size))


def test_seconds_that_are_none_are_refused_where_they_are_asked_for(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", [{**row, "seconds": math.inf} for row in rows("a")])
    assert len(list(stream_tasks(folder))) == 1
    with pytest.raises(ValueError, match="seconds must be finite and not below 0, got inf"):
        list(stream_tasks(folder, seconds=True))


def test_a_task_without_rows_is_missed_at_the_end(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "set", rows("a"), TASKS + "u,val_loss,min,2\n")
    stream = stream_tasks(folder)
    assert next(stream).task.name == "t"
    with pytest.raises(ValueError, match="task 'u': a task must have curves, got none"):
        next(stream)


def test_what_can_be_known_is_refused_before_the_first_block(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"curves.parquet: the file must be there"):
        stream_tasks(tmp_path)
    folder = write_files(tmp_path / "set", rows("a"))
    with pytest.raises(ValueError, match="a metric must be a column, got 'val_los'; did you mean"):
        stream_tasks(folder, metrics=["val_los"])
    with pytest.raises(ValueError, match="rows must be a whole number of at least 1, got 0"):
        stream_tasks(folder, rows=0)
    (folder / "tasks.csv").write_text("task,metric,mode,max_steps\nt,val_loss,,2\n")
    with pytest.raises(ValueError, match=r"tasks.csv: task 't': the mode must be given"):
        stream_tasks(folder)
