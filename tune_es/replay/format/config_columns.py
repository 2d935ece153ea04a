"""Hyperparameters as columns: one row a trial, one column a name, the types kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tune_es.reading import flat_items

Config = Mapping[str, Any]

#: Marks a column of JSON: values of several types, lists, and None.
AS_JSON = {b"tune_es": b"json"}
#: A hyperparameter with the name of a key column is stored under this prefix.
PREFIX = "config/"
CONFIG_KEYS = ("task", "trial_id")

_ABSENT = object()
_LARGEST_EXACT = 2**53
_LARGEST_INT64 = 2**63 - 1


def flatten(config: Config) -> dict[str, Any]:
    """One level of keys, joined with a slash as Ray does it.

    Raises:
        ValueError: Two values end up under one name.

    >>> flatten({"lr": 0.1, "model": {"width": 8}})
    {'lr': 0.1, 'model/width': 8}
    """
    flat: dict[str, Any] = {}
    for name, value in flat_items(config):
        if name in flat:
            raise ValueError(f"two values are called {name!r} once the levels are joined")
        flat[name] = value
    return flat


def configs_table(rows: Sequence[tuple[str, str, Config]]) -> Any:
    """A table of task, trial and hyperparameters; nested ones are flattened.

    Raises:
        ValueError: A value that is no number, word, true or false, None, or list of those.
    """
    flat = [_named_apart(task, trial, config) for task, trial, config in rows]
    names = sorted({name for config in flat for name in config})
    table = pa.table(
        {
            "task": pa.array([task for task, _, _ in rows], pa.string()),
            "trial_id": pa.array([trial for _, trial, _ in rows], pa.string()),
        }
    )
    for name in names:
        cells = [config.get(name, _ABSENT) for config in flat]
        table = table.append_column(*_column(name, cells))
    return table


def configs_of(table: Any) -> dict[tuple[str, str], dict[str, Any]]:
    """The hyperparameters of every task and trial; a missing one has no key.

    >>> table = configs_table([("t", "a", {"lr": 0.1}), ("t", "b", {"layers": [1, 2]})])
    >>> configs_of(table)
    {('t', 'a'): {'lr': 0.1}, ('t', 'b'): {'layers': [1, 2]}}
    """
    tasks, trials = (table[key].cast(pa.string()).to_pylist() for key in CONFIG_KEYS)
    found: dict[tuple[str, str], dict[str, Any]] = {
        key: {} for key in zip(tasks, trials, strict=True)
    }
    for field in table.schema:
        if field.name not in CONFIG_KEYS:
            name = field.name.removeprefix(PREFIX)
            name = name if name in CONFIG_KEYS else field.name
            for key, cell in zip(found, cells_of(table, field), strict=True):
                if cell is not _ABSENT:
                    found[key][name] = cell
    return found


def joined(tables: Sequence[Any]) -> Any:
    """Several tables of hyperparameters as one; columns whose types differ are encoded anew."""
    if not tables:
        return configs_table([])
    keys = pa.concat_tables([table.select(CONFIG_KEYS) for table in tables])
    for name in sorted({name for table in tables for name in table.column_names}):
        if name not in CONFIG_KEYS:
            keys = keys.append_column(*_joined_column(name, tables))
    return keys


def _joined_column(name: str, tables: Sequence[Any]) -> tuple[Any, Any]:
    fields = [field for table in tables if (field := _field(table, name)) is not None]
    if len({(field.type, is_json(field)) for field in fields}) == 1:
        field = fields[0]
        pieces = [
            table[name] if name in table.column_names else pa.nulls(len(table), field.type)
            for table in tables
        ]
        chunks = [chunk for piece in pieces for chunk in getattr(piece, "chunks", [piece])]
        return field, pa.chunked_array(chunks, field.type)
    return _column(name, [cell for each in tables for cell in cells_of(each, _field(each, name))])


def _field(table: Any, name: str) -> Any:
    return table.schema.field(name) if name in table.column_names else None


def is_json(field: Any) -> bool:
    """Whether a column holds JSON that this package wrote."""
    return (field.metadata or {}).get(b"tune_es") == b"json"


def cells_of(table: Any, field: Any) -> Iterator[Any]:
    """The values of a column; absent where the trial has none."""
    if field is None:
        yield from [_ABSENT] * len(table)
        return
    for cell in table[field.name].to_pylist():
        if cell is None:
            yield _ABSENT
        else:
            yield json.loads(cell) if is_json(field) else cell


def _named_apart(task: str, trial: str, config: Config) -> dict[str, Any]:
    """Flat, of plain Python types, and with no name of a key column."""
    try:
        flat = {name: _plain(value) for name, value in flatten(config).items()}
        json.dumps(flat)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"task {task!r}, trial {trial!r}: the hyperparameters must be numbers, words, true or "
            f"false, None, or lists of those: {error}"
        ) from None
    return {PREFIX + name if name in CONFIG_KEYS else name: cell for name, cell in flat.items()}


def _plain(value: Any) -> Any:
    """A NumPy scalar or array as Python's own; anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def _column(name: str, cells: Iterable[Any]) -> tuple[Any, Any]:
    listed = list(cells)
    kind = _kind([cell for cell in listed if cell is not _ABSENT])
    if kind is None:
        texts = [None if cell is _ABSENT else json.dumps(cell) for cell in listed]
        return pa.field(name, pa.string(), metadata=AS_JSON), pa.array(texts, pa.string())
    values = [None if cell is _ABSENT else cell for cell in listed]
    return pa.field(name, kind), pa.array(values, kind)


def _kind(cells: Sequence[Any]) -> Any:
    """The Arrow type that keeps these values as they are; None where only JSON does."""
    types = {type(cell) for cell in cells}
    whole = [cell for cell in cells if type(cell) is int]
    if types == {int}:
        return pa.int64() if all(abs(cell) <= _LARGEST_INT64 for cell in whole) else None
    if types <= {int, float} and all(abs(cell) <= _LARGEST_EXACT for cell in whole):
        return pa.float64()
    return {frozenset({str}): pa.string(), frozenset({bool}): pa.bool_()}.get(frozenset(types))
