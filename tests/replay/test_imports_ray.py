"""Ray Tune experiment directories as Ray 2.60 writes them, with the scars of crashes."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.replay.curve_sets import assert_same_sets
from tune_es import Policy
from tune_es.params import POLICY_FILE
from tune_es.replay.curve_set import CurveSet
from tune_es.replay.curves import TaskCurves
from tune_es.replay.imports import from_ray
from tune_es.replay.storage import load_curve_set, save_curve_set
from tune_es.replay.validation import check_curve_set

Result = dict[str, Any]


def result(trial_id: str, iteration: int, **reported: Any) -> Result:
    """What Ray's JSON logger writes of one report; the numbers of a clock are round."""
    return {
        **reported,
        "timestamp": 1700000000 + iteration,
        "checkpoint_dir_name": None,
        "done": False,
        "training_iteration": iteration,
        "trial_id": trial_id,
        "date": "2026-11-24_11-00-00",
        "time_this_iter_s": 2.0,
        "time_total_s": 2.0 * iteration,
        "pid": 4242,
        "hostname": "node",
        "node_ip": "127.0.0.1",
        "config": {"lr": 0.1},
        "time_since_restore": 2.0 * iteration,
        "iterations_since_restore": iteration,
        "experiment_tag": "0_lr=0.1",
    }


def losses(trial_id: str, *values: object, first: int = 1) -> list[Result]:
    """One result a value; None is a report without the loss."""
    return [
        result(trial_id, at, **({"lr_now": 0.1} if value is None else {"loss": value}))
        for at, value in enumerate(values, first)
    ]


def experiment(
    folder: Path,
    trials: Mapping[str, Sequence[Result]],
    configs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Path:
    """A folder a trial, with result.json and, where given, params.json."""
    for name, results in trials.items():
        inner = folder / f"train_{name}_0_lr=0.1_2026-11-24_11-00-00"
        inner.mkdir(parents=True)
        lines = "".join(json.dumps(each) + "\n" for each in results)
        (inner / "result.json").write_text(lines, encoding="utf-8")
        if configs and name in configs:
            (inner / "params.json").write_text(json.dumps(configs[name]), encoding="utf-8")
    (folder / "tuner.pkl").write_bytes(b"")
    return folder


def imported(folder: Path, metric: str = "loss", **options: Any) -> TaskCurves:
    (curves,) = from_ray(folder, metric, "min", **options).tasks
    return curves


def trial_of(folder: Path, name: str = "a") -> Path:
    return next(folder.glob(f"train_{name}_*"))


def test_a_sweep_becomes_a_set_that_saves(tmp_path: Path) -> None:
    configs = {"b": {"lr": 0.5, "model": {"width": 8}}, "a": {"lr": 0.1, "act": "relu"}}
    trials = {"b": losses("b", 3, 2), "a": losses("a", 5, math.nan, math.inf)}
    curve_set = from_ray(experiment(tmp_path / "sweep", trials, configs), "loss", "min")
    (curves,) = curve_set.tasks
    assert (curve_set.name, curves.task.source, curves.task.name) == ("sweep", "sweep", "sweep")
    assert (curves.trial_ids, curves.task.max_t) == (("a", "b"), 3)
    np.testing.assert_array_equal(curves.metrics["loss"], [5, math.nan, math.inf, 3, 2])
    assert (list(curves.metrics), curves.order) == (["loss"], None)
    assert curves.configs == [{"lr": 0.1, "act": "relu"}, {"lr": 0.5, "model/width": 8}]
    assert (
        "2 trials, 5 evaluations, judged by `loss` (min). `max_steps` is 3, the length of the"
        in (curve_set.readme)
    )
    save_curve_set(curve_set, tmp_path / "saved" / "sweep")
    assert_same_sets(curve_set, load_curve_set(tmp_path / "saved" / "sweep"))


def test_nested_numbers_are_metrics_and_bookkeeping_is_not(tmp_path: Path) -> None:
    reported = {"val": {"loss": 1.0, "top": {"k5": 2}}, "steps": 7, "flag": True, "word": "x"}
    reported |= {"es": {"best": 1.0, "code": 0}, "perf": {"cpu_util_percent": 3.0}}
    listed = [result("a", 1, **reported), result("a", 2, **reported, late=4.0)]
    curves = imported(experiment(tmp_path, {"a": listed}), "val/loss", task="mnist", max_t=9)
    assert sorted(curves.metrics) == ["late", "steps", "val/loss", "val/top/k5"]
    np.testing.assert_array_equal(curves.metrics["late"], [math.nan, 4])
    assert (curves.task.name, curves.task.max_t, curves.configs) == ("mnist", 9, [{"lr": 0.1}])


def test_the_last_life_wins_from_where_it_goes_back(tmp_path: Path) -> None:
    lived = losses("a", 9, 8, 7, 6) + losses("a", 5, 4, 3, first=3) + losses("a", 2, first=5)
    curve_set = from_ray(experiment(tmp_path, {"a": lived}), "loss", "min")
    np.testing.assert_array_equal(curve_set.tasks[0].values(0), [9, 8, 5, 4, 2])
    assert "trial a: 3 results ran again after a restore or retry" in curve_set.readme


def test_a_life_without_a_checkpoint_starts_again(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"a": losses("a", 9, 8, 7) + losses("a", 6, 5)})
    np.testing.assert_array_equal(imported(folder).values(0), [6, 5])


