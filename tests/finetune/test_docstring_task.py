from __future__ import annotations

import json
import re
import time
from collections import Counter
from pathlib import Path

import pytest

from experiments.finetune import docstrings
from experiments.finetune.docstrings import LIBRARIES, Rows, build, clean, split_of
from experiments.finetune.tasks import load_task

GIVE_AWAYS = re.compile(
    r"numpy|pandas|optuna|rllib|python|\bnp\.|\bpd\.|\bray\b|\bray[._]|(?m:^\s*>>> import)",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def rows() -> Rows:
    started = time.perf_counter()
    built = build()
    assert time.perf_counter() - started < 60, "20 seconds are promised on a machine left alone"
    return built


def test_every_library_fills_its_splits(rows: Rows) -> None:
    counts = Counter((part, library) for part, library, _, _ in split_of(rows))
    for library in LIBRARIES:
        assert counts["test", library] == counts["validation", library] == docstrings.EVAL_ROWS
        assert 150 <= counts["train", library] <= docstrings.TRAIN_ROWS


def test_no_module_is_in_two_splits(rows: Rows) -> None:
    homes: dict[tuple[str, str], set[str]] = {}
    for part, library, module, _ in split_of(rows):
        homes.setdefault((library, module), set()).add(part)
    assert all(len(parts) == 1 for parts in homes.values())


def test_the_answer_is_masked_and_no_text_comes_twice(rows: Rows) -> None:
    texts = [text for _, _, _, text in split_of(rows)]
    assert [text for text in texts if GIVE_AWAYS.search(text)] == []
    assert len({docstrings.key(text) for text in texts}) == len(texts)


def test_it_is_the_same_every_time(rows: Rows) -> None:
    assert build() == rows


def test_it_is_built_once_and_read_from_the_cache(
    rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNE_ES_CACHE", str(tmp_path))
    monkeypatch.setattr(docstrings, "build", lambda: rows)
    task = load_task("docstrings", max_train=100, max_eval=50)
    monkeypatch.setattr(docstrings, "build", lambda: pytest.fail("built again"))
    assert load_task("docstrings", max_train=100, max_eval=50) == task
    assert task.label_names == LIBRARIES
    assert [len(part) for part in (task.train, task.validation, task.test)] == [100, 50, 50]
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text()).keys() == set(LIBRARIES)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Call np.dot or NumPy's version.", "Call lib.dot or lib's version."),
        ("Start Ray with ray.init; RAY_ADDRESS", "Start lib with lib.init; lib_ADDRESS"),
        ("An array, a tray and an X-ray_like thing", "An array, a tray and an X-lib_like thing"),
        ("RayTaskError isRay OptunaSearch pd.NA", "libTaskError islib libSearch lib.NA"),
        (">>> import pandas as pd\nDone", "Done"),
        ("from numpy.linalg import norm\nimport os, sys\nDone", "Done"),
        ("Data from the array is imported.", "Data from the array is imported."),
        (".. versionadded:: 1.2\nDone in Python", "Done in lib"),
    ],
)
def test_masking(text: str, masked: str) -> None:
    assert clean(text) == masked


def test_the_task_takes_no_argument() -> None:
    with pytest.raises(ValueError, match="nothing after the colon"):
        load_task("docstrings:everything")
