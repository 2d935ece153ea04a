"""Data sets as `datasets.load_dataset` gives them, from folders of its own formats."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest

from experiments.finetune.hub import load, repository
from experiments.finetune.tasks import load_task


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    datasets.disable_progress_bars()


def folder(tmp_path: Path, **splits: list[dict[str, Any]]) -> str:
    base = tmp_path / "data"
    base.mkdir()
    for name, rows in splits.items():
        (base / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(base)


def pairs(count: int, label: int | None = None) -> list[dict[str, Any]]:
    return [
        {"sentence1": f"a {i}", "sentence2": f"b {i}", "label": i % 2 if label is None else label}
        for i in range(count)
    ]


def test_a_folder_with_three_splits(tmp_path: Path) -> None:
    name = folder(tmp_path, train=pairs(20), validation=pairs(4), test=pairs(6))
    task = load_task(name)
    assert (len(task.train), len(task.validation), len(task.test)) == (20, 4, 6)
    assert task.train.texts[3] == ("a 3", "b 3")
    assert task.label_names == ("0", "1")


def test_an_unlabelled_test_split_gives_way_to_the_validation_split(tmp_path: Path) -> None:
    name = folder(tmp_path, train=pairs(40), validation=pairs(8), test=pairs(6, label=-1))
    task = load_task(f"hub:{name}")
    assert (len(task.train), len(task.validation), len(task.test)) == (36, 4, 8)
    assert Counter(task.validation.labels) == {0: 2, 1: 2}


def test_single_texts_with_named_labels(tmp_path: Path) -> None:
    rows = [{"text": f"t {i}", "label": ["pos", "neg"][i % 2]} for i in range(20)]
    task = load(folder(tmp_path, train=rows, test=rows), seed=0)
    assert task.label_names == ("neg", "pos")
    assert (task.test.texts[0], task.test.labels[0]) == ("t 0", 1)
    assert len(task.validation) == 2


def test_columns_that_do_not_fit_are_named(tmp_path: Path) -> None:
    name = folder(tmp_path, train=[{"body": "x", "label": 1}])
    with pytest.raises(ValueError, match=r"expected text columns .* the data set has body, label"):
        load(name, seed=0)


def test_names_of_the_hub() -> None:
    assert repository("glue/mrpc") == ("glue", "mrpc")
    assert repository("nyu-mll/glue/mrpc") == ("nyu-mll/glue", "mrpc")
    assert repository("owner/data") == ("owner/data", None)
    assert repository("imdb") == ("imdb", None)
