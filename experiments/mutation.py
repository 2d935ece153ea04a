"""Which tests notice when a criterion is wrong: mutants of tune_es/criteria, tried in forks.

mutmut makes the mutants: one operator, number, name, argument or text is changed in each. Its own
runner collects the tests again for every mutant, in 0.8 seconds. Here they are collected once, each
mutant's code is put into the function it is made of, in a fork, and only the tests that reach this
function are run, the quickest first, until one fails.

    python -m experiments.mutation --found mutants.jsonl
    python -m experiments.mutation --found mutants.jsonl --tests tests/contract tests/oracle
    python -m experiments.mutation --found mutants.jsonl --diffs

A mutant that the file says was killed is not tried again, so the second line tries what survived
the first on more tests; the third shows what is left. mutmut has to be installed for it (3.8), with
``source_paths = ["tune_es"]`` under ``[tool.mutmut]``.
"""

from __future__ import annotations

import argparse
import difflib
import functools
import gc
import importlib
import json
import os
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import Phase, settings

from experiments.provenance import machine, versions

ROOT = Path(__file__).resolve().parent.parent
CRITERIA = ROOT / "tune_es" / "criteria"
#: The tests that are tried where none are named; what survives these may be tried on slower ones.
TESTS = ("tests/unit/criteria", "tests/unit/test_defaults.py", "tests/test_docstrings.py")
#: CPU seconds after which a mutant that goes on for ever is counted as noticed.
PATIENCE_S = 60


@dataclass(frozen=True)
class Mutant:
    """One changed function: where it is, which mutant, the difference, what runs instead."""

    file: str
    function: str
    diff: str
    target: FunctionType
    changed: FunctionType

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is known by from one run to the next."""
        return self.file, self.function, self.diff

    def install(self) -> None:
        """Everyone who holds the function calls the changed one from here on."""
        self.target.__code__ = self.changed.__code__
        self.target.__defaults__ = self.changed.__defaults__
        self.target.__kwdefaults__ = self.changed.__kwdefaults__


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of the functions of a file; properties are among them."""
    generator = importlib.import_module("mutmut.mutation.file_mutation")
    module = importlib.import_module(f"tune_es.criteria.{path.stem}")
    lines = path.read_text(encoding="utf-8").splitlines()
    plain = [line for line in lines if line.strip() not in {"@property", "@cached_property"}]
    made = generator.mutate_file_contents(path.name, "\n".join(plain) + "\n")
    twin = ModuleType(f"{module.__name__}__mutants")
    sys.modules[twin.__name__] = twin
    exec(compile(made.code, str(path), "exec"), vars(twin))
    text: list[str] = made.code.splitlines()

    def source(name: str) -> list[str]:
        span = made.line_span_by_function_name[name]
        return text[span.start - 1 : span.end]

    for name in made.mutant_names:
        mangled, _, number = name.rpartition("_")
        function = mangled.removesuffix("__mutmut").removeprefix("x")
        *owner, bare = function.strip("ǁ").split("ǁ") if "ǁ" in function else [function[1:]]
        before, after = source(f"{mangled}_orig"), source(name)
        difference = [
            line
            for line in difflib.unified_diff(before, after, n=0, lineterm="")
            if line[:1] in "+-" and "__mutmut_" not in line and line[:3] not in {"+++", "---"}
        ]
        yield Mutant(
            path.name,
            f"{'.'.join([*owner, bare])} {number}",
            "\n".join(difference),
            _function(module, *owner, bare),
            _function(twin, *owner, name),
        )


def _function(module: ModuleType, *path: str) -> FunctionType:
    found: Any = functools.reduce(lambda holder, name: vars(holder)[name], path, module)
    for inside in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, inside, found)
    if not isinstance(found, FunctionType):
        raise TypeError(f"{'.'.join(path)} in {module.__name__} is not a function: {found!r}")
    return found


