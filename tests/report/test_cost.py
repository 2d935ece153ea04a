"""What stopping may have cost, where full curves can tell."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from tests.builders import refusal
from tests.monitoring.experiments import curves, experiment, foreign, sweep, trial
from tune_es import Patience, Policy
from tune_es.replay import TaskCurves, task_curves
from tune_es.report.cost import cost_of
from tune_es.report.page import report_page

HASTY = Policy("eval_loss", "min", stop=Patience(1, min_delta=0.5), max_t=20)


def recorded(trials: int = 30) -> TaskCurves:
    values = [curves(1000 + at)[1] for at in range(trials)]
    return task_curves(
        [each["eval_loss"] for each in values],
        "eval_loss",
        "min",
        train_loss=[each["train_loss"] for each in values],
        eval_accuracy=[each["eval_accuracy"] for each in values],
    )


def test_recorded_curves_tell_it() -> None:
    patient, hasty = (
        cost_of(replace(sweep(20), policy=each), [recorded()])
        for each in (replace(HASTY, stop=Patience(19)), HASTY)
    )
    assert (patient.unknown, patient.trials, patient.streams) == ("", 30, 20)
    assert patient.regret == patient.over_1_percent == 0
    assert hasty.regret > 0.2
    assert hasty.worst >= hasty.regret
    assert hasty.steps < 0.3 < patient.steps
    html = report_page(sweep(20), cost=hasty)
    assert "on average" in html
    assert "30 full curves (recorded curves)" in html


def test_curves_that_were_cut_are_left_out() -> None:
    cut = task_curves([[0.9, 0.5, 0.4], [0.9, 0.8], [0.9, math.nan]], "eval_loss", "min")
    made = replace(sweep(5), policy=Policy("eval_loss", "min", stop=Patience(1), max_t=3))
    assert cost_of(made, [cut]).trials == 2
    none = task_curves([[0.9, 0.5]], "eval_loss", "min", max_t=9)
    assert cost_of(made, [none]).unknown == "none of the recorded curves is full."


def test_curves_of_another_task_are_refused() -> None:
    other = task_curves([[0.9, 0.5]], "eval_los", "min")
    assert "did you mean 'eval_los'" in refusal(cost_of, sweep(5), [other])
    other = task_curves([[0.9, 0.5]], "eval_loss", "max")
    assert "with mode 'min'" in refusal(cost_of, sweep(5), [other])
    bare = task_curves([[0.9, 0.5]], "eval_loss", "min")
    assert "eval_accuracy" in refusal(cost_of, sweep(5), [bare])


def test_what_a_policy_let_run_says_nothing_of_it() -> None:
    known = cost_of(sweep(20))
    assert "ran in full, and these are the ones that the policy let run" in known.unknown
    assert math.isnan(known.regret)
    assert "is not known" in report_page(sweep(20), cost=known)


def test_without_a_policy_there_is_nothing_to_replay() -> None:
    assert "no policy of tune_es" in cost_of(foreign()).unknown


def test_another_policy_is_tried_on_the_trials_that_ran_in_full() -> None:
    made = replace(sweep(20, in_full=20), policy=None)
    found = cost_of(made, policy=HASTY)
    assert found.trials >= 15
    assert found.source == "trials of this sweep"
    assert found.regret > 0
    assert found.steps < 0.3


@pytest.mark.parametrize("losses", [[], [0.5], [math.nan] * 20])
def test_too_few_trials_in_full_are_too_few(losses: list[float]) -> None:
    made = experiment(trial("a", losses), policy=None)
    assert "too few" in cost_of(made, policy=HASTY).unknown
