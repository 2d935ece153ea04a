"""The embedded default task: which library does this docstring document?

The texts are the docstrings of the standard library, numpy, pandas, optuna and ray as they are
installed here. Their source files are parsed, never imported. What gives the answer away (names of
the libraries, their usual aliases, import lines) is masked, repeated texts are dropped, and each
module belongs to one split only.

The texts depend on the installed versions, so numbers measured on this task compare only where
`fingerprint` is the same.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import platform
import re
import sysconfig
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

from experiments.extras import require
from experiments.finetune.cache import cached_text
from experiments.finetune.data import Split, Task

LIBRARIES = ("stdlib", "numpy", "pandas", "optuna", "ray")
TRAIN_ROWS, EVAL_ROWS = 150, 40
"""Most rows per library in the training split, and in each of the other two."""

ROWS_PER_MODULE = 4
"""Few, so that a split of a library is not made of one corner of it."""

MIN_CHARS, MAX_CHARS = 40, 400
MASK = "lib"
TESTS = frozenset({"test", "tests", "testing", "idlelib", "lib2to3", "turtledemo"})
NOT_THEIRS = frozenset(
    {"site-packages", "dist-packages", "ensurepip", "_vendored", "vendored", "cloudpickle"}
    | {"thirdparty", "thirdparty_files"}
)
"""Folders of code that a library carries but did not write."""

IMPORT_LINE = re.compile(
    r"^[ \t]*(?:>>>|\.\.\.)?[ \t]*(?:import[ \t]+[\w.]+(?:[ \t]+as[ \t]+\w+)?"
    r"(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*|from[ \t]+[\w.]+[ \t]+import[ \t].*)[ \t]*$",
    re.MULTILINE,
)
VERSION_LINE = re.compile(
    r"^[ \t]*\.\. *(?:versionadded|versionchanged|deprecated).*$", re.MULTILINE
)
LONG_NAMES = re.compile(r"numpy|pandas|optuna|rllib|stdlib|c?python", re.IGNORECASE)
SHORT_NAMES = re.compile(
    r"(?<![A-Za-z])(?:ray|np|pd|NP|PD)(?![a-z])|(?<![A-Z])Ray(?![a-z])|(?<![A-Za-z])RAY(?![A-Za-z])"
)

Rows = dict[str, list[tuple[str, str]]]
"""Per library, (module, text) in an order that depends on nothing but the texts' origin."""


def load(argument: str = "", seed: int = 0) -> Task:
    """The task, from the cache or built in a few seconds. Takes no argument; the seed is unused."""
    del seed
    if argument:
        raise ValueError(f"docstrings: takes nothing after the colon, got {argument!r}")
    require("demo", *(name for name in LIBRARIES if name != "stdlib"))
    name = f"docstrings-{fingerprint()}.json"
    return _task(json.loads(cached_text(name, lambda: json.dumps(build()))))


def fingerprint() -> str:
    """Changes with this builder and with the version of any library whose docstrings are used."""
    versions = [version(name) for name in LIBRARIES if name != "stdlib"]
    builder = Path(__file__).read_bytes()
    told = "|".join([platform.python_version(), *versions]).encode()
    return hashlib.sha256(builder + told).hexdigest()[:16]


def build() -> Rows:
    """The rows of every library, without texts that occur twice or in two libraries."""
    rows = {library: list(_rows(library)) for library in LIBRARIES}
    owners: dict[str, set[str]] = {}
    for library, found in rows.items():
        for _, text in found:
            owners.setdefault(key(text), set()).add(library)
    return {library: _unique(found, owners) for library, found in rows.items()}


def split_of(rows: Rows) -> Iterator[tuple[str, str, str, str]]:
    """(split, library, module, text): whole modules in order fill test, validation, train."""
    for library, found in rows.items():
        room = {"test": EVAL_ROWS, "validation": EVAL_ROWS, "train": TRAIN_ROWS}
        parts = iter(room)
        part, module = next(parts), ""
        for name, text in found:
            if name != module and not room[part]:
                part = next(parts, "")
            module = name
            if not part:
                break
            if room[part]:
                room[part] -= 1
                yield part, library, name, text


def clean(text: str) -> str:
    r"""The docstring on one line, what names the library masked, cut to `MAX_CHARS`.

    >>> clean("Like np.sum, see numpy_array and RayTaskError.\n>>> import numpy as np\nan array")
    'Like lib.sum, see lib_array and libTaskError. an array'
    """
    text = VERSION_LINE.sub("", IMPORT_LINE.sub("", text))
    text = SHORT_NAMES.sub(MASK, LONG_NAMES.sub(MASK, text))
    return " ".join(text.split())[:MAX_CHARS]


def key(text: str) -> str:
    """What two texts share when one is a copy of the other: their letters at the beginning."""
    return re.sub(r"[^a-z]+", " ", text.lower()).strip()[:120]


def _task(rows: Rows) -> Task:
    parts: dict[str, list[tuple[str, int]]] = {"train": [], "validation": [], "test": []}
    for part, library, _, text in split_of(rows):
        parts[part].append((text, LIBRARIES.index(library)))
    splits = {
        part: Split(tuple(text for text, _ in found), tuple(label for _, label in found))
        for part, found in parts.items()
    }
    return Task("docstrings", LIBRARIES, **splits)


def _rows(library: str) -> Iterator[tuple[str, str]]:
    """Rows of the modules in a shuffled but fixed order, until there are plenty."""
    wanted = 2 * (TRAIN_ROWS + 2 * EVAL_ROWS)
    root = _root(library)
    modules = sorted(_modules(root), key=lambda name: hashlib.sha256(name.encode()).digest())
    rows = (
        (name, text) for name in modules for text in islice(_texts(root / name), ROWS_PER_MODULE)
    )
    return islice(rows, wanted)


def _modules(root: Path) -> Iterator[str]:
    """Source files below the folder, tests and the code of others left out."""
    for folder, inner, names in os.walk(root):
        inner[:] = set(inner) - TESTS - NOT_THEIRS
        base = Path(folder).relative_to(root)
        yield from ((base / name).as_posix() for name in names if name.endswith(".py"))


def _root(library: str) -> Path:
    if library == "stdlib":
        return Path(sysconfig.get_path("stdlib"))
    spec = find_spec(library)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"docstrings: {library} is not an installed package")
    return Path(next(iter(spec.submodule_search_locations)))


def _texts(path: Path) -> Iterator[str]:
    """Masked docstrings of one source file; none where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = clean(ast.get_docstring(node) or "")
            if len(text) >= MIN_CHARS:
                yield text


def _unique(rows: list[tuple[str, str]], owners: dict[str, set[str]]) -> list[tuple[str, str]]:
    seen: set[str] = set()
    kept = []
    for module, text in rows:
        mark = key(text)
        if len(owners[mark]) == 1 and mark not in seen:
            seen.add(mark)
            kept.append((module, text))
    return kept
