"""The rooms of the package and the arrows between them: nothing points up.

A new module fails here until it is given a room; that is the moment to ask where it belongs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Container
from pathlib import Path

import pytest

from tests.architecture.tree import OURS, PACKAGE, ROOT, imports_of, python_files, where

#: A room is a module or a folder of tune_es. Each may import the rooms named here.
ARROWS: dict[str, set[str]] = {
    "checks": set(),
    "records": {"checks"},
    "signals": {"records", "checks"},
    "cohort": {"records", "checks"},
    "criteria": {"cohort", "signals", "records", "checks"},
    "curve": {"criteria", "cohort", "records", "checks"},
    "promotion": {"records", "checks"},
    "spec": {"criteria", "promotion", "signals", "checks"},
    "params": {"spec", "criteria", "checks"},
    "reading": {"records", "checks"},
    "utility": {"records", "checks"},
    "documents": set(),
    "certificate": {"documents", "signals", "checks"},
    "policy_checks": {"checks"},
    "policy": {
        "params", "policy_checks", "promotion", "spec", "certificate", "documents", "reading",
        "utility",
        "criteria", "cohort", "signals", "records", "checks",
    },
    "packing": {"records"},
    "life": {"policy", "packing", "cohort", "records"},
    "promoted": {"policy", "promotion", "records"},
}  # fmt: skip
PURE = set(ARROWS)
ARROWS["referee"] = PURE
CORE = PURE | {"referee", "__init__"}
ARROWS["__init__"] = PURE | {"referee"}
ARROWS["ray_files"] = {"reading"}
ARROWS["monitoring"] = CORE | {"ray_files"}
ARROWS["replay"] = CORE | {"ray_files"}
ARROWS["integrations"] = CORE | {"monitoring"}
ARROWS["search"] = CORE
ARROWS["privacy"] = CORE
ARROWS["ray"] = CORE | {"monitoring", "ray_files", "search"}
ARROWS["report"] = CORE | {"monitoring", "ray_files", "replay"}
ARROWS["meta"] = CORE | {"monitoring", "replay", "ray"}
ARROWS["cli"] = set(ARROWS)

#: What each room may import from outside the standard library; a room not named here: nothing.
BORROWED: dict[str, set[str]] = {
    "documents": {"yaml"},
    "ray": {"optuna", "pyarrow", "ray"},
    "search": {"optuna"},
    "integrations": {"keras", "lightning", "pytorch_lightning", "ray", "torch", "transformers"},
    "replay": {"numba", "numpy", "optuna", "pandas", "pyarrow", "yaml"},
    "report": {"bokeh", "jinja2", "matplotlib", "numpy"},
    "privacy": {"dp_accounting", "scipy"},
    "meta": {"numpy", "optuna", "ray", "scipy", "sqlalchemy"},
    "cli": {"cyclopts", "optuna", "rich", "sqlalchemy"},
}

#: A clock, chance, or the world outside.
IMPURE = {
    "asyncio", "concurrent", "datetime", "io", "logging", "multiprocessing", "os", "random",
    "secrets", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time",
    "urllib", "uuid",
}  # fmt: skip

ABOVE = set(OURS) - {"tune_es"}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def room_named(dotted: str) -> str:
    """The room of `tune_es.room.module.name`; `__init__` where a name of tune_es is meant."""
    first = [*dotted.split("."), ""][1]
    is_room = (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").is_file()
    return first if first and is_room else "__init__"


def offenders(allowed: Callable[[str, str], bool], rooms: Container[str] = ARROWS) -> list[str]:
    """Every import in these rooms that `allowed(room, dotted name)` refuses."""
    return [
        f"{where(path, line)} imports {name}"
        for path in python_files("tune_es")
        for line, name in imports_of(path)
        if room_of(path) in rooms and not allowed(room_of(path), name)
    ]


def top(dotted: str) -> str:
    return dotted.partition(".")[0]


def test_every_module_has_a_room() -> None:
    assert {where(path) for path in python_files("tune_es") if room_of(path) not in ARROWS} == set()


def test_nothing_points_up() -> None:
    def downward(room: str, name: str) -> bool:
        return top(name) != "tune_es" or room_named(name) in ARROWS[room] | {room}

    assert offenders(downward) == []
    assert offenders(lambda _, name: top(name) not in ABOVE) == []


def test_each_room_borrows_only_what_it_is_for() -> None:
    ours_and_pythons = sys.stdlib_module_names | {"tune_es"}

    def borrowed(room: str, name: str) -> bool:
        return top(name) in ours_and_pythons | BORROWED.get(room, set())

    assert offenders(borrowed) == []


def test_the_core_has_no_clock_no_chance_and_no_world() -> None:
    assert offenders(lambda _, name: top(name) not in IMPURE, CORE) == []


def test_the_arrows_make_no_circle() -> None:
    heights: dict[str, int] = {}
    while len(heights) < len(ARROWS):
        ready = {room for room in ARROWS if room not in heights and ARROWS[room] <= set(heights)}
        assert ready, f"these rooms import one another: {sorted(set(ARROWS) - set(heights))}"
        heights.update(dict.fromkeys(ready, len(heights)))


def test_coverage_is_asked_of_the_whole_core() -> None:
    toml = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    asked = toml.loads((ROOT / "pyproject.toml").read_text())["tool"]["coverage"]["report"]
    assert {Path(each).parts[1].removesuffix(".py") for each in asked["include"]} == CORE
