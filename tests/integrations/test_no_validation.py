"""The study without a validation set, on six epochs of made-up data."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

pytest.importorskip("sklearn")

from experiments import no_validation
from experiments.no_validation_data import PROBLEMS, Problem, Rows, tumours

RULES = 9


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(no_validation, "EPOCHS", 6)


def made_up(_: Path) -> Rows:
    classes = torch.arange(200) % 2
    noise = torch.randn(200, 5, generator=torch.Generator().manual_seed(0))
    return Rows(noise + classes[:, None], classes)


def test_every_rule_keeps_an_epoch_and_no_rule_beats_hindsight(tmp_path: Path) -> None:
    problem = Problem(PROBLEMS[0].name, made_up, 96, 0.1, hidden=4)
    rows = [*no_validation.kept(problem, made_up(tmp_path), seed=0)]
    assert len(rows) == RULES
    on_all = [row for row in rows if not str(row["rule"]).startswith("patience")]
    best = float(str(on_all[0]["test_loss"]))
    assert all(1 <= int(str(row["at"])) <= int(str(row["ran"])) <= 12 for row in rows)
    assert all(float(str(row["test_loss"])) >= best for row in on_all)


def test_watching_changes_nothing_of_the_training(tmp_path: Path) -> None:
    rows = made_up(tmp_path)
    problem = Problem("made up", made_up, 96, 0.1)
    watched = no_validation.epochs_of(problem, rows, {"test": rows}, seed=1)
    plain = no_validation.epochs_of(problem, rows, {"val": rows, "test": rows}, seed=1)
    assert [each["test_loss"] for each in watched] == [each["test_loss"] for each in plain]
    assert all(math.isfinite(each["data/whole"]) for each in watched)


def test_a_run_that_was_cut_short_adds_what_lacks(tmp_path: Path) -> None:
    problem = Problem(PROBLEMS[0].name, made_up, 96, 0.1)
    out = tmp_path / "rows.csv"
    no_validation.measure([problem], tmp_path, 1, out)
    before = out.read_text()
    no_validation.measure([problem], tmp_path, 2, out)
    assert out.read_text().startswith(before)
    told = no_validation._read(out)
    assert len(told) == 2 * RULES
    table = [*no_validation.summary(told)]
    assert len(table) == RULES
    assert problem.name in no_validation.report(table, [{"model": "network"}])


def test_the_bundled_data_are_standardised(tmp_path: Path) -> None:
    rows = tumours(tmp_path)
    assert rows.features.shape == (569, 30)
    assert rows.features.std(0).allclose(torch.ones(30))
