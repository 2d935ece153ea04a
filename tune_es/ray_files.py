"""The files that Ray Tune writes for a trial, read without Ray."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tune_es.reading import SEPARATOR, flat_items, read_number

RESULTS, PARAMS, TABLE = "result.json", "params.json", "progress.csv"
ITERATIONS = "training_iteration"
#: What Ray keeps the trials of an experiment in: a file for every time that it was restored.
STATE = "experiment_state-*.json"

#: What Ray puts into a result: no metrics of the training.
BOOKKEEPING = frozenset(
    {
        "date", "done", "episodes_total", "experiment_id", "experiment_tag", "hostname",
        "iterations_since_restore", "node_ip", "pid", "should_checkpoint", "time_since_restore",
        "time_this_iter_s", "time_total_s", "timestamp", "timesteps_since_restore",
        "timesteps_this_iter", "timesteps_total", "training_iteration", "trial_id",
        "warmup_time", "checkpoint_dir_name",
    }
)  # fmt: skip
#: Under which Ray and this package put what they have to say.
NO_METRICS = frozenset({"config", "es", "perf"})

Result = Mapping[str, Any]


@dataclass(frozen=True)
class RayTrial:
    """What a trial left behind.

    Args:
        trial_id: Ray's id of it; the name of the folder where no result says it.
        results: Its results in the order they were written.
        config: Its hyperparameters.
        cut_off: Lines of the results that a crash left incomplete.
        refilled: How many results were lost from the file and found in the table.
    """

    trial_id: str
    results: list[Result]
    config: Mapping[str, Any]
    cut_off: list[int]
    refilled: int = 0


def read_trial(folder: Path) -> RayTrial:
    """The trial in a folder.

    Raises:
        ValueError: A file that is damaged in a way that no crash explains.
    """
    written, cut_off = read_results(folder / RESULTS)
    results = list(_refilled(written, _read_table(folder / TABLE)))
    named = [str(result["trial_id"]) for result in written if "trial_id" in result]
    return RayTrial(
        named[-1] if named else folder.name,
        results,
        read_config(folder, results),
        cut_off,
        len(results) - len(written),
    )


def read_results(path: Path) -> tuple[list[Result], list[int]]:
    """The results in a file of JSON lines, and the numbers of the lines that were cut off.

    A crash ends the file in the middle of a line, and the restored trial writes on where it ends:
    the rest of such a line is a result.
    """
    results: list[Result] = []
    cut_off: list[int] = []
    lines = path.read_bytes().split(b"\n") if path.is_file() else []
    for number, line in enumerate(lines, 1):
        if not line.strip(b" \r\t\0"):
            continue
        result = _parsed(line)
        if result is None:
            cut_off.append(number)
            result = _after_the_cut(line)
            if result is None and number < len(lines):
                where = f"{path.parent.name}/{path.name} line {number}"
                raise ValueError(f"{where}: a result must be a JSON object, got {line[:60]!r}")
        if result is not None:
            results.append(result)
    return results, cut_off


def _parsed(line: bytes) -> Result | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _after_the_cut(line: bytes) -> Result | None:
    """The result that ends a line whose beginning was cut off."""
    start = line.find(b"{", 1)
    while start > 0:
        if (found := _parsed(line[start:])) is not None:
            return found
        start = line.find(b"{", start + 1)
    return None


def read_config(folder: Path, results: list[Result]) -> Mapping[str, Any]:
    """The hyperparameters: from ``params.json``, or from the last result that has them."""
    path = folder / PARAMS
    if path.is_file() and (found := _parsed(path.read_bytes())) is not None:
        return found
    inside = [result["config"] for result in results if isinstance(result.get("config"), dict)]
    return inside[-1] if inside else {}


def _refilled(results: list[Result], table: Mapping[int, Result]) -> Iterator[Result]:
    """The results with those that are missing between two and at the end.

    When a paused trial goes on, Ray puts the copy of the file that it uploaded last in the place
    of the file: what was written since is lost. It does not do so with the table.
    """
    before = 0
    for result in results:
        at = result.get(ITERATIONS)
        if isinstance(at, int):
            yield from (table[lost] for lost in range(before + 1, at) if lost in table)
            before = at
        yield result
    if results:
        yield from (table[lost] for lost in sorted(table) if lost > before)


def _read_table(path: Path) -> Mapping[int, Result]:
    """The results in the table by their iteration, the last of each; numbers and flags are read."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        rows = [
            {key: _value(text) for key, text in row.items() if key} for row in csv.DictReader(file)
        ]
    found = [(row.get(ITERATIONS), row) for row in rows]
    return {at: row for at, row in found if isinstance(at, int)}


def _value(text: str | None) -> object:
    """What a cell says; a word stays a word."""
    if not text:
        return None
    if text in ("True", "False"):
        return text == "True"
    try:
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def metrics_of(result: Mapping[str, object]) -> dict[str, float]:
    """The numbers that the training itself reported, nested keys joined with a slash.

    >>> metrics_of({"val": {"loss": 0.5, "by": "hand"}, "pid": 7, "es": {"code": 3}, "es/best": 1})
    {'val/loss': 0.5}
    """
    told = {
        key: value
        for key, value in result.items()
        if key not in BOOKKEEPING
        and not (isinstance(key, str) and key.partition(SEPARATOR)[0] in NO_METRICS)
    }
    numbers = ((name, read_number(value)) for name, value in flat_items(told))
    return {name: number for name, number in numbers if number is not None}


Known = Mapping[str, Mapping[str, object]]


def read_state(folder: Path) -> Known:
    """What Ray's last saved state says of every trial, by its id; empty where it says nothing."""
    files = sorted(folder.glob(STATE))
    try:
        data = json.loads(files[-1].read_text(encoding="utf-8")) if files else {}
        trials = [json.loads(each[0]) for each in data.get("trial_data", ())]
        return {each["trial_id"]: each for each in trials}
    except (ValueError, LookupError, TypeError, AttributeError):  # of a Ray that keeps it otherwise
        return {}