def test_a_result_without_the_metric_lends_its_seconds_to_the_next(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"a": losses("a", None, 3, None, None, 2, None, "x", 1, None)})
    curves = imported(folder)
    np.testing.assert_array_equal(curves.values(0), [3, 2, 1])
    np.testing.assert_array_equal(curves.seconds, [4, 6, 6])
    assert "6 results without `loss` are no evaluations" in from_ray(folder, "loss", "min").readme


def test_a_life_cut_back_takes_its_seconds_with_it(tmp_path: Path) -> None:
    lived = losses("a", None, 3, None, 2) + losses("a", 1.5, first=4)
    curves = imported(experiment(tmp_path, {"a": lived}))
    np.testing.assert_array_equal(curves.values(0), [3, 1.5])
    np.testing.assert_array_equal(curves.seconds, [4, 4])


@pytest.mark.parametrize("seconds", [None, "soon", -1.0, math.inf])
def test_seconds_that_are_none_are_unknown(seconds: object, tmp_path: Path) -> None:
    first, second = losses("a", 3, 2)
    listed = [{**first, "time_this_iter_s": seconds}, second]
    np.testing.assert_array_equal(
        imported(experiment(tmp_path, {"a": listed})).seconds, [math.nan, 2]
    )


def test_a_line_that_a_crash_cut_off_is_left_out_and_told(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"a": losses("a", 3, 2, 1)})
    file = trial_of(folder) / "result.json"
    file.write_bytes(file.read_bytes()[:-30])
    curve_set = from_ray(folder, "loss", "min")
    np.testing.assert_array_equal(curve_set.tasks[0].values(0), [3, 2])
    assert "trial a: line 3 of result.json was cut off" in curve_set.readme


def test_a_restored_trial_writes_on_in_the_line_that_was_cut_off(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"a": losses("a", 3, 2, 1)})
    file = trial_of(folder) / "result.json"
    again = "".join(json.dumps(each) + "\n" for each in losses("a", 7, 6, first=2))
    file.write_bytes(file.read_bytes()[:-100] + again.encode())
    curve_set = from_ray(folder, "loss", "min")
    np.testing.assert_array_equal(curve_set.tasks[0].values(0), [3, 7, 6])
    assert "line 3 of result.json was cut off" in curve_set.readme


def test_a_line_that_no_crash_explains_is_refused(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"a": losses("a", 3, 2)})
    file = trial_of(folder) / "result.json"
    file.write_text("loss: 3\n" + file.read_text())
    with pytest.raises(ValueError, match=r"result.json line 1: a result must be a JSON object"):
        from_ray(folder, "loss", "min")


