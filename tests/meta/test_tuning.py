"""The whole procedure on tasks whose best policy is known, and on recorded ones."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.meta.tasks import STEPS, TRIALS, early, late, split_of
from tune_es import Policy
from tune_es.certificate import Certificate
from tune_es.meta import (
    FULL,
    PRESETS,
    Bench,
    Goal,
    Measured,
    OnTask,
    Recipe,
    Space,
    Split,
    Tuned,
    Tuning,
    Where,
    Workers,
    clopper_pearson,
    fingerprint,
    leave_one_out,
    policy_text,
    tune,
    tune_on,
    typical_max_t,
    write_policy,
)
from tune_es.replay import candidate, judge, load_tasks

QUICK = Tuning(n_trials=40, trials=8, seeds=2, space=Space(("compare", "promote")))
SHARED = Path(os.environ.get("TUNE_ES_SHARED", "../shared"), "curves")


@pytest.fixture(scope="module")
def found() -> Tuned:
    return tune(split_of(6, 5), QUICK)


def test_the_cheap_policy_that_loses_nothing_is_found(found: Tuned) -> None:
    """One step of everything and one trial in full is the least that loses nothing."""
    least = (8 - 1 + STEPS) / (8 * STEPS)
    chosen = found.report.chosen
    assert chosen.tuning.regret.value == 0 == chosen.tuning.over
    assert least <= chosen.tuning.cost.value < 1.5 * least
    assert chosen.held_out is not None
    assert chosen.held_out.cost.value < 1.5 * least


def test_the_gain_over_the_best_preset_is_shown(found: Tuned) -> None:
    report = found.report
    assert [each.policy for each in report.presets] == list(PRESETS)
    compared = report.comparison
    keeping = [each for each in report.presets if each.tuning.over == 0]
    assert compared.preset == min(keeping, key=lambda each: each.tuning.cost.value).policy
    assert compared.gain
    assert compared.difference is not None
    assert compared.difference.high < 0
    assert report.tried == 40 == len(found.tried)


def test_the_front_is_not_dominated_and_dominates_the_rest(found: Tuned) -> None:
    front = found.report.front
    tried = [(each.measured.cost, each.measured.regret) for each in found.tried]
    for point in front:
        assert not any(
            cost <= point.cost
            and regret <= point.regret
            and (cost, regret) != (point.cost, point.regret)
            for cost, regret in tried
        )
    for cost, regret in tried:
        assert any(point.cost <= cost and point.regret <= regret for point in front)
    assert [each.cost for each in front] == sorted(each.cost for each in front)


def test_the_certificate_says_what_it_rests_on(found: Tuned) -> None:
    certificate, split = found.certificate, split_of(6, 5)
    assert certificate is not None
    assert (certificate.tasks, certificate.over, certificate.candidates) == (5, 0, 1)
    assert certificate.bound == clopper_pearson(0, 5, 0.9)
    assert certificate.sweeps_bound == pytest.approx(certificate.bound)
    assert certificate.curves == fingerprint([*split.held_out, *split.tuning])
    assert (certificate.tuned_on, certificate.tried) == (6, 40)
    assert certificate.metrics == ("val_loss min",)
    assert (certificate.max_t, certificate.trials, certificate.workers) == ((12, 12), (8, 8), 8)
    assert certificate.noise is not None


def test_a_shortlist_is_paid_for_in_the_bound() -> None:
    found = tune(split_of(4, 4), Tuning(**{**vars(QUICK), "shortlist": 5, "n_trials": 20}))
    assert found.certificate is not None
    assert found.certificate.candidates == 5
    assert found.certificate.bound == pytest.approx(clopper_pearson(0, 4, 0.98))
    assert "but to choose among 5" in found.certificate.exchangeable


def test_where_nothing_keeps_the_limit_training_in_full_does() -> None:
    split = Split(
        tuple(late(f"l{at}", at) for at in range(3)), tuple(late(f"h{at}", at) for at in range(2))
    )
    space = Space(("promote",))
    found = tune(split, Tuning(n_trials=5, trials=TRIALS, seeds=1, space=space))
    assert found.report.feasible == 0
    assert found.recipe == FULL
    assert found.report.chosen.policy == "in full"
    assert not found.report.comparison.gain
    assert found.report.comparison.why.startswith("no gain")


def test_no_gain_where_the_held_out_tasks_are_others() -> None:
    """What is best on early tasks fails on late ones, and both the report and the bound say so."""
    split = Split(split_of(4, 0).tuning, tuple(late(f"l{at}", at) for at in range(4)))
    found = tune(split, Tuning(n_trials=16, trials=TRIALS, seeds=1, space=Space(("promote",))))
    assert not found.report.comparison.gain
    assert "4 of 4 held-out tasks lose more than 0.01" in found.report.comparison.why
    assert found.certificate is not None
    assert found.certificate.bound == 1.0


def test_without_held_out_tasks_there_is_no_certificate() -> None:
    found = tune(split_of(3, 0), Tuning(**{**vars(QUICK), "n_trials": 13}))
    assert found.certificate is None
    assert found.report.chosen.held_out is None
    assert not found.report.comparison.gain


def test_the_report_is_the_same_from_a_storage(tmp_path: Path) -> None:
    tuning = Tuning(**{**vars(QUICK), "n_trials": 20})
    where = Where(storage=str(tmp_path / "journal"))
    first, again = (tune(split_of(3, 2), tuning, where) for _ in range(2))
    assert first.report == again.report
    assert first.certificate == again.certificate
    with pytest.raises(
        ValueError, match=r"holds a search with other settings \(seeds was 2, now 3"
    ):
        tune(split_of(3, 2), Tuning(**{**vars(tuning), "seeds": 3}), where)
    with pytest.raises(ValueError, match=r"other settings \(curves was"):
        tune(split_of(4, 2), tuning, where)


def test_the_file_holds_policy_and_certificate(found: Tuned, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    policy = found.recipe.policy("val_loss", "min", 12, 8)
    write_policy(path, policy, found.certificate)
    assert Policy.from_file(path) == policy == Policy.from_yaml(path.read_text())
    assert Certificate.from_file(path) == found.certificate
    path.write_text(policy_text(policy, None))
    assert Certificate.from_file(path) is None
    curves = early("again", 99)
    (score,) = judge([curves], [candidate(str(path))], trials=8, seeds=1)
    assert score.cost < 0.4


def test_splits_share_workers_and_nothing_is_measured_twice() -> None:
    tasks = [early(f"e{at}", at) for at in range(3)]
    tuning = Tuning(**{**vars(QUICK), "n_trials": 13, "seeds": 1})
    at_work = Counted(tuning.bench(tasks))
    for parts in leave_one_out(tasks):
        found, alone = tune_on(at_work, parts, tuning), tune(parts, tuning)
        assert found.report == alone.report
        assert found.certificate == alone.certificate
        assert found.certificate is not None
        assert found.certificate.tasks == 1
        assert "each left out in turn" in found.certificate.exchangeable
    assert len(at_work.asked) == len(set(at_work.asked))
    assert typical_max_t(tasks) == 12


class Counted(Workers):
    """Remembers what it was asked to run."""

    def __init__(self, bench: Bench) -> None:
        super().__init__(bench)
        self.asked = list[tuple[int, str]]()

    def results(self, jobs: Sequence[tuple[int, tuple[Recipe, ...]]]) -> Iterator[list[OnTask]]:
        self.asked += [(task, repr(each)) for task, recipes in jobs for each in recipes]
        return super().results(jobs)


def test_a_bench_that_measures_otherwise_is_refused() -> None:
    parts = split_of(2, 1)
    with pytest.raises(ValueError, match=r"a bench with Tuning\.seeds = 2, got 3"):
        tune_on(Workers(Tuning(trials=8, seeds=3).bench(parts.tuning)), parts, QUICK)
    with pytest.raises(ValueError, match="'early/e02', which is not on the bench"):
        tune_on(Workers(QUICK.bench(parts.tuning)), parts, QUICK)


def test_the_margin_is_for_the_tuning_tasks() -> None:
    ten = Measured((OnTask(0.1, 0.5, 1.0), *[OnTask(0.1, 0.0, 0.0)] * 9))
    assert Goal(0.01, 0.9, margin=1).is_kept_by(ten)
    assert not Goal(0.01, 0.9).is_kept_by(ten)
    twenty = Measured((OnTask(0.1, 0.5, 1.0), *[OnTask(0.1, 0.0, 0.0)] * 19))
    assert Goal(0.01, 0.9).is_kept_by(twenty)


def test_mistakes_are_said_when_built() -> None:
    with pytest.raises(ValueError, match=r"Tuning\.margin must be a number"):
        Tuning(margin=2.0)
    with pytest.raises(ValueError, match=r"Tuning\.confidence must be a number"):
        Tuning(confidence=1.0)
    with pytest.raises(ValueError, match=r"Tuning\.n_trials must be a whole number"):
        Tuning(n_trials=0)
    with pytest.raises(ValueError, match=r"val_f1"):
        tune(
            split_of(2, 1),
            Tuning(n_trials=13, trials=4, seeds=1, space=Space(other_metrics={"val_f1": "max"})),
        )


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"there are no recorded curves in {SHARED}")
def test_on_recorded_curves() -> None:
    tasks = load_tasks(SHARED / "taskset_text")
    parts = Split(tuple(tasks[:4]), tuple(tasks[4:6]))
    space = Space(("compare", "promote"))
    found = tune(parts, Tuning(max_regret=0.02, n_trials=16, trials=20, seeds=1, space=space))
    report, certificate = found.report, found.certificate
    assert 0 < report.feasible < report.tried == 16
    assert report.chosen.tuning.over == 0
    assert report.chosen.tuning.cost.value < report.presets[1].tuning.cost.value  # safe
    assert certificate is not None
    assert certificate.max_t == (51, 51)
