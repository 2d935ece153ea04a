"""Rules about the text of the project that no linter of ours knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import OURS, project_files, python_files, tree_of, where

LONGEST_FILE = 250
LONGEST_FUNCTION = 40

#: Absolute paths of somebody's machine, addresses of package hosts, and unfinished work; the
#: brackets keep these patterns from finding themselves.
MACHINE = re.compile(
    r"(?<![\w.~-])/(?:home|opt|root|work|Users|mnt)/\w"
    r"|file:[/]{2}|pypi[.]org|python[h]osted|download[.]pytorch"
)
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X])\b|# no[q]a|type: igno[r]e")


def text_files() -> list[Path]:
    return [path for path in project_files() if b"\0" not in path.read_bytes()[:4096]]


def hits(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    """Every line of these files in which the pattern is found."""
    return [
        f"{where(path, number)}: {line.strip()[:100]}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def functions(path: Path) -> Iterator[tuple[ast.FunctionDef | ast.AsyncFunctionDef, int]]:
    """Every function with the number of lines of its body, its docstring left out."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[1 if ast.get_docstring(node) and len(node.body) > 1 else 0]
            yield node, (node.end_lineno or 0) - first.lineno + 1


def is_broad(handler: ast.ExceptHandler) -> bool:
    caught = [handler.type] if not isinstance(handler.type, ast.Tuple) else handler.type.elts
    broad = {"Exception", "BaseException"}
    return any(each is None or (isinstance(each, ast.Name) and each.id in broad) for each in caught)


def test_no_file_names_a_machine_or_a_package_host() -> None:
    assert hits(MACHINE, text_files()) == []


def test_nothing_is_left_unfinished_and_no_linter_is_silenced() -> None:
    assert hits(UNFINISHED, python_files(*OURS, "tests")) == []


def test_no_file_of_the_package_is_long() -> None:
    lengths = {
        where(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in python_files("tune_es")
    }
    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_no_function_is_long() -> None:
    found = [
        f"{where(path, node.lineno)} {node.name}: {length} lines"
        for path in python_files(*OURS)
        for node, length in functions(path)
        if length > LONGEST_FUNCTION
    ]
    assert found == []


def test_the_package_prints_nothing_and_catches_nothing_blindly() -> None:
    found = [
        where(path, node.lineno)
        for path in python_files("tune_es")
        for node in ast.walk(tree_of(path))
        if (isinstance(node, ast.ExceptHandler) and is_broad(node))
        or (isinstance(node, ast.Call) and ast.unparse(node.func) == "print")
    ]
    assert found == []
