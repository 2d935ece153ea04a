"""The pictures of the README can be made from the folder of a sweep."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from experiments.screenshots import main
from tests.cli.test_report_command import write
from tests.report.browser import chromium
from tune_es import Patience, Policy
from tune_es.params import POLICY_FILE

pytestmark = pytest.mark.xdist_group("browser")


def test_pictures_of_a_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if chromium() is None:
        pytest.skip("no chromium on this machine: apt-get install chromium")
    folder, out = tmp_path / "sweep", tmp_path / "images"
    for at in range(3):
        write(folder, at, [0.9, 0.8, 0.7], "stalled: Patience (misses=2, limit=2)" * (at == 1))
    policy = Policy("val/loss", "min", stop=Patience(2), max_t=10)
    (folder / POLICY_FILE).write_text(policy.to_yaml())
    main([str(folder), "--out", str(out), "--chromium", str(chromium())])
    for name in ("report.png", "report-phone.png"):
        assert (out / name).read_bytes().startswith(b"\x89PNG")
        assert (out / name).stat().st_size > 20_000
    picture = (out / "terminal.svg").read_text(encoding="utf-8")
    assert "url(http" not in picture
    assert ET.fromstring(picture).tag.endswith("svg")
    assert "report.png" in capsys.readouterr().out
