"""The files that Ray Tune writes for a trial, read without Ray."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS, PARAMS = "result.json", "params.json"

Result = Mapping[str, Any]


@dataclass(frozen=True)
class RayTrial:
    """What a trial left behind.

    Args:
        trial_id: Ray's id of it; the name of the folder where no result says it.
        results: Its results in the order they were written.
        config: Its hyperparameters.
        cut_off: Lines of the results that a crash left incomplete.
    """

    trial_id: str
    results: list[Result]
    config: Mapping[str, Any]
    cut_off: list[int]


def read_trial(folder: Path) -> RayTrial:
    """The trial in a folder.

    Raises:
        ValueError: A file that is damaged in a way that no crash explains.
    """
    results, cut_off = read_results(folder / RESULTS)
    named = [str(result["trial_id"]) for result in results if "trial_id" in result]
    return RayTrial(
        named[-1] if named else folder.name, results, read_config(folder, results), cut_off
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
    except ValueError:
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
