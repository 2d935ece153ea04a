"""Where trials begin in a table of curves, and whether its rows are in the order of the format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tune_es.replay.curve_set import KEYS
from tune_es.replay.curves import Floats, Ints

#: A name per row, as its number in a list of names: comparing numbers is four times as fast.
NAMES = pa.dictionary(pa.int32(), pa.string())


@dataclass(frozen=True, eq=False)
class Runs:
    """Stretches of rows with the same task and trial.

    Args:
        starts: Run ``i`` has rows ``starts[i]`` to ``starts[i + 1]``.
        tasks: The task of every run, as Arrow strings.
        trials: The trial of every run, as Arrow strings.
    """

    starts: Ints
    tasks: Any
    trials: Any

    def __len__(self) -> int:
        return len(self.starts) - 1

    def places(self) -> Ints:
        """Every row's place in its run, from 1: what its step should be."""
        lengths = np.diff(self.starts)
        return np.arange(1, self.starts[-1] + 1) - np.repeat(self.starts[:-1], lengths)


def named(column: Any) -> Any:
    """A column of names as one dictionary-encoded array of strings."""
    if column.type != NAMES:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        column = column.cast(pa.string()).dictionary_encode()
    chunks = column.unify_dictionaries().combine_chunks()
    return chunks.chunk(0) if isinstance(chunks, pa.ChunkedArray) else chunks


def runs_of(table: Any) -> Runs:
    """The runs of a table that has a task and a trial in every row.

    >>> table = pa.table({"task": ["t"] * 3, "trial_id": ["a", "a", "b"], "step": [1, 2, 1]})
    >>> runs_of(table).starts, runs_of(table).trials.to_pylist()
    (array([0, 2, 3]), ['a', 'b'])
    """
    keys = [named(table[name]) for name in ("task", "trial_id")]
    codes = [key.indices.to_numpy() for key in keys]
    changes = np.logical_or.reduce([code[1:] != code[:-1] for code in codes])
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1, [table.num_rows]]).astype(np.int64)
    starts = starts if table.num_rows else np.zeros(1, np.int64)
    firsts = [key.dictionary.take(key.indices.take(pa.array(starts[:-1]))) for key in keys]
    return Runs(starts, *firsts)


def out_of_order(runs: Runs) -> int | None:
    """The first run that is not after the one before it, by task and trial; None where all are."""
    if len(runs) < 2:
        return None
    (task, next_task), (trial, next_trial) = (
        (names.slice(0, len(runs) - 1), names.slice(1)) for names in (runs.tasks, runs.trials)
    )
    within = pc.and_(pc.equal(task, next_task), pc.less(trial, next_trial))
    after = pc.or_(pc.less(task, next_task), within)
    found: int = pc.index(after, value=False).as_py()
    return None if found < 0 else found + 1


def steps_of(table: Any) -> Floats:
    """The steps as they stand in the file; NaN where there is none."""
    return numbers(table["step"])


def numbers(column: Any) -> Floats:
    """A column of numbers as floats; NaN where there is none."""
    values: Floats = column.cast(pa.float64()).to_numpy()
    return values


def is_sorted(table: Any, runs: Runs) -> bool:
    """Whether the rows are in the order of the format: by task, trial and step."""
    steps = steps_of(table)
    inside = np.ones(max(len(steps) - 1, 0), bool)
    inside[runs.starts[1:-1] - 1] = False
    return out_of_order(runs) is None and not bool(((steps[1:] < steps[:-1]) & inside).any())


def put_in_order(table: Any) -> Any:
    """The same rows in the order of the format."""
    for name in ("task", "trial_id"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, named(table[name]).dictionary_decode())
    return table.sort_by([(key, "ascending") for key in KEYS])


def repeated(names: Sequence[str], times: Ints) -> Any:
    """Each name so many times, dictionary-encoded."""
    codes = np.repeat(np.arange(len(names), dtype=np.int32), times)
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(names, pa.string()))


def spans(runs: Runs) -> Iterator[tuple[str, int, int]]:
    """Each task in turn: its name, its first run, and the run after its last.

    >>> table = pa.table({"task": ["s", "t", "t"], "trial_id": ["a", "a", "b"], "step": [1, 1, 1]})
    >>> list(spans(runs_of(table)))
    [('s', 0, 1), ('t', 1, 3)]
    """
    codes = runs.tasks.dictionary_encode()
    changes = np.flatnonzero(np.diff(codes.indices.to_numpy())) + 1
    bounds = np.concatenate([[0], changes, [len(runs)]]).tolist() if len(runs) else []
    for first, last in pairwise(bounds):
        yield runs.tasks[first].as_py(), first, last
