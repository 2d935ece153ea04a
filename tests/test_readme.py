"""The examples in the documents run, and the commands they give exist.

Every block of code in README.md, CONTRIBUTING.md and docs/ is run as a reader would: `python`
blocks as scripts, `bash` blocks with bash, each in an empty folder of its own with the project
importable. A comment in front of a block changes that:

    <!-- file: policy.yaml -->      save the block under this name; the other blocks find it there
    <!-- prints -->                 what the block before it prints, ... standing for anything
    <!-- not run: why -->           leave it alone, for a reason the reader may see

Blocks in any other language, and blocks without one, are pictures. Commands that are not run are
still held to what exists: the make target, the module after `python -m`, the file.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/clusters.md",
    "docs/curve_sets.md",
    "docs/faults.md",
    "docs/monitoring.md",
    "docs/privacy.md",
    "docs/tuning.md",
)
FENCED = re.compile(
    r"(?:^<!-- *(?P<note>file|prints|not run)(?:: *(?P<detail>[^>]*?))? *-->\n+)?"
    r"^```(?P<language>[\w-]*)[^\n]*\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RUNS_WITH = {"python": [sys.executable], "bash": ["bash", "-euo", "pipefail"]}


@dataclass(frozen=True)
class Block:
    """One fenced block of a document; `prints` is the output promised after it."""

    place: str
    language: str
    code: str
    note: str | None
    detail: str
    prints: str | None = None

    @property
    def runs(self) -> bool:
        return self.language in RUNS_WITH and self.note is None

    @property
    def uses_ray(self) -> bool:
        return re.search(r"\bray\b", self.code) is not None


def blocks_of(name: str) -> list[Block]:
    path = ROOT / name
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    matches = list(FENCED.finditer(text))
    found = []
    for match, after in zip_longest(matches, matches[1:]):
        promised = after["code"] if after is not None and after["note"] == "prints" else None
        line = text.count("\n", 0, match.start("code"))
        detail = match["detail"] or ""
        found.append(
            Block(
                f"{name}:{line}", match["language"], match["code"], match["note"], detail, promised
            )
        )
    return found


BLOCKS = [block for name in DOCUMENTS for block in blocks_of(name)]


def as_test(block: Block) -> object:
    return pytest.param(block, id=block.place, marks=[pytest.mark.ray] if block.uses_ray else [])


@pytest.mark.parametrize("block", [as_test(block) for block in BLOCKS if block.runs])
def test_the_block_runs(block: Block, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    for other in BLOCKS:
        if other.note == "file" and other.place.partition(":")[0] == block.place.partition(":")[0]:
            (tmp_path / other.detail).write_text(other.code, encoding="utf-8")
    script = tmp_path / "block"
    script.write_text(block.code, encoding="utf-8")
    environment = reader_environment(tmp_path)
    if block.uses_ray:  # of the tests: each would start one of its own, and its dashboard
        environment["RAY_ADDRESS"] = request.getfixturevalue("ray_address")
    done = subprocess.run(
        [*RUNS_WITH[block.language], str(script)],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        env=environment,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{block.place}\n{done.stdout}\n{done.stderr}"
    if block.prints is not None:
        promised, printed = (f"{text.strip()}\n" for text in (block.prints, done.stdout))
        same = doctest.OutputChecker().check_output(promised, printed, doctest.ELLIPSIS)
        assert same, f"{block.place} promises:\n{promised}\nand prints:\n{printed}"


def reader_environment(home: Path) -> dict[str, str]:
    """This process's environment with an empty home, this interpreter first, and the project."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "HOME": str(home), "PATH": path, "PYTHONPATH": str(ROOT)}


def test_a_block_that_is_not_run_says_why() -> None:
    assert [block.place for block in BLOCKS if block.note == "not run" and not block.detail] == []


def test_the_documents_show_a_run_example() -> None:
    assert any(block.runs and block.language == "python" for block in blocks_of("README.md"))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_name_what_exists(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:^|`|\$ )make ([a-z][\w-]*)", text, re.MULTILINE)) <= targets
    modules = set(re.findall(r"python -m ((?:experiments|benchmarks|tune_es)[\w.]*)", text))
    assert {each for each in modules if not exists(each)} == set()


def exists(module: str) -> bool:
    path = ROOT.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
