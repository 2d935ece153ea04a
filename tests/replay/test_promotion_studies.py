"""The studies of promotion on recorded curves, as they are typed, small."""

from __future__ import annotations

from pathlib import Path

import pytest

from experiments import promotion_benchmark, ties


def test_quotas_beside_the_baselines(
    shared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shared / "curves" / "nasbench_nlp"
    small = ["--seeds", "1", "--trials", "20", "--processes", "1", "--out", str(tmp_path)]
    promotion_benchmark.main(["--curves", str(folder), *small])
    report = (tmp_path / "promotion.md").read_text()
    assert report in capsys.readouterr().out
    lines = [line for line in report.splitlines() if line.startswith("| AdaptiveQuota, as spec")]
    (cells,) = [[cell.strip() for cell in line.split("|")] for line in lines]
    cost, ratio = cells[2].rstrip(")").split(" (")
    assert 0 < float(cost) < 1
    assert 0 < float(ratio) < 3
    assert '"as specified, c = 0.8",nasbench_nlp' in (tmp_path / "promotion.csv").read_text()


def test_ties(shared: Path, tmp_path: Path) -> None:
    folder = shared / "curves" / "peft_metamathqa"
    ties.main(["--curves", str(folder), "--seeds", "2", "--out", str(tmp_path)])
    report = (tmp_path / "ties.md").read_text()
    (row,) = [line for line in report.splitlines() if line.startswith("| 0.6 |")]
    alone, tied = (cell.split(" / ") for cell in row.split("|")[2:4])
    assert float(tied[0]) < float(alone[0])
