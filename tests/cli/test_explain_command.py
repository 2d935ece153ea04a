"""`tune-es explain`: the folder of a sweep in words, as a table and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.monitoring.experiments import HOSTILE
from tune_es import Patience, Policy
from tune_es.monitoring import sentence
from tune_es.params import POLICY_FILE
from tune_es.replay import task_curves
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set

POLICY = Policy("loss", "min", stop=Patience(5), max_t=20)
CURVES = {"flat": [0.9, 0.6, *[0.6] * 18], "falls": [0.9 - 0.02 * at for at in range(20)]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sweep as Ray's own files have it: one trial was stopped, one ran in full."""
    home = tmp_path / "sweep"
    for name, losses in CURVES.items():
        decision = POLICY.first_stop(losses)
        assert decision is not None
        last = int(decision.step)
        rows = [
            {"trial_id": name, "training_iteration": step, "loss": loss, "train_loss": loss - 0.1,
             "time_this_iter_s": 2.0, "timestamp": 1000 + step, "done": step == last,
             "es": {"reason": sentence(decision) if step == last else "continue"}}
            for step, loss in enumerate(losses[:last], start=1)
        ]  # fmt: skip
        (home / name).mkdir(parents=True)
        (home / name / "result.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (home / name / "params.json").write_text(json.dumps({"lr": 0.1}))
    (home / POLICY_FILE).write_text(POLICY.to_yaml())
    return home


def test_one_trial_is_explained_in_words_with_the_source_of_every_share(
    tune_es: Command, folder: Path
) -> None:
    said = tune_es("explain", folder, "--trial", "flat")
    assert said.code == 0, said
    text = " ".join(said.out.split())
    for part in (
        "(flat) was stopped as stalled at step 7 of 20",
        "Patience: 5 evaluations in a row did not beat the best, 0.6; the limit is 5",
        "no trend that stands out of the noise",
        "training is ahead of validation by 0.1 (train_loss 0.5, loss 0.6)",
        "13 of 20 steps, about 26.0 s of a worker",
        "37 public tasks",
        "safe not before step 7, where the record ends",
        "full not at all: it runs to 20",
    ):
        assert part in text, text


def test_all_trials_are_a_table(tune_es: Command, folder: Path) -> None:
    said = tune_es("explain", folder)
    assert said.code == 0
    assert "stalled: Patience" in said.out
    assert "ran in full" in said.out
    assert "improving" in said.out


def test_json_has_the_numbers_and_the_words(tune_es: Command, folder: Path) -> None:
    every = tune_es("explain", folder, "--json").data
    one = tune_es("explain", folder, "--trial", "flat", "--json").data
    assert one == every[[each["trial_id"] for each in every].index("flat")]
    assert (one["status"], one["why"]["cause"], one["saved"]["steps_saved"]) == (
        "stopped", "STALLED", 13.0,
    )  # fmt: skip
    assert one["confidence"]["right"] <= one["confidence"]["stops"]
    assert one["words"]["why"].startswith("Patience: 5 evaluations")
    assert [each["policy"] for each in one["elsewhere"]] == [
        "safe", "balanced", "aggressive", "patience", "full",
    ]  # fmt: skip


def test_own_full_curves_are_what_stops_are_counted_on(
    tune_es: Command, folder: Path, tmp_path: Path
) -> None:
    late = [0.9, 0.6, *[0.6] * 17, 0.1]
    losses = [CURVES["flat"]] * 15 + [late] * 15
    own = task_curves(losses, "loss", "min", name="mine")
    save_curve_set(CurveSet("mine", (own,), "# mine\n"), tmp_path / "mine")
    words = ["explain", folder, "--trial", "flat", "--curves", tmp_path / "mine", "--json"]
    sure = tune_es(*words).data["confidence"]
    assert (sure["right"], sure["stops"], sure["tasks"]) == (15, 30, 1)
    assert sure["share"] == pytest.approx(0.5, abs=0.01)
    assert sure["source"] == "the curves given with --curves"


def test_other_policies_by_name_and_text(tune_es: Command, folder: Path) -> None:
    words = ["explain", folder, "--trial", "flat", "--json", "--under"]
    found = tune_es(*words, "{Patience: {patience: 2}}", "median").data["elsewhere"]
    assert [(each["step"], each["is_open"]) for each in found] == [(4, False), (None, True)]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trial", "flatt"], "there is no trial 'flatt'; did you mean 'flat'?"),
        (["--under", "save"], "did you mean 'safe'?"),
        (["--under", "AdaptiveQuota"], "pauses trials"),
        (["--curves", "nowhere"], "is no folder"),
    ],
)
def test_a_mistake_is_one_line(
    tune_es: Command, folder: Path, words: list[str], message: str
) -> None:
    said = tune_es("explain", folder, *words)
    assert str(said.code).startswith("tune-es: ")
    assert message in str(said.code)
    assert "\n" not in str(said.code)


def test_a_folder_without_a_sweep_is_refused(tune_es: Command, tmp_path: Path) -> None:
    assert "there is no folder" in str(tune_es("explain", tmp_path / "no").code)


def test_no_name_moves_the_cursor_or_becomes_markup(tune_es: Command, tmp_path: Path) -> None:
    for at, text in enumerate(HOSTILE):
        folder = tmp_path / "sweep" / f"t{at}"
        folder.mkdir(parents=True)
        row = {"trial_id": text, "training_iteration": 1, "loss": 0.5, "experiment_tag": text}
        (folder / "result.json").write_text(json.dumps(row) + "\n")
        (folder / "params.json").write_text(json.dumps({text: text}))
    words = ["explain", tmp_path / "sweep", "--metric", "loss", "--mode", "min"]
    for at in range(len(HOSTILE) + 1):
        said = tune_es(*words, *(["--trial", at] if at else []))
        assert said.code == 0
        assert not set(said.out) & set("\x1b\x07\u202e\u2028")
        assert at or "[bold]rich" in said.out