def test_results_that_ray_lost_when_a_trial_was_resumed_are_those_of_its_table(
    tmp_path: Path,
) -> None:
    """The file holds what was uploaded before the pause, and what came after it."""
    folder = experiment(tmp_path, {"a": losses("a", 9, 8, 7, math.nan, 5, 4, 3)})
    file = trial_of(folder) / "result.json"
    lines = file.read_text().splitlines()
    file.write_text("\n".join([lines[0], lines[3], lines[4]]) + "\n")
    assert imported(folder).values(0).tolist()[2:] == [5]
    rows = [
        {"loss": loss, "checkpoint_dir_name": "", "done": False, "training_iteration": at,
         "time_this_iter_s": 2.5, "es/order": 10 * at, "trial_id": "1234e567"}
        for at, loss in enumerate((9, 8, 7, math.nan, 5, 4, 3), 1)
    ]  # fmt: skip
    with (file.parent / "progress.csv").open("w", newline="") as table:
        writer = csv.DictWriter(table, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    curve_set = from_ray(folder, "loss", "min")
    (curves,) = curve_set.tasks
    np.testing.assert_array_equal(curves.values(0), [9, 8, 7, math.nan, 5, 4, 3])
    np.testing.assert_array_equal(curves.seconds, [2, 2.5, 2.5, 2, 2, 2.5, 2.5])
    assert curves.trial_ids == ("a",)
    assert "trial a: 4 results that result.json lost are those of progress.csv" in curve_set.readme


STATE = "experiment_state-2026-11-24_11-00-00.json"


def state(folder: Path, **trials: tuple[str, str]) -> None:
    """What Ray saves of its trials, in no order: tag and status by id."""
    known = [
        [json.dumps({"trial_id": name, "experiment_tag": tag, "status": status}), "{}"]
        for name, (tag, status) in trials.items()
    ]
    (folder / STATE).write_text(json.dumps({"trial_data": known, "runner_data": {}}))


def test_trials_of_a_searcher_are_named_in_the_order_in_which_they_joined(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"c": losses("c", 1), "a": losses("a", 2), "b": losses("b", 3)})
    state(folder, b=("10_lr=1", "ERROR"), a=("2", "TERMINATED"), c=("1_x", "PAUSED"))
    curves = imported(folder)
    assert curves.trial_ids == ("00001_c", "00002_a", "00010_b")
    assert curves.values(2).tolist() == [3]
    assert curves.configs == [{"lr": 0.1}] * 3
    assert curves.metrics["es/failed"].tolist() == [0, 0, 1]


@pytest.mark.parametrize("text", ["", "[]", '{"trial_data": [[]]}', '{"trial_data": [["{}"]]}'])
def test_a_state_that_says_nothing_changes_nothing(text: str, tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"b": losses("b", 1), "a": losses("a", 2)})
    (folder / STATE).write_text(text)
    assert imported(folder).trial_ids == ("a", "b")
    state(folder, a=("0_x", "TERMINATED"), b=("0_y", "TERMINATED"))
    assert imported(folder).trial_ids == ("a", "b")
    state(folder, a=("0_x", "TERMINATED"), b=("1_y", "TERMINATED"))
    assert (imported(folder).trial_ids, list(imported(folder).metrics)) == (("a", "b"), ["loss"])


@pytest.mark.parametrize(
    ("kind", "saves", "expected"),
    [("function", [1, 0, 1], [1, 0, 1]), ("function", [1, 1, 1], None),
     ("function", [0, 0, 0], [0, 0, 0]), ("class", [0, 0, 0], [0, 0, 0]), ("class", [1], None)],
)  # fmt: skip
def test_who_had_no_checkpoint_to_pause_with_is_told_under_promotion(
    kind: str, saves: list[int], expected: list[float] | None, tmp_path: Path
) -> None:
    """A function names its checkpoint in the result, or none; of a class there is a folder."""
    rows = losses("a", *saves)
    for at, row in enumerate(rows):
        row["checkpoint_dir_name"] = "checkpoint_000000" if saves[at] else None
        if kind == "class":
            del row["checkpoint_dir_name"]
    folder = experiment(tmp_path, {"a": rows})
    if any(saves):
        (trial_of(folder) / "checkpoint_000000").mkdir()
    assert "es/saved" not in imported(folder).metrics
    policy = Policy("loss", "min", stop="none", max_t=9, promotion="AdaptiveQuota")
    (folder / POLICY_FILE).write_text(policy.to_yaml())
    found = imported(folder).metrics.get("es/saved")
    assert (None if found is None else found.tolist()) == expected


def judged(trial: str, *orders: object) -> list[Result]:
    listed = losses(trial, *range(len(orders), 0, -1))
    return [{**row, "es": {"order": order}} for row, order in zip(listed, orders, strict=True)]


def test_the_order_of_judging_is_kept(tmp_path: Path) -> None:
    folder = experiment(tmp_path, {"a": judged("a", 0, 3, 4), "b": judged("b", 1, 2)})
    np.testing.assert_array_equal(imported(folder).order, [0, 3, 4, 1, 2])


@pytest.mark.parametrize("orders", [(0, None, 2), (0, 2, 1), (0, 0, 1), (math.nan, 1, 2)])
def test_an_order_that_is_not_one_is_left_out_and_told(
    orders: Sequence[object], tmp_path: Path
) -> None:
    curve_set = from_ray(experiment(tmp_path, {"a": judged("a", *orders)}), "loss", "min")
    assert curve_set.tasks[0].order is None
    assert "the order of judging is left out: `es/order` is missing" in curve_set.readme
    assert [each for each in check_curve_set(curve_set) if each.level == "error"] == []


