"""Law 9. Changing the future of a curve never changes a past decision."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, shown, verdicts_on
from tests.samples import OTHERS, SCORES, criterion_samples
from tests.strategies import curves, levels, rich_rules
from tune_es import BelowMedian, Criterion, Observation, Policy, Referee

SAMPLES = criterion_samples()


def causal(scores: list[float]) -> list[Observation]:
    """Unlike the observations of the samples, no metric here is made from later scores."""
    f1 = [score * (-1) ** at for at, score in enumerate(scores)]
    train = [2.0 - 0.05 * at for at in range(len(scores))]
    loss = [1 - score for score in scores]
    metrics = {"f1": f1, "loss": loss, "train": train}
    return curve(*scores, max_t=24, metrics=metrics, modes=OTHERS)


@pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)
def test_law_9_every_sample_judges_the_start_of_a_curve_by_itself(criterion: Criterion) -> None:
    for scores in SCORES.values():
        known = [score for score in scores if score is not None]
        whole = shown(verdicts_on(criterion, causal(known)))
        for cut in range(0, len(known), 3):
            assert shown(verdicts_on(criterion, causal(known[:cut]))) == whole[:cut]


@given(rule=rich_rules, past=curves, one=curves, other=curves)
def test_law_9_two_futures_of_one_past(
    rule: Criterion, past: list[float], one: list[float], other: list[float]
) -> None:
    there = shown(verdicts_on(rule, causal(past + one)))
    here = shown(verdicts_on(rule, causal(past + other)))
    assert there[: len(past)] == here[: len(past)]


logs = st.lists(st.tuples(st.sampled_from("abc"), levels), max_size=20)


@given(past=logs, future=logs)
def test_law_9_later_results_of_other_trials_change_no_decision(
    past: list[tuple[str, float]], future: list[tuple[str, float]]
) -> None:
    policy = Policy("score", "max", stop=BelowMedian(0, 1))
    referee, steps = Referee(policy), dict.fromkeys("abc", 0)
    said = []
    for trial, score in past + future:
        steps[trial] += 1
        said.append(referee.report(trial, {"training_iteration": steps[trial], "score": score}))
    before = list(said[: len(past)])
    alone, steps = Referee(policy), dict.fromkeys("abc", 0)
    for (trial, score), decision in zip(past, before, strict=True):
        steps[trial] += 1
        again = alone.report(trial, {"training_iteration": steps[trial], "score": score})
        assert again == decision
