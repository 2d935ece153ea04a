"""The recorded fine-tuning benchmark as it is committed."""

from __future__ import annotations

import csv

import numpy as np

from experiments.finetune.about import METRICS
from experiments.finetune_policies import NAMES, OBJECTIVES, RESULTS, TIED
from tune_es.replay import check_curve_set, load_curve_set

FOLDER = RESULTS / "finetune_benchmark"


def test_every_trial_is_there_in_full_with_every_metric() -> None:
    assert check_curve_set(FOLDER) == []
    curve_set = load_curve_set(FOLDER)
    assert len(curve_set.tasks) >= 2
    for curves in curve_set.tasks:
        assert len(curves) >= 60
        assert set(curves.lengths.tolist()) == {20} == {curves.task.max_t}
        assert curves.seconds is not None
        assert set(METRICS) == {*curves.metrics, "seconds"}
        assert all(np.isfinite(each).all() for each in [*curves.metrics.values(), curves.seconds])
        assert len({str(sorted(each.items())) for each in curves.configs}) == len(curves)
        assert int(curve_set.notes[curves.task.name]["n_val"]) >= 100
    for named in ("Command: `python -m", "Versions:", "Machine:", "numbers only"):
        assert named in curve_set.readme
    assert sum(each.stat().st_size for each in FOLDER.iterdir()) < 500_000


def test_the_policies_were_compared_on_all_of_it() -> None:
    names = [each.task.name for each in load_curve_set(FOLDER).tasks]
    with (RESULTS / "finetune_policies.csv").open(newline="") as file:
        rows = {(row["policy"], row["task"]) for row in csv.DictReader(file)}
    assert rows == {
        (policy, f"{name} by {objective}")
        for name in names
        for objective in OBJECTIVES
        for policy in NAMES
        if policy not in TIED or objective == "eval_accuracy"
    }
