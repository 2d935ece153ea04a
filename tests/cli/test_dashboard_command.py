"""`tune-es dashboard`: the file, and what is to be typed to see it."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tune_es.cli.dashboard import FILE, FOLDER_VARIABLE
from tune_es.monitoring.grafana import dashboard


def commands(text: str) -> list[list[str]]:
    """What it says to type, word by word."""
    return [shlex.split(line) for line in text.splitlines() if line.startswith("    ")]


def test_it_writes_the_dashboard_and_replaces_an_older_one(
    tune_es: Command, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "folder"
    for _ in range(2):
        said = tune_es("dashboard", "--out", out)
        assert said.code == 0
        assert json.loads((out / FILE).read_text()) == dashboard()
        (out / FILE).write_text("old")
    assert [path.name for path in out.iterdir()] == [FILE]
    assert str(out / FILE) in said.out


def test_it_says_what_to_type_in_any_folder(
    tune_es: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = tune_es("dashboard", "--out", "it's here", "--temp-dir", "its own")
    ray, prometheus, grafana, again = commands(said.out)
    metrics = tmp_path / "its own/session_latest/metrics"
    assert ray == [f"{FOLDER_VARIABLE}={tmp_path / 'it'}'s here", "ray", "start", "--head"]
    assert prometheus == ["prometheus", f"--config.file={metrics}/prometheus/prometheus.yml"]
    assert grafana[-2:] == [f"{metrics}/grafana/grafana.ini", "web"]
    assert again == ["tune-es", "dashboard", "--out", f"{metrics}/grafana/dashboards"]


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"RAY_TMPDIR": "/r", "TMPDIR": "/t"}, "/r/ray"),
        ({"TMPDIR": "/t"}, "/t/ray"),
        ({}, "/tmp/ray"),
    ],
)
def test_the_folder_of_ray_is_the_one_that_ray_takes(
    tune_es: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    where: str,
) -> None:
    for name in ("RAY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    said = tune_es("dashboard", "--out", tmp_path)
    assert f"{where}/session_latest/metrics/grafana/grafana.ini" in said.out


def test_what_cannot_be_written_is_one_line_and_leaves_nothing(
    tune_es: Command, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "taken" / FILE).mkdir(parents=True)
    for out in ("file", "taken"):
        code = str(tune_es("dashboard", "--out", tmp_path / out).code)
        assert code.startswith("tune-es: ")
        assert "\n" not in code
    assert [path.name for path in (tmp_path / "taken").iterdir()] == [FILE]