def test_another_clock_orders_the_results(tmp_path: Path) -> None:
    listed = [result("a", at, loss=loss, epoch=epoch) for at, loss, epoch in
              ((1, 5, 10), (2, 4, 20), (3, 3, 15), (4, 2, math.nan))]  # fmt: skip
    curves = imported(experiment(tmp_path, {"a": listed}), time_attr="epoch")
    np.testing.assert_array_equal(curves.values(0), [5, 3])
    np.testing.assert_array_equal(curves.metrics["epoch"], [10, 15])


def test_trials_without_an_evaluation_are_left_out_and_told(tmp_path: Path) -> None:
    trials = {"a": losses("a", 1), "b": losses("b", None), "c": []}
    curve_set = from_ray(experiment(tmp_path, trials), "loss", "min")
    assert curve_set.tasks[0].trial_ids == ("a",)
    assert "trial b: no evaluation, left out" in curve_set.readme
    assert "- trial train_c_0" in curve_set.readme


def test_a_metric_with_a_name_of_the_format_is_not_taken_over(tmp_path: Path) -> None:
    curve_set = from_ray(
        experiment(tmp_path, {"a": [result("a", 1, loss=1, step=500)]}), "loss", "min"
    )
    assert list(curve_set.tasks[0].metrics) == ["loss"]
    assert (
        "`step` is a column of the format, and was not taken over as a metric" in curve_set.readme
    )
    with pytest.raises(ValueError, match="a metric cannot be called 'step'"):
        from_ray(tmp_path, "step", "min")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"metric": "los"}, "no result has a number 'los'; did you mean 'loss'"),
     ({"metric": "time_total_s"}, "no result has a number 'time_total_s'"),
     ({"mode": None}, "the mode of 'loss' must be given; neither is guessed"),
     ({"mode": "minimize"}, "got 'minimize'; did you mean 'min'"),
     ({"time_attr": "training_iter"}, "'training_iter'; did you mean 'training_iteration'"),
     ({"max_t": 0}, "from_ray.max_t must be a whole number of at least 1, got 0")],
)  # fmt: skip
def test_wrong_names_are_refused_with_the_nearest(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    folder = experiment(tmp_path, {"a": losses("a", 1)})
    with pytest.raises(ValueError, match=words):
        from_ray(**{"experiment_dir": folder, "metric": "loss", "mode": "min", **options})


def test_folders_that_are_no_experiment_are_refused(tmp_path: Path) -> None:
    folder = experiment(tmp_path / "sweep", {"a": losses("a", 1)})
    with pytest.raises(ValueError, match=r"is the folder of one trial; name its parent .*sweep"):
        from_ray(trial_of(folder), "loss", "min")
    with pytest.raises(ValueError, match="for every trial, got no folder of trials"):
        from_ray(tmp_path / "typo", "loss", "min")
    with pytest.raises(ValueError, match="for every trial, got 0 trials without a result"):
        from_ray(tmp_path, "loss", "min")
    twins = experiment(tmp_path / "twins", {"a": losses("a", 1), "b": losses("a", 1)})
    with pytest.raises(ValueError, match="has two trials called 'a'"):
        from_ray(twins, "loss", "min")


def test_the_set_has_the_name_of_its_folder_however_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(experiment(tmp_path / "sweep", {"a": losses("a", 1)}))
    found: CurveSet = from_ray(".", "loss", "min")
    assert found.name == "sweep"


def test_a_sweep_of_ours_says_its_metric_mode_and_budget(tmp_path: Path) -> None:
    rows = [{**row, "f1": 0.5} for row in losses("a", 1, 2, 3)]
    folder = experiment(tmp_path, {"a": rows})
    policy = Policy("loss", "min", stop="safe", other_metrics={"f1": "max"}, max_t=9)
    (folder / POLICY_FILE).write_text(policy.to_yaml())
    for metric, mode, expected in (
        (None, None, ("loss", "min", 9)),
        ("loss", None, ("loss", "min", 9)),
        ("f1", None, ("f1", "max", 9)),
        ("f1", "min", ("f1", "min", 3)),
    ):
        task = from_ray(folder, metric, mode).tasks[0].task
        assert (task.metric, task.mode, task.max_t) == expected
    with pytest.raises(ValueError, match="the mode of 'f2' must be given"):
        from_ray(folder, "f2")
