"""What commands print: tables and JSON on standard output, progress on standard error."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

#: An option that is there or not.
Flag = Annotated[bool, Parameter(negative=())]


def show_table(table: Table) -> None:
    """A table on standard output, as wide as the terminal."""
    Console().print(table)


def show_json(data: Any) -> None:
    """Plain data or records as JSON on standard output; NaN and infinities become null."""
    sys.stdout.write(json.dumps(_plain(data), indent=2, ensure_ascii=False) + "\n")


def say(text: str) -> None:
    """A line on standard output."""
    sys.stdout.write(f"{text}\n")


def write_file(path: Path, text: str) -> None:
    """Write a file as a whole: who looks at it meanwhile sees the old one or the new one.

    Raises:
        OSError: It cannot be written; what was there stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        half.write_text(text, encoding="utf-8")
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def warn(text: str) -> None:
    """A line on standard error."""
    Console(stderr=True).print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar on standard error where that is a terminal; the function given moves it on."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    if not console.is_terminal:  # rich before 14.3 ends a bar that is not shown with an empty line
        yield lambda done: None
        return
    with Progress(*columns, console=console) as bars:
        task = bars.add_task(what, total=total)
        yield lambda done: bars.advance(task, done)


def _plain(data: Any) -> Any:
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {each.name: _plain(getattr(data, each.name)) for each in dataclasses.fields(data)}
    if isinstance(data, dict):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_plain(value) for value in data]
    if isinstance(data, float):
        return data if math.isfinite(data) else None
    return data if isinstance(data, (str, int, type(None))) else repr(data)