class Trial:
    """A pytest plugin that tries mutants instead of running the tests."""

    def __init__(self, mutants: list[Mutant], report: Callable[[Mutant, str], None]) -> None:
        self._mutants = mutants
        self._report = report
        self._failed = False

    def pytest_sessionstart(self) -> None:
        """The same examples each time, and none is made smaller once it has failed."""
        settings.register_profile(
            "mutants",
            settings.get_profile("ci"),
            database=None,
            phases=(Phase.explicit, Phase.generate),
        )
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        watched = {mutant.target.__code__ for mutant in self._mutants}
        reaching = self._who_reaches(session.items, watched)
        gc.freeze()
        for mutant in self._mutants:
            items = reaching[mutant.target.__code__]
            self._report(mutant, self._try(mutant, items) if items else "no test")
        return True

    def _who_reaches(
        self, items: list[pytest.Item], watched: set[CodeType]
    ) -> dict[CodeType, list[pytest.Item]]:
        """The tests that call each function, the quickest first."""
        reached: dict[CodeType, list[tuple[float, int]]] = defaultdict(list)
        for at, item in enumerate(items):
            called: set[CodeType] = set()
            start = time.process_time()
            sys.setprofile(lambda frame, *_, add=called.add: add(frame.f_code))
            failed = self._fails(item)
            sys.setprofile(None)
            if failed:
                raise pytest.UsageError(f"{item.nodeid} fails without a mutant")
            for code in called & watched:
                reached[code].append((time.process_time() - start, at))
        return defaultdict(
            list, {code: [items[at] for _, at in sorted(found)] for code, found in reached.items()}
        )

    def _fails(self, item: pytest.Item) -> bool:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        return self._failed

    def _try(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        child = os.fork()
        if child:
            _, status = os.waitpid(child, 0)
            if os.WIFSIGNALED(status):
                return "timeout"
            return "killed" if os.WEXITSTATUS(status) else "survived"
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (PATIENCE_S, PATIENCE_S))
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            mutant.install()
            noticed = any(self._fails(item) for item in items)
            os._exit(int(noticed))
        finally:
            os._exit(2)


def main() -> None:
    """Tries the mutants of the named files, or of all, and prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", help="names of files of tune_es/criteria; all if none")
    parser.add_argument("--found", type=Path, required=True, help="what became of each, JSON lines")
    parser.add_argument("--tests", nargs="+", default=TESTS, help="files or folders of tests")
    parser.add_argument("--diffs", action="store_true", help="only show what survived")
    options = parser.parse_args()
    known: dict[tuple[str, str, str], str] = {}
    if options.found.exists():
        for line in options.found.read_text(encoding="utf-8").splitlines():
            *key, outcome = json.loads(line)
            known[tuple(key)] = outcome
    paths = [CRITERIA / name for name in options.files] or sorted(CRITERIA.glob("*.py"))
    mutants = [mutant for path in paths for mutant in mutants_of(path)]
    if not options.diffs:
        left = [each for each in mutants if known.get(each.key) not in {"killed", "timeout"}]
        with options.found.open("a", encoding="utf-8") as file:

            def report(mutant: Mutant, outcome: str) -> None:
                known[mutant.key] = outcome
                file.write(json.dumps([*mutant.key, outcome]) + "\n")
                file.flush()

            run(left, report, options.tests)
    show(mutants, known, diffs=options.diffs)


def run(mutants: list[Mutant], report: Callable[[Mutant, str], None], tests: Sequence[str]) -> None:
    """Tries each mutant on those of these tests that reach it."""
    os.environ.setdefault("HYPOTHESIS_PROFILE", "ci")
    os.chdir(ROOT)
    code = pytest.main(
        [
            *tests, "-k", "not docstrings or criteria",
            "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "faulthandler_timeout=0",
            "-W", "ignore::pytest.PytestAssertRewriteWarning", "-m", "not ray and not slow",
        ],
        plugins=[Trial(mutants, report)],
    )  # fmt: skip
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        raise SystemExit(int(code))


def show(mutants: list[Mutant], known: dict[tuple[str, str, str], str], diffs: bool) -> None:
    """The table, a line a file, and what survived."""
    outcomes = ("killed", "timeout", "survived", "no test", "not tried")
    table: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant in mutants:
        outcome = known.get(mutant.key, "not tried")
        table[mutant.file][outcome] += 1
        if diffs and outcome in {"survived", "no test"}:
            print(f"\n{mutant.file} {mutant.function}\n{mutant.diff}")
    print(f"{versions(['mutmut', 'pytest', 'hypothesis'])}; {machine()}")
    print("| file | mutants | " + " | ".join(outcomes) + " |")
    print("|---" * (len(outcomes) + 2) + "|")
    for file, counts in [*table.items(), ("all", sum(table.values(), Counter()))]:
        cells = [counts.total(), *(counts[each] for each in outcomes)]
        print(f"| {file} | " + " | ".join(map(str, cells)) + " |")


if __name__ == "__main__":
    main()
