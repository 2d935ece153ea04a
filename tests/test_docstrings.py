"""The examples in the docstrings of tune_es do what they say."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "tune_es"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
#: What an extra installs; without it the modules that need it cannot be read.
EXTRAS = {
    "cyclopts",
    "lightning",
    "keras",
    "numba",
    "numpy",
    "optuna",
    "pandas",
    "pyarrow",
    "ray",
    "rich",
}


def dotted_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def with_examples() -> list[str]:
    """The modules that hold an example, found without importing any."""
    return [
        dotted_name(path) for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text()
    ]


@pytest.mark.parametrize("name", with_examples())
def test_docstrings_of(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRAS:
            raise
        pytest.skip(f"{name} needs {missing.name}")
    outcome = doctest.testmod(module, optionflags=OPTIONS, report=True)
    assert outcome.attempted > 0
    assert outcome.failed == 0
