"""The examples in the docstrings do what they say."""

from __future__ import annotations

import doctest
import importlib
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tune_es", "experiments")
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
    "scipy",
}


def dotted_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def with_examples() -> list[str]:
    """The modules that hold an example, found without importing any."""
    return [
        dotted_name(path)
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if ">>> " in path.read_text()
    ]


@pytest.mark.parametrize("name", with_examples())
def test_docstrings_of(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # What an example sets up for a sweep that never comes is taken back.
    monkeypatch.setenv("RAY_TUNE_CALLBACKS", os.environ.get("RAY_TUNE_CALLBACKS", ""))
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name not in EXTRAS:
            raise
        pytest.skip(f"{name} needs {missing.name}")
    outcome = doctest.testmod(module, optionflags=OPTIONS, report=True)
    assert outcome.attempted > 0
    assert outcome.failed == 0
