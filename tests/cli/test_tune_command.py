"""`tune-es tune`: a policy file with its certificate, a table, JSON, and mistakes in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.meta.tasks import early
from tune_es import Policy
from tune_es.certificate import Certificate
from tune_es.meta import PRESETS
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set

QUICK = ("--trials", 6, "--seeds", 1, "--kind", "promote", "compare", "--processes", 1)


@pytest.fixture(scope="module")
def sweeps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curves") / "early"
    tasks = tuple(early(f"e{at}", at) for at in range(6))
    save_curve_set(CurveSet("early", tasks), folder)
    return folder


def test_a_policy_is_written_with_its_certificate(
    tune_es: Command, sweeps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "policy.yaml"
    said = tune_es("tune", "--curves", sweeps, "--out", out, "--n-trials", 16, *QUICK)
    assert said.code == 0, said
    lines = said.out.splitlines()
    assert lines[0].startswith("4 tuning tasks, 2 held out")
    for name in ("tuned", *PRESETS):
        assert any(line.startswith(f" {name}") for line in lines)
    assert "policies keep the limit there" in said.out
    assert f"Written for val_loss (min) and a budget of 12: {out}" in lines
    policy, certificate = Policy.from_file(out), Certificate.from_file(out)
    assert (policy.metric, policy.max_t) == ("val_loss", 12)
    assert certificate is not None
    assert (certificate.tasks, certificate.tuned_on, certificate.tried) == (2, 4, 16)
    again = tune_es("replay", "--curves", sweeps, "--policy", out, "--seeds", 1, "--processes", 1)
    assert again.code == 0


def test_json_and_what_was_asked_for(tune_es: Command, sweeps: Path, tmp_path: Path) -> None:
    out = tmp_path / "policy.yml"
    said = tune_es("tune", "--curves", sweeps, "--out", out, "--n-trials", 13, *QUICK, "--json",
                   "--held-out", "e1", "early/e2", "e3", "--max-regret", 0.05, "--confidence", 0.8,
                   "--metric", "f1", "--mode", "max", "--max-t", 30, "--shortlist", 2,
                   "--workers", 3)  # fmt: skip
    assert said.code == 0, said
    report, certificate = said.data["report"], said.data["certificate"]
    assert report["held_out_tasks"] == ["early/e1", "early/e2", "early/e3"]
    assert (certificate["max_regret"], certificate["confidence"]) == (0.05, 0.8)
    assert (certificate["workers"], certificate["candidates"]) == (3, 2)
    policy = Policy.from_file(out)
    assert (policy.metric, policy.mode, policy.max_t) == ("f1", "max", 30)
    assert Policy.from_yaml(said.data["policy"]).stop == policy.stop
    assert [each["policy"] for each in report["front"]] == list(said.data["front"])
    assert Policy.from_yaml(said.data["front"][report["front"][0]["policy"]]).max_t == 30


def test_the_same_command_goes_on(tune_es: Command, sweeps: Path, tmp_path: Path) -> None:
    words = ["tune", "--curves", sweeps, "--out", tmp_path / "p.yaml", *QUICK, "--json",
             "--storage", tmp_path / "journal"]  # fmt: skip
    fresh = tune_es(*words[:-2], "--n-trials", 18).data
    assert tune_es(*words, "--n-trials", 13).code == 0
    assert tune_es(*words, "--n-trials", 18).data == fresh
    refused = tune_es(*words, "--n-trials", 18, "--seed", 1)
    assert "holds a search with other settings" in str(refused.code)


def test_no_gain_and_no_certificate_are_said(
    tune_es: Command, sweeps: Path, tmp_path: Path
) -> None:
    out = tmp_path / "policy.yaml"
    said = tune_es("tune", "--curves", sweeps, "--out", out, "--n-trials", 4, *QUICK,
                   "--held-out-share", 0)  # fmt: skip
    assert said.code == 0, said
    assert "no certificate: no task was held out" in said.err
    assert "No task was held out, so nothing is known." in said.out
    assert Certificate.from_file(out) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "policy.txt"], "--out must be a .yaml file"),
        (["--out", "nowhere/policy.yaml"], "--out must be a .yaml file in a folder that exists"),
        (["--confidence", 1], "Tuning.confidence must be a number at least 0.5"),
        (["--kind", "promot"], "did you mean 'promote'?"),
        (["--held-out", "e9"], "no task or curve set is called 'e9'"),
        (["--other-metric", "f1"], "--other-metric must be name=min or name=max"),
        (["--other-metric", "f1=max"], "its curves have no 'f1'"),
        (["--metric", "f1"], "--mode must be given for 'f1'"),
        (["--max-t", 0], "tune.max_t must be a whole number"),
        (["--held-out-share", 1.5], "split.held_out must be a number"),
        (["--storage", "nowhere/journal"], "the storage must be a URL or a file"),
        (["--storage", "sqlite:///nowhere/tune.db"], "nowhere/tune.db"),
    ],
)
def test_mistakes_are_one_line(
    tune_es: Command, sweeps: Path, tmp_path: Path, words: list[object], said: str
) -> None:
    out = [] if "--out" in words else ["--out", tmp_path / "policy.yaml"]
    ended = tune_es("tune", "--curves", sweeps, "--n-trials", 2, *QUICK, *out, *words)
    assert said in str(ended.code)
    assert str(ended.code).startswith("tune-es: ")
    assert "\n" not in str(ended.code)
    assert not list(tmp_path.glob("*.yaml"))
