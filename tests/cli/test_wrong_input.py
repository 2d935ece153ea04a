"""Whatever a command is given that it cannot use is named in one line, with the exit code 2."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command, curves
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.storage import save_curve_set

REPLAY = ("replay", "--processes", "1", "--seeds", "1", "--curves")


def experiment(folder: Path) -> Path:
    """Two trials as Ray leaves them, without an event log."""
    for trial, losses in {"a": [0.9, 0.5], "b": [0.8, 0.8]}.items():
        inner = folder / f"train_{trial}"
        inner.mkdir(parents=True)
        rows = [
            {"trial_id": trial, "training_iteration": step, "loss": loss}
            for step, loss in enumerate(losses, start=1)
        ]
        (inner / "result.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "early_stopping.yaml").write_text("{metric: loss, mode: min, stop: none}")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with things that are not what commands ask for."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "file").write_text("x")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    save_curve_set(CurveSet("made", (curves(name="one"), curves(name="two"))), tmp_path / "made")
    experiment(tmp_path / "sweep")
    (tmp_path / "code.yaml").write_text("!!python/object/apply:os.system ['touch ran']")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("watch nowhere --once", "there is no folder 'nowhere'"),
        ("watch file --once", "there is no folder 'file'"),
        ("explain empty", "empty must be the folder of an experiment"),
        ("report nowhere --out empty", "--out must be a file in a folder that exists, got 'empty'"),
        ("record file --out o --metric f1 --mode max", "file"),
        ("record nowhere --out o --metric f1 --mode max", "there is no file or folder"),
        ("replay --curves nowhere --policy full", "nowhere is no folder"),
        ("replay --curves file --policy full", "file is no folder"),
        ("replay --curves empty --policy full", "empty holds no curve set"),
        ("replay --curves empty --policy saffe", "did you mean 'safe'?"),
        ("replay --curves empty --policy binary.yaml", "'binary.yaml' must be a text in UTF-8"),
        ("replay --curves empty --policy folder.yaml", "Is a directory: 'folder.yaml'"),
        ("replay --curves empty --policy none.yaml", "No such file or directory: 'none.yaml'"),
        ("replay --curves empty --policy code.yaml", "policy 'code': the policy is not valid YAML"),
        ("replay --curve empty --policy full", "Did you mean --curves instead of --curve?"),
        ("replay --curves empty --policy full --trials ten", '--trials: unable to convert "ten"'),
        ("replay --policy full", "--curves requires an argument"),
        ("report empty --format pdf", 'Choose from: "png", "svg"'),
        ("replay --curves made --policy full --trials 1.5", '--trials: unable to convert "1.5"'),
        ("replay --curves made --policy full --workers 1.5", '--workers: unable to convert "1.5"'),
        ("replay --curves made --policy full --ahead 1.5", '--ahead: unable to convert "1.5"'),
        ("replay --curves made --policy full --trials nan", '--trials: unable to convert "nan"'),
        (
            "replay --curves made --policy full --seeds 0",
            "seeds must be a whole number of at least",
        ),
        ("replay --curves made --policy full --processes 0", "judge.processes must be a whole"),
        ("replay --curves made --policy full --price-per-hour -1", "price_per_hour must be a numb"),
        ("replay --curves made --policy full --price-per-hour nan", "at least 0, got nan"),
        ("replay --curves made --policy full --failure-rate inf", "at most 0.9, got inf"),
        ("replay --curves made --policy full --task onne", "did you mean 'one'?"),
        ("replay --curves made --policy full --out file/x.csv", "--out must be a file in a folder"),
        ("record sweep --out made", "made holds a curve set already"),
        ("record sweep --out file/set", "Not a directory: 'file/set'"),
        ("record sweep --out o --max-t 0", "max_t must be a whole number of at least 1, got 0"),
        ("record sweep --out o --max-t 1.5", '--max-t: unable to convert "1.5"'),
        ("record sweep --out o --metric los --mode min", "did you mean 'loss'?"),
        ("record sweep --out o --metric loss --mode mni", "did you mean 'min'?"),
        ("record sweep --out o --task=", "--task must be a name, got ''"),
        ("record sweep --out \udcff/o", "must be a text in UTF-8"),
        ("record bogus://x --out o --metric f1 --study s", "the storage bogus://x cannot be used"),
        ("record file --out o --metric f1 --study s", "the storage file cannot be used: Could not"),
        ("record mysql://x/y --out o --metric f1 --study s", "mysql://x/y cannot be used"),
        ("tune --curves made --out p.txt", "--out must be a .yaml file in a folder that exists"),
        ("tune --curves made --out p.yaml --n-trials 1.5", '--n-trials: unable to convert "1.5"'),
        ("tune --curves made --out p.yaml --processes 0", "workers.processes must be a whole"),
        ("tune --curves made --out p.yaml --margin nan", "at least 0 and at most 1, got nan"),
        ("tune --curves made --out p.yaml --kind curves", "did you mean 'curve'?"),
        ("tune --curves made --out p.yaml --metric los", "did you mean 'val_loss'?"),
        ("tune --curves made --out p.yaml --metric=", "--mode must be given for ''"),
        ("tune --curves made --out p.yaml --mode=", "Metric.mode must be a known name, got ''"),
        ("tune --curves made --out p.yaml --storage file", "it is no journal of Optuna"),
        ("tune --curves made --out p.yaml --storage mysql://x/y", "mysql://x/y cannot be used"),
        ("report sweep --metric=", "no result has a metric ''; Valid: loss"),
        (
            "report sweep --price-per-hour inf",
            "price_per_hour must be a number at least 0, got inf",
        ),
        ("report sweep --plots file/x", "Not a directory: 'file/x'"),
        ("report sweep --policy saffe", "did you mean 'safe'?"),
        ("dashboard --out file", "File exists: "),
        ("dashboard --out d --temp-dir file", "--temp-dir must be a folder, got 'file'"),
        ("watch a b", "Unused Tokens: ['b']"),
        ("wacth a", 'Unknown command "wacth"'),
        ("policies --yaml", "Unknown option: --yaml"),
        ("submit nowhere.py", "nowhere.py"),
    ],
)
def test_it_is_one_line(words: str, said: str, here: Path, tune_es: Command) -> None:
    code = str(tune_es(*words.split()).code)
    assert code.startswith("tune-es: ")
    assert said in code
    assert not (here / "ran").exists()
    assert (here / "file").read_text() == "x"


def cut(name: str, keep: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


#: What may become of an experiment, and what is said of it; None where it is read all the same.
DAMAGE: list[tuple[Callable[[Path], object], str | None]] = [
    (cut("train_a/result.json", 70), None),
    (cut("train_a/result.json", 0), None),
    (write("experiment_state-1.json", '{"trial_da'), None),
    (write("experiment_state-1.json", '{"trial_data": [3, null]}'), None),
    (write("train_a/params.json", "["), None),
    (write("train_a/progress.csv", "training_iteration,loss\n1,2,3\n1e400,x\n"), None),
    (write("train_a/result.json", "3\n{}\n"), "a result must be a JSON object, got b'3'"),
    (write("train_a/result.json", "[" * 99_999 + "\n{}\n"), "must be a JSON object, got b'[["),
    (write("early_stopping.yaml", "metric: ["), "the policy is not valid YAML"),
    (write("es_events-1.jsonl", ""), "has no policy, so its metric and mode must be given"),
    (write("es_events-1.jsonl", "[" * 99_999 + "\nnull\n{}\n"), "has no policy"),
]


@pytest.mark.parametrize(("damage", "said"), DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_experiment(
    damage: Callable[[Path], object], said: str | None, tmp_path: Path, tune_es: Command
) -> None:
    damage(experiment(tmp_path / "sweep"))
    code = tune_es("watch", tmp_path / "sweep", "--once").code
    assert code == 0 if said is None else said in str(code)


def test_a_shell_sees_2(here: Path) -> None:
    words = [sys.executable, "-m", "tune_es.cli", "watch", "nowhere", "--once"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "tune-es: there is no folder 'nowhere'\n"
