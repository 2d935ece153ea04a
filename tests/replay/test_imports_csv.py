"""Tables of evaluations: columns by name, and the line of what is wrong."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tune_es.replay.curve_set import CurveSet
from tune_es.replay.imports import from_csv

TABLE = """run,epoch,val_loss,acc,took,lr,act
b,10,0.9,0.1,2,0.1,relu
a,2,0.5,0.2,2,1,tanh
a,1,0.7,,3,1,tanh
b,20,nan,0.3,,0.1,relu
"""


def imported(folder: Path, text: str = TABLE, **options: Any) -> CurveSet:
    file = folder / "runs.csv"
    file.write_text(text, encoding="utf-8")
    asked = {
        "trial_id": "run",
        "step": "epoch",
        "hyperparameters": ["lr", "act"],
        "seconds": "took",
    }
    return from_csv(file, **{"metric": "val_loss", "mode": "min", **asked, **options})


def test_a_table_in_any_order_becomes_a_set(tmp_path: Path) -> None:
    curve_set = imported(tmp_path)
    (curves,) = curve_set.tasks
    assert (curve_set.name, curves.task.name, curves.task.max_t) == ("runs", "runs", 2)
    assert (curves.trial_ids, list(curves.metrics)) == (("a", "b"), ["acc", "val_loss"])
    np.testing.assert_array_equal(curves.metrics["val_loss"], [0.7, 0.5, 0.9, math.nan])
    np.testing.assert_array_equal(curves.metrics["acc"], [math.nan, 0.2, 0.1, 0.3])
    np.testing.assert_array_equal(curves.seconds, [3, 2, 2, math.nan])
    assert curves.configs == [{"lr": 1, "act": "tanh"}, {"lr": 0.1, "act": "relu"}]


def test_only_the_columns_asked_for_are_read(tmp_path: Path) -> None:
    text = "trial_id,step,val_loss,note\na,1,0.5,good\n"
    plain = {"trial_id": "trial_id", "step": "step", "hyperparameters": (), "seconds": None}
    (curves,) = imported(tmp_path, text, metrics=[], task="mnist", max_t=7, **plain).tasks
    assert (list(curves.metrics), curves.seconds, curves.configs) == (["val_loss"], None, [{}])
    assert (curves.task.name, curves.task.max_t) == ("mnist", 7)


def test_a_row_without_the_objective_is_no_evaluation(tmp_path: Path) -> None:
    curve_set = imported(tmp_path, TABLE + "a,3, ,0.9,1,1,tanh\n")
    assert curve_set.tasks[0].trial_ids == ("a", "b")
    assert curve_set.tasks[0].starts.tolist() == [0, 2, 4]
    assert "- 1 rows without val_loss are left out" in curve_set.readme


def test_a_byte_order_mark_and_a_column_without_a_name_do_no_harm(tmp_path: Path) -> None:
    text = "\ufeffrun,epoch,val_loss,\na,1,0.5,0\n"
    (curves,) = imported(tmp_path, text, **PLAIN).tasks
    assert (curves.trial_ids, list(curves.metrics)) == (("a",), ["val_loss"])


PLAIN: dict[str, Any] = {"hyperparameters": (), "seconds": None}

WRONG: list[tuple[str, dict[str, Any], str]] = [
    (TABLE, {"metric": "val_los"}, "no column 'val_los'; did you mean 'val_loss'"),
    (TABLE, {"trial_id": "trial"}, "runs.csv has no column 'trial'"),
    (TABLE, {"step": "epochs"}, "no column 'epochs'; did you mean 'epoch'"),
    (TABLE, {"metrics": ["accuracy"]}, "no column 'accuracy'"),
    (TABLE, {"mode": None}, "Metric.mode must be a known name, got None"),
    (TABLE, {"max_t": 1.5}, "from_csv.max_t must be a whole number"),
    (TABLE, {"hyperparameters": ["lr"]}, "line 2: act must be a number, got 'relu'; name the"),
    (TABLE + "a,3,low,1,1,1,tanh\n", {}, "line 6: val_loss must be a number, got 'low'"),
    (TABLE + "a,,1,1,1,1,tanh\n", {}, "line 6: epoch must be a number, got ''"),
    (TABLE + "a,inf,1,1,1,1,tanh\n", {}, "line 6: epoch must be finite, got inf"),
    (TABLE + "a,2.0,1,1,1,1,tanh\n", {}, "line 6: trial 'a' must have a step once, got 2 as in"),
    (TABLE + "a,3,1,1,1,2,tanh\n", {}, "line 6: lr must not change within trial 'a', got '2'"),
    (TABLE + "a,3,1,1,1,1,tanh,9\n", {}, "line 6: more cells than the first line has"),
    (TABLE, {"hyperparameters": ["lr", "act", "val_loss"]}, "val_loss"),
    ("run,epoch,val_loss,step\na,1,1,1\n", PLAIN, "a metric cannot be called 'step'"),
    ("run,epoch,val_loss\n", PLAIN, "no trial reported 'val_loss'"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "options", "words"), WRONG)
def test_what_is_wrong_is_refused_with_its_place(
    text: str, options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=words):
        imported(tmp_path, text, **options)
