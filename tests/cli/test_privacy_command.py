"""`tune-es privacy`: what a private stop can tell apart, as it is typed."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Command


@pytest.mark.parametrize(("n_val", "points"), [(500, 12.2), (10_000, 0.61)])
def test_it_says_the_published_accuracy(tune_es: Command, n_val: int, points: float) -> None:
    said = tune_es("privacy", "--n-val", n_val, "--epsilon", 1, "--checks", 50, "--json")
    target, gain = said.data["told_apart"]
    assert 100 * target["told_apart"] == pytest.approx(points, rel=5e-3)
    assert gain["told_apart"] == pytest.approx(2 * target["told_apart"])
    assert said.data["epsilon"] is None


def test_it_shows_a_table(tune_es: Command) -> None:
    said = tune_es("privacy", "--n-val", 2000, "--epsilon", 1, "--checks", 50)
    assert said.code == 0
    assert "3.04" in said.out
    assert "6.08" in said.out
    assert "12,162 examples" in said.out
    clipped = tune_es("privacy", "--n-val", 2000, "--epsilon", 1, "--bounds", 0, 5)
    assert "0.152" in clipped.out
    assert "units of the metric" in clipped.out


def test_it_adds_training_and_runs(tune_es: Command) -> None:
    words = ["--sampling", 256 / 60_000, "--noise", 1.1, "--train-steps", 14_062, "--runs", 10]
    said = tune_es("privacy", "--n-val", 2000, "--epsilon", 0.5, *words)
    assert "the training of one run                  2.597" in said.out
    assert "Not covered" in said.out
    data = tune_es("privacy", "--n-val", 2000, "--epsilon", 0.5, *words, "--json").data["epsilon"]
    assert data["of_stop"] == 0.5
    assert data["of_run"] < data["best_alone"] < data["all_shown"]


def test_a_mistake_is_one_line(tune_es: Command) -> None:
    assert "Private.n_val" in str(tune_es("privacy", "--n-val", 0, "--epsilon", 1).code)
    half = tune_es("privacy", "--n-val", 9, "--epsilon", 1, "--noise", 1)
    assert "are given together" in str(half.code)
