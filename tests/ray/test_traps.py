"""TRAPS.md names tests that exist, and every test file here is named in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMED = set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", (HERE / "TRAPS.md").read_text()))


def found_in(path: Path) -> set[tuple[str, str]]:
    body = ast.parse(path.read_text()).body
    names = [each.name for each in body if isinstance(each, ast.FunctionDef)]
    return {(path.name, name) for name in names if name.startswith("test_")}


def test_every_test_that_is_named_exists() -> None:
    existing = set().union(*map(found_in, HERE.glob("test_*.py")))
    assert sorted(NAMED - existing) == []


def test_every_file_of_tests_is_named() -> None:
    files = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}
    assert files == {name for name, _ in NAMED}
