"""The study of the presets: its reckoning on hand-made curves, and its recorded results."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import replace as changed
from pathlib import Path

import pytest

from experiments.adaptive_presets import POLICIES, RESULTS, main
from experiments.adaptive_presets_report import CLIPPED, EXPECTED, PLAIN
from experiments.recorded_curves import Curve, load_curves
from experiments.replayed_curves import Replay, figures, heaviest, replay
from tune_es import Patience
from tune_es.replay import task_curves
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set

Row = Mapping[str, str]
SMALL_SETS = ("grokking", "nasbench_nlp", "peft_metamathqa", "stepdecay")


def curve(task: str, *values: float, mode: str = "min", broken: bool = False) -> Curve:
    return Curve("set", task, "trial", mode, 6, values, broken)


def replayed(*curves: Curve, own_budget: bool = False) -> Replay:
    return replay(curves, {"patience": Patience(2)}, own_budget, workers=1)


@pytest.fixture(scope="module")
def recorded() -> dict[tuple[str, str, str], Row]:
    """The rows of the recorded results."""
    with (RESULTS / "adaptive_presets.csv").open(encoding="utf-8", newline="") as file:
        return {(row["reckoning"], row["set"], row["policy"]): row for row in csv.DictReader(file)}


def write_set(folder: Path) -> Path:
    """A set of three trials in a folder of its own; two break, one of them at once."""
    losses = [[3.0, 2.0, 1.0, 0.5], [0.75, 0.5, math.nan, 0.25], [math.nan, 1.0]]
    curves = task_curves(losses, "loss", "min", max_t=3, source="one", name="t")
    save_curve_set(CurveSet("one", (curves,)), folder / "one")
    return folder


def test_curves_end_before_they_break_and_keep_what_lies_past_the_budget(tmp_path: Path) -> None:
    assert load_curves(write_set(tmp_path)) == [
        Curve("one", "t", "0", "min", 3, (3.0, 2.0, 1.0, 0.5), broken=False),
        Curve("one", "t", "1", "min", 3, (0.75, 0.5), broken=True),
    ]


def test_a_folder_without_sets_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no curve set"):
        load_curves(tmp_path)


def test_cost_is_steps_run_and_loss_a_share_of_the_best() -> None:
    found = figures(replayed(curve("t", 4, 3, 3, 3, 2)), "patience", PLAIN)
    assert (found.cost, found.loss, found.tail) == (4 / 5, 50.0, 100.0)


def test_an_accuracy_loses_a_share_of_itself() -> None:
    found = figures(replayed(curve("t", 0.5, 0.4, 0.4, 0.8, mode="max")), "patience", PLAIN)
    assert found.loss == pytest.approx(37.5)


def test_a_longer_recording_ends_at_the_budget_of_the_task() -> None:
    long = curve("t", 4, 3, 2, 1, 1, 1, 0.5)
    assert replayed(long).length.tolist() == [6]
    assert replayed(long, own_budget=True).length.tolist() == [7]


def test_a_task_with_many_curves_is_scaled_down() -> None:
    mine = replayed(*[curve("many", 2, 1)] * 4, curve("one", 2, 1))
    assert changed(PLAIN, most=2).weights(mine).tolist() == [0.5, 0.5, 0.5, 0.5, 1]
    assert changed(PLAIN, most=None).weights(mine).tolist() == [1] * 5
    assert changed(PLAIN, equal="task").weights(mine).tolist() == [0.25] * 4 + [1]


def test_broken_curves_count_only_when_asked_for() -> None:
    mine = replayed(curve("t", 2, 1), curve("t", 2, 1, broken=True))
    assert PLAIN.weights(mine).tolist() == [1, 0]
    assert changed(PLAIN, broken=True).weights(mine).tolist() == [1, 1]


def test_a_loss_from_a_best_of_zero_is_clipped() -> None:
    mine = replayed(curve("t", 1, 1, 1, 0), curve("u", 1, 1, 1, 1))
    assert figures(mine, "patience", CLIPPED).loss == pytest.approx(15)
    assert heaviest(mine, "patience", CLIPPED) == [("t", pytest.approx(15)), ("u", 0)]


def test_the_command_writes_both_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sets = write_set(tmp_path / "sets")
    main(["--curves", str(sets), "--out", str(tmp_path / "out"), "--workers", "1"])
    report = (tmp_path / "out" / "adaptive_presets.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert "| one | 1 | 1.000 / 0.00 / 0.0 |" in report
    rows = (tmp_path / "out" / "adaptive_presets.csv").read_text(encoding="utf-8").splitlines()
    assert rows[1] == f'"{PLAIN.label}",all,safe,1,1.00000,0.00000,0.00000'


@pytest.mark.parametrize("policy", POLICIES)
def test_recorded_figures_are_those_of_the_note(
    policy: str, recorded: dict[tuple[str, str, str], Row]
) -> None:
    plain, clipped = (recorded[each.label, "all", policy] for each in (PLAIN, CLIPPED))
    cost, loss, tail = EXPECTED[policy]
    assert float(plain["cost"]) == pytest.approx(cost, abs=0.02)
    assert float(clipped["loss_percent"]) == pytest.approx(loss, abs=0.1)
    assert float(plain["tail_percent"]) == pytest.approx(tail, rel=0.15)


def test_recorded_figures_are_what_the_code_gives(
    shared: Path, recorded: dict[tuple[str, str, str], Row]
) -> None:
    curves = [each for each in load_curves(shared / "curves") if each.source in SMALL_SETS]
    mine = replay(curves, POLICIES, own_budget=False, workers=1)
    for policy in POLICIES:
        for source in SMALL_SETS:
            found, row = figures(mine, policy, PLAIN, source), recorded[PLAIN.label, source, policy]
            assert found.curves == int(row["curves"])
            assert found.cost == pytest.approx(float(row["cost"]), abs=1e-5)
            assert found.loss == pytest.approx(float(row["loss_percent"]), abs=1e-5)
            assert found.tail == pytest.approx(float(row["tail_percent"]), abs=1e-5)
