"""``tune-es watch``: once, and live in a real terminal."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.conftest import Command
from tests.monitoring.experiments import foreign, hostile, odd, running, sweep
from tune_es import Patience, Policy
from tune_es.cli.watch import screen
from tune_es.monitoring import Experiment, Why
from tune_es.monitoring.events import EventWriter

POLICY = Policy("loss", "min", stop=Patience(2), max_t=5)
WHY = Why.of(POLICY.first_stop([0.5, 0.6, 0.7]))


def begin(folder: Path) -> EventWriter:
    writer = EventWriter(folder)
    writer.write({"event": "sweep", "time": time.time(), "policy": POLICY.to_dict(), "planned": 2})
    for name in ("one", "two"):
        more = {"name": f"train_{name}", "config": {"lr": 0.1}}
        writer.write({"event": "trial", "time": time.time(), "trial": name, **more})
    report(writer, "one", 1, 0.5)
    return writer


def report(writer: EventWriter, trial: str, step: int, loss: float) -> None:
    values = {"loss": loss}
    event = {"event": "result", "trial": trial, "step": step, "values": values, "seconds": 1.0}
    writer.write({"event": "start", "time": time.time(), "trial": trial} if step == 1 else event)
    writer.write({"time": time.time(), **event})
    writer.flush()


def finish(writer: EventWriter) -> None:
    assert WHY is not None
    for name in ("one", "two"):
        report(writer, name, 1, 0.5)
        report(writer, name, 2, 0.6)
        report(writer, name, 3, 0.7)
        writer.write({"event": "end", "time": time.time(), "trial": name, "why": WHY.as_dict()})
    writer.write({"event": "over", "time": time.time()})
    writer.close()


def test_it_is_shown_once_where_the_output_is_no_terminal(
    tune_es: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = begin(tmp_path / "mine")
    said = tune_es("watch", tmp_path / "mine")
    assert said.code == 0
    assert said.out.startswith("mine  running, ")
    assert "2: 1 pending, 1 running" in said.out
    finish(writer)
    monkeypatch.setenv("COLUMNS", "140")
    said = tune_es("watch", tmp_path / "mine")
    assert "mine  over after " in said.out
    assert "2: 2 stopped early (stalled 2)" in said.out
    assert "6 run, 4 saved (40 %)" in said.out
    (row,) = [line for line in said.out.splitlines() if line.lstrip().startswith("train_one")]
    assert row.split()[:5] == ["train_one", "stalled", "3/5", "0.7", "0.5"]
    assert "stalled: Patience (value=0.7, misses=2" in row


def test_a_mistake_is_one_line(tune_es: Command, tmp_path: Path) -> None:
    said = tune_es("watch", tmp_path / "nowhere")
    assert str(said.code).startswith("tune-es: there is no folder ")
    said = tune_es("watch", tmp_path)
    assert "must be the folder of an experiment" in str(said.code)
    assert "--every-s must be above 0" in str(tune_es("watch", tmp_path, "--every-s", 0).code)


def test_it_waits_for_a_sweep_follows_it_and_ends_with_it(tmp_path: Path) -> None:
    """In a real terminal, while another process, here a thread, writes the log."""
    folder = tmp_path / "to come"
    mine, theirs = pty.openpty()
    command = [sys.executable, "-m", "tune_es.cli", "watch", str(folder), "--every-s", "0.1"]
    size = {"COLUMNS": "120", "LINES": "40", "TERM": "xterm"}
    shown: list[bytes] = []

    def read() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while True:
                shown.append(os.read(mine, 65_536))

    process = subprocess.Popen(command, stdout=theirs, stderr=theirs, env={**os.environ, **size})
    os.close(theirs)
    reader = threading.Thread(target=read)
    reader.start()
    try:
        until(lambda: "waiting for" in text(shown))
        writer = begin(folder)
        until(lambda: "1 running" in text(shown))
        assert process.poll() is None
        finish(writer)
        assert process.wait(timeout=120) == 0
    finally:
        process.kill()
        process.wait()
        reader.join(timeout=60)
        os.close(mine)
    assert "over after" in text(shown)
    assert "2 stopped early (stalled 2)" in text(shown)


def text(shown: list[bytes]) -> str:
    return b"".join(shown).decode(errors="replace")


def until(so: object, timeout_s: float = 120.0) -> None:
    assert callable(so)
    end = time.monotonic() + timeout_s
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize(
    "made",
    [sweep(12), hostile(), running(), foreign(), *odd().values()],
    ids=lambda made: made.name[:9],
)
def test_any_sweep_is_shown_at_any_width(made: Experiment, width: int) -> None:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(screen(made, 20, width))
    lines = console.export_text().splitlines()
    assert lines
    assert all(line.isprintable() for line in lines)
