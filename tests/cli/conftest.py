"""The command line as a person types it, and small curve sets for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tune_es.cli import main
from tune_es.replay import TaskCurves, task_curves
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set


class Said(NamedTuple):
    """What a command printed and how it ended."""

    out: str
    err: str
    code: int | str | None

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Said]


def runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs the command with these words; the exit code is 0, a number, or the message."""

    def run(*words: object) -> Said:
        monkeypatch.setattr("sys.argv", ["tune-es", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        last = told.err.splitlines()[-1:]
        refused = ended.value.code == 2 and any(line.startswith("tune-es: ") for line in last)
        return Said(told.out, told.err, last[0] if refused else ended.value.code)

    return run


@pytest.fixture
def tune_es(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command in this process."""
    monkeypatch.setenv("COLUMNS", "100")
    return runner(monkeypatch, capsys)


def curves(source: str = "made", name: str = "task") -> TaskCurves:
    """Eight losses of ten steps: some flat from early on, one best, each with a test loss."""
    values = [
        [1.0 - 0.09 * min(step, flat) * (1 + trial / 20) / 1.4 for step in range(10)]
        for trial, flat in enumerate((9, 2, 3, 9, 1, 5, 9, 2))
    ]
    test = [[value + 0.01 for value in curve] for curve in values]
    return task_curves(values, "val_loss", "min", source=source, name=name, test_loss=test)


@pytest.fixture
def curve_set(tmp_path: Path) -> Path:
    """A saved set of two tasks."""
    folder = tmp_path / "made"
    tasks = (curves(name="one"), curves(name="two"))
    save_curve_set(CurveSet("made", tasks, "# made\n"), folder)
    return folder
