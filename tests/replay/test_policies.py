"""Policies by name and by file, freed from the task that they were written for."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pytest

from tests.builders import refusal
from tests.replay.schedulers import recorded
from tune_es import Adaptive, BelowMedian, Criterion, Never, OverfitGap, Patience, Policy, Target
from tune_es.promotion import PromotionRule
from tune_es.replay import Cluster, InOrder, PolicyScheduler, Task, replay
from tune_es.replay.policies import FULL, Candidate, Rule, candidate, candidates
from tune_es.spec import KINDS, PRESETS

TASK = Task("set", "other task", "val_acc", "max", max_t=40)


def policy_of(each: Candidate, task: Task = TASK) -> Policy:
    assert each.policy is not None
    return each.policy(task)


def written(folder: Path, text: str, name: str = "mine.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_by_name_takes_everything_else_from_the_task(name: str) -> None:
    found = candidate(name)
    assert found.name == name
    assert policy_of(found) == Policy("val_acc", "max", stop=name, max_t=40)
    scheduler = found.make(TASK, 100)
    assert isinstance(scheduler, PolicyScheduler)
    assert scheduler.referee.policy == policy_of(found)


def test_full_is_training_everything() -> None:
    found = candidate("full")
    assert (found.name, found.policy) == (FULL, None)
    scheduler = found.make(TASK, 10)
    assert type(scheduler) is InOrder


@pytest.mark.parametrize("name", KINDS)
def test_a_criterion_by_name_has_its_defaults_or_is_refused_in_a_sentence(name: str) -> None:
    try:
        expected = KINDS[name]()
    except (TypeError, ValueError):
        assert refusal(candidate, name).startswith(f"policy {name!r}: ")
        return
    if isinstance(expected, Criterion) and expected.metric_names:
        assert refusal(candidate, name).startswith(f"policy {name!r}: Policy.stop judges ")
    elif isinstance(expected, Criterion):
        assert policy_of(candidate(name)).criterion == expected
    elif isinstance(expected, PromotionRule):
        policy = policy_of(candidate(name))
        assert (policy.promotion, policy.stop) == (expected, Never())
    else:
        assert "must describe a criterion" in refusal(candidate, name)


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        ("{Patience: {patience: 3}}", Patience(3)),
        (" {stop: {Patience: {patience: 3}}}", Patience(3)),
        ("{AnyOf: [{Patience: {patience: 3}}, {Target: {value: 0.5}}]}", Patience(3) | Target(0.5)),
    ],
)
def test_a_text_that_begins_with_a_brace_is_the_policy_itself(text: str, stop: Criterion) -> None:
    found = candidate(text)
    assert found.name == text
    assert policy_of(found) == Policy("val_acc", "max", stop=stop, max_t=40)


def test_a_whole_policy_keeps_its_rule_and_its_guards_on_another_task(tmp_path: Path) -> None:
    policy = Policy(
        "eval_loss", "min", stop=Adaptive.safe() | OverfitGap("train_loss"),
        other_metrics={"train_loss": "min", "val_acc": "max"}, max_t=9, time_attr="epoch",
        not_before=4, nonfinite_patience=None, explosion_factor=50.0,
    )  # fmt: skip
    found = candidate(written(tmp_path, policy.to_yaml()))
    assert found.name == "mine"
    assert policy_of(found) == Policy(
        "val_acc", "max", stop=policy.criterion, other_metrics={"train_loss": "min"}, max_t=40,
        not_before=4, nonfinite_patience=None, explosion_factor=50.0,
    )  # fmt: skip
    back = policy_of(found, Task("set", "its own", "eval_loss", "min", 9))
    assert back == Policy.from_dict({**policy.to_dict(), "time_attr": "training_iteration"})


def test_a_rule_that_names_its_own_metric_is_kept_for_tasks_with_that_metric(
    tmp_path: Path,
) -> None:
    policy = Policy("eval_loss", "min", stop=Patience(3, metric="eval_loss"))
    found = candidate(written(tmp_path, policy.to_yaml()))
    mine = Task("set", "its own", "eval_loss", "min", 9)
    assert policy_of(found, mine).criterion == policy.criterion
    assert "'eval_loss'" in refusal(policy_of, found)


def test_a_file_may_hold_a_rule_alone(tmp_path: Path) -> None:
    for text in (
        "Patience:\n  patience: 7\n",
        "Patience: {patience: 7}",
        "stop: {Patience: {patience: 7}}",
    ):
        assert policy_of(candidate(written(tmp_path, text))).criterion == Patience(7)
    assert policy_of(candidate(written(tmp_path, "median\n", "x.yml"))).criterion == BelowMedian()


def test_what_the_rule_needs_of_the_budget_comes_from_the_task(tmp_path: Path) -> None:
    found = candidate(written(tmp_path, "metric: loss\nmode: min\nstop: balanced\nmax_t: 5"))
    assert policy_of(found).max_t == 40
    curves = recorded([[0.5] * 60], max_t=40)
    run = replay(found.make(curves.task, 1), curves, Cluster(1))
    alone = policy_of(found, curves.task).first_stop([0.5] * 40)
    assert alone is not None
    assert run.reached.tolist() == [alone.step] != [40]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stop: [", "valid YAML"),
        ("stop: safe\nstop: safe", "a second time"),
        ("", "got None"),
        ("- a\n- b", "must be the name of a preset or a criterion"),
        ("Patiense: {}", "stop names no criterion 'Patiense'; did you mean 'Patience'?"),
        ("Patience: {patiense: 3}", "did you mean 'patience'?"),
        ("Patience: {patience: 0}", "Patience.patience"),
        ("stop: safe\nnot_befor: 3", "did you mean 'not_before'?"),
        ("stop: safe\nmonitor: loss", "it is called 'metric' here"),
        ("stop: safe\n3: 4", "Policy has no field 3"),
        ("stop: safe\nother_metrics: [a]", "Policy.other_metrics must map names to modes"),
        ("stop: safe\nnot_before: -1", "Policy.not_before"),
        ("metric: loss\nmode: minimum\nstop: safe", "did you mean 'min'?"),
        ("stop: {OverfitGap: {train_metric: train_loss}}", "Policy.stop judges 'train_loss'"),
        ("stop: {Budget: {cost: 3}}", "Policy.cost_attr or price_per_hour"),
    ],
)
def test_a_file_that_describes_no_policy_is_refused_by_its_name(
    tmp_path: Path, text: str, said: str
) -> None:
    message = refusal(candidate, written(tmp_path, text, "wrong.yaml"))
    assert message.startswith("policy 'wrong': ")
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "meant"),
    [("save", "'safe'"), ("Balanced", "'balanced'"), ("halvign", "'halving'"), ("ful", "'full'")],
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, meant: str) -> None:
    message = refusal(candidate, name)
    assert repr(name) in message
    assert f"did you mean {meant}?" in message


@pytest.mark.parametrize("name", ["", "x" * 5000, "a/b", "zzz", "\0"])
def test_an_odd_name_is_refused_with_all_there_are(name: str) -> None:
    message = refusal(candidate, name)
    assert repr(name) in message
    assert message.endswith(
        "Valid: aggressive, balanced, full, halving, median, none, patience, safe"
    )


def test_a_file_that_is_not_there_is_an_error_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"nowhere\.yaml"):
        candidate(str(tmp_path / "nowhere.yaml"))


def test_a_file_in_the_folder_does_not_hide_a_preset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("safe", "full", "Patience"):
        written(tmp_path, "Target: {value: 1}", name)
    assert policy_of(candidate("safe")).criterion == Adaptive.safe()
    assert candidate("full").policy is None
    assert policy_of(candidate("Patience")).criterion == Patience()


def test_two_policies_of_one_name_are_refused(tmp_path: Path) -> None:
    assert [each.name for each in candidates(["safe", "full", "Patience"])] == [
        "safe", "full", "Patience",
    ]  # fmt: skip
    file = written(tmp_path, "median", "safe.yaml")
    assert "two policies are called 'safe'" in refusal(candidates, ["safe", file])
    assert candidates([]) == []


@pytest.mark.parametrize("name", ["full", "safe", "halving", "{Patience: {patience: 2}}"])
def test_a_candidate_travels_to_another_process(name: str) -> None:
    before = candidate(name)
    after = pickle.loads(pickle.dumps(before))
    assert after.name == before.name
    curves = recorded([[0.5, 0.6, 0.7, 0.8], [0.5, math.nan, 0.4, 0.3]])
    runs = [replay(each.make(curves.task, 2), curves) for each in (before, after)]
    assert repr(runs[0]) == repr(runs[1])


def test_every_scheduler_is_a_fresh_one() -> None:
    found = candidate("{Patience: {patience: 2}}")
    curves = recorded([[0.5, 0.6, 0.7, 0.8]])
    for _ in range(2):
        assert replay(found.make(curves.task, 1), curves).reached.tolist() == [3]


def test_a_rule_on_a_task_whose_objective_is_another_metric_of_the_rule() -> None:
    rule = Rule(Policy("loss", "min", stop=Patience(2), other_metrics={"val_acc": "max"}))
    assert rule.policy(TASK).other_metrics == {}
    assert rule.policy(TASK).metric == "val_acc"


def test_a_trial_is_judged_by_its_own_parameters_only_where_that_is_asked_for() -> None:
    own: list[dict[str, object]] = [{"es": {"patience": 1}}, {"es/patience": 2}, {"lr": 0.1}]
    curves = recorded([[1.0] * 9] * 3, configs=own)
    policy = Policy("val_loss", "min", stop=Patience(4))
    assert replay(PolicyScheduler(policy, own_params=True), curves).reached.tolist() == [2, 3, 5]
    assert replay(PolicyScheduler(policy), curves).reached.tolist() == [5, 5, 5]
