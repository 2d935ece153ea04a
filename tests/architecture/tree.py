"""The files of this project and what they import, read without running anything."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tune_es"
OURS = ("tune_es", "search_spaces", "experiments", "benchmarks")


@cache
def project_files() -> tuple[Path, ...]:
    """What git tracks or would track; every file where the sources came without git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
        text=True,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _hidden_or_built(path.relative_to(ROOT))]
    return tuple(sorted(path for path in found if path.is_file()))


def _hidden_or_built(path: Path) -> bool:
    built = {"__pycache__", "build", "dist"}
    return any(part.startswith(".") or part in built for part in path.parts)


def python_files(*folders: str) -> list[Path]:
    """The Python files of the project under these top-level folders."""
    return [
        path
        for path in project_files()
        if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders
    ]


@cache
def tree_of(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything a file imports, wherever in the file it does so.

    `from a import b` gives `a.b`: whether `b` is a module or a name of `a` makes no difference to
    the rooms, which are decided by the first parts.
    """
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def where(path: Path, line: int | None = None) -> str:
    """A place in the project as an editor opens it."""
    name = path.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"
