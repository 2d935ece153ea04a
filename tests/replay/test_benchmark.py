"""The comparison with peers: it runs from the command line, and its parts count right."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import lab, streaming
from experiments import patience_costs
from experiments.benchmark.__main__ import RESULTS, main
from experiments.benchmark.baselines import RANDOM
from experiments.benchmark.lockstep import reached_in_lockstep
from experiments.benchmark.registry import LADDER, OUR_LADDER, OURS, PACKAGE_OF, PEERS, compared
from experiments.benchmark.report import REPORTED, package_of
from tune_es import Patience
from tune_es.replay import CurveSet, Task, replay, save_curve_set, task_curves

TASK = Task("set", "task", "val_loss", "min", 12)


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of the name of a clean one and a hard one: 12 losses of 12 steps each."""
    folder = tmp_path_factory.mktemp("sets")
    losses = [
        [1 / step ** (trial / 12) + (step > trial) * 0.01 for step in range(1, 13)]
        for trial in range(12)
    ]
    for source in ("taskset_text", "hard"):
        made = task_curves(losses, "val_loss", "min", source=source, name="one", test_loss=losses)
        save_curve_set(CurveSet(source, (made,)), folder / source)
    return folder


def test_the_command_writes_table_rows_and_plot(
    curves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["safe", "halving-1-3", "ray-asha-1-3", "optuna-median", "sync-halving-4-12-36"]
    words = ["--curves", str(curves), "--seeds", "2", "--processes", "1", "--policy", *names]
    main([*words, "--out", str(tmp_path)])
    report = (tmp_path / "benchmark.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    for heading in ("## On clean tasks", "## On hard tasks", "## Beside the figures"):
        assert heading in report
    for name in names:
        assert f"| {name} | {package_of(name)} |" in report
    assert "median-lockstep-3" in report
    with (tmp_path / "benchmark.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * len(names)
    assert {row["seeds"] for row in rows} == {"2"}
    assert all(0 < float(row["cost"]) <= 1 for row in rows)
    drawing = ElementTree.parse(tmp_path / "benchmark.svg").getroot()
    assert drawing.tag.endswith("svg")
    text = (tmp_path / "benchmark.svg").read_text(encoding="utf-8")
    assert "<!-- clean tasks (1) -->" in text


@pytest.mark.parametrize("name", [*OURS, *OUR_LADDER, *LADDER])
def test_every_setting_can_be_built_and_runs(name: str) -> None:
    losses = [[1 / (step + trial) for step in range(1, 13)] for trial in range(8)]
    made = task_curves(losses, "val_loss", "min")
    run = replay(compared(name).make(made.task, len(made)), made)
    assert 0 < run.steps.sum() <= made.lengths.sum()


def test_no_two_policies_share_a_name() -> None:
    assert not set(PEERS) & {*OURS, *OUR_LADDER}
    assert not set(LADDER) & {*OURS, *OUR_LADDER, *PEERS}
    assert set(PACKAGE_OF) == {*PEERS, *LADDER, *RANDOM}


def test_lockstep_compares_the_best_with_the_median_of_the_means() -> None:
    # Means at step 3 are 1, 2 and 2; the best of the last is above them for a while.
    curves = np.array([[1.0, 1, 1, 1, 1], [2.0, 2, 2, 2, 2], [4.0, 1, 1, 1, 1]])
    assert reached_in_lockstep(curves).tolist() == [3, 5, 5]
    late = np.array([[0.0, 0, 0, 9, 9], [1.0, 1, 1, 1, 1], [2.0, 2, 2, 2, 2]])
    assert reached_in_lockstep(late, grace_period=4).tolist() == [5, 4, 5]
    broken = np.array([[np.nan, np.nan, np.nan], [1.0, 1, 1], [2.0, 2, 2]])
    assert reached_in_lockstep(broken, grace_period=2).tolist() == [3, 3, 3]


def test_the_recorded_results_are_of_every_peer_and_every_task() -> None:
    with (RESULTS / "benchmark.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    by_policy: dict[str, set[str]] = {}
    for row in rows:
        by_policy.setdefault(row["policy"], set()).add(row["task"])
    assert set(by_policy) >= {*PEERS, *OURS, *LADDER, *OUR_LADDER}
    assert {len(tasks) for tasks in by_policy.values()} == {37}
    assert set(REPORTED) <= {*by_policy, "median-lockstep-3"}


def test_what_patience_costs_and_loses_by_hand() -> None:
    losses = [[4.0, 2, 2, 2, 1], [4.0, 4, 4, 4, 4], [1.0, np.nan, 1, 1, 1]]
    curves = patience_costs._finite(task_curves(losses, "loss", "min"))
    assert curves is not None
    assert len(curves) == 2
    cost, loss = patience_costs.cost_and_loss([curves], Patience(2))
    assert cost == (4 / 5 + 3 / 5) / 2
    assert loss == (1.0 + 0.0) / 2  # 2 instead of 1 on the first


def test_the_costs_of_patience_are_written(
    curves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patience_costs.main(["--curves", str(curves), "--out", str(tmp_path)])
    report = (tmp_path / "patience_costs.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert report.count("| share of the budget |") == 2


def test_the_speed_of_the_lab_is_measured(
    curves: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "lab.md"
    lab.main(["--curves", str(curves), "--seeds", "1", "--processes", "1", "--out", str(out)])
    report = out.read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert "2 tasks x 1 seeds x 10 policies: 20 streams" in report


def test_curves_stream_through_the_compiled_path(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    streaming.main(["--curves", "25000", "--out", str(tmp_path / "streaming.md")])
    report = (tmp_path / "streaming.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert "25,000 curves of 51 steps" in report
