"""What is said of trials that were stopped, run, failed, or belong to somebody else's scheduler."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

import pytest

from tests.builders import NOBODY
from tests.monitoring import experiments
from tests.monitoring.experiments import experiment, trial
from tests.samples import CURVES, criterion_samples, policy_with
from tune_es import (
    Adaptive,
    AdaptiveQuota,
    After,
    BelowMedian,
    Criterion,
    NonFinite,
    OverfitGap,
    Patience,
    Policy,
    Referee,
    SuccessiveHalving,
    Target,
)
from tune_es.monitoring import Experiment, Status, TrialRecord, Why
from tune_es.monitoring.summary import printable
from tune_es.report.explain import (
    Calibration,
    Explainer,
    Explanation,
    find_trial,
    headline,
    other_policies,
    paragraphs,
    short,
)
from tune_es.report.explain.calibration import Cell, Counts
from tune_es.report.explain.evidence import SENTENCES, in_words
from tune_es.report.explain.trend import gap_of, train_metric_of, trend_of

FLAT = [0.9, 0.5, *[0.5] * 10]


def stopped(policy: Policy, losses: Iterable[float], name: str = "a") -> TrialRecord:
    """A trial that a policy has stopped, as far as it came."""
    curve = list(losses)
    decision = policy.first_stop(curve)
    assert decision is not None
    why = Why.of(decision)
    return trial(name, curve[: int(decision.step)], status=Status.STOPPED, why=why)


def explained(policy: Policy, *trials: TrialRecord) -> list[Explanation]:
    sweep = experiment(*trials, policy=policy, max_t=policy.max_t)
    return Explainer(sweep).all(with_others=True)


def said(one: Explanation, sweep: Experiment) -> dict[str, str]:
    return dict(paragraphs(one, sweep))


BALANCED = Policy("eval_loss", "min", stop="balanced", max_t=20)


@pytest.mark.parametrize("name", criterion_samples())
def test_every_stop_of_every_criterion_is_a_sentence(name: str) -> None:
    policy = policy_with(criterion_samples()[name])
    for observations in CURVES.values():
        state = policy.init()
        for observation in observations:
            state, decision = policy.step(state, observation, NOBODY)
            why = Why.of(decision)
            if why is not None:
                text = in_words(why)
                assert text
                assert not set(text) & set("{}")
                parts = why.criterion.split(" & ")
                known = all(part.partition("[")[0] in {*SENTENCES, "Budget"} for part in parts)
                assert not known or "stopped it" not in text, text


def test_rules_that_had_to_agree_are_said_one_after_the_other() -> None:
    policy = Policy("loss", "min", stop=Patience(2) & Patience(3, min_delta=0.1), max_t=20)
    why = Why.of(policy.first_stop([0.9, 0.5, 0.5, 0.5, 0.5]))
    assert why is not None
    assert in_words(why).count("evaluations in a row did not beat the best") == 2


def test_evidence_that_is_not_as_expected_is_listed() -> None:
    assert in_words(Why(1, "STALLED", "Patience", {"odd": 1.0})) == "Patience stopped it at odd 1"
    assert in_words(Why(1, "STALLED", "Mine", {})) == "Mine stopped it"


@pytest.mark.parametrize(("sign", "word"), [(-1, "improving"), (1, "worsening")])
def test_a_trend_has_the_users_sign_and_a_word_for_its_direction(sign: int, word: str) -> None:
    found = trend_of([1.0 - 0.1 * at for at in range(9)], sign)
    assert found is not None
    assert found.slope == pytest.approx(-0.1)
    assert (found.word, found.window) == (word, 5)


def test_noise_is_no_trend_and_two_values_are_none() -> None:
    noisy = trend_of([0.5 + 0.1 * (-1) ** at for at in range(20)], -1)
    assert noisy is not None
    assert noisy.word == "flat"
    assert noisy.error > 0
    assert trend_of([0.5, 0.4], -1) is None
    assert trend_of([math.nan] * 9, -1) is None


def test_a_gap_is_positive_where_training_looks_better_whatever_the_mode() -> None:
    losses = gap_of({"val": [1.0, 0.5, 0.7], "train": [1.0, 0.4, 0.2]}, "val", -1, "train")
    scores = gap_of({"val": [0.1, 0.6, 0.5], "train": [0.1, 0.7, 0.9]}, "val", 1, "train")
    for gap in (losses, scores):
        assert gap is not None
        assert gap.now > gap.at_best > 0
        assert gap.widened == pytest.approx(gap.now - gap.at_best)


def test_the_training_metric_is_the_one_that_a_rule_names_or_one_of_that_name() -> None:
    policy = Policy("val", "min", stop=OverfitGap("mine"), other_metrics={"mine": "min"}, max_t=9)
    assert train_metric_of("val", ["val", "mine", "train_val"], policy) == "mine"
    other = replace(policy, other_metrics={"mine": "max"})
    assert train_metric_of("val", ["val", "mine"], other) is None
    assert train_metric_of("eval_loss", ["eval_loss", "train_loss"], None) == "train_loss"
    assert train_metric_of("val/acc", ["train/acc"], None) == "train/acc"
    assert train_metric_of("loss", ["loss", "train_loss"], None) == "train_loss"
    assert train_metric_of("loss", ["loss"], None) is None


def test_a_stop_that_was_measured_has_its_share_and_the_source_of_it() -> None:
    one = explained(BALANCED, stopped(BALANCED, FLAT))[0]
    sure = one.confidence
    assert sure is not None
    assert sure.is_known
    assert 0.5 < sure.low < sure.share < sure.high <= 1
    assert sure.right <= sure.stops
    text = said(one, experiment(policy=BALANCED))["right?"]
    for part in (f"of {sure.stops} stops by Adaptive.balanced", "37 public tasks", "0.5 %"):
        assert part in text


@pytest.mark.parametrize(
    ("rule", "known"),
    [
        (Patience(5), True),
        (Patience(5, min_delta=0.1), False),
        (Adaptive.safe(), True),
        (Adaptive(3), False),
        (After(3, Adaptive.balanced()) | Target(0.1), True),
        (Adaptive.safe() & Patience(3), False),
    ],
)
def test_what_was_not_measured_is_not_known(rule: Criterion, known: bool) -> None:
    policy = Policy("eval_loss", "min", stop=rule, max_t=20)
    sure = explained(policy, stopped(policy, [*FLAT, *[0.5] * 6]))[0].confidence
    assert sure is not None
    assert sure.is_known == known
    assert known or "not known: " in said_of(sure)


def said_of(sure: object) -> str:
    from tune_es.report.explain.confidence import Confidence
    from tune_es.report.explain.words import confidence

    assert isinstance(sure, Confidence)
    return confidence(sure)


def test_a_budget_unlike_those_that_were_measured_is_not_known() -> None:
    policy = Policy("eval_loss", "min", stop=Patience(2), max_t=9)
    sure = explained(policy, stopped(policy, FLAT))[0].confidence
    assert sure is not None
    assert "budgets of 18 to 351 evaluations were measured" in sure.note


def test_a_trial_with_parameters_of_its_own_is_explained_by_them() -> None:
    policy = Policy("eval_loss", "min", stop=Patience(9), max_t=20)
    own = replace(stopped(policy.with_params({"patience": 2}), FLAT), config={"es/patience": 2})
    found = explained(policy, own)[0]
    assert found.confidence is not None
    assert "Patience to 0.1" in found.confidence.kind
    broken = replace(own, config={"es/patience": "many"})
    assert explained(policy, broken)[0].why == own.why


def test_facts_are_not_judged_and_neither_are_trials_that_nobody_stopped() -> None:
    policy = Policy("eval_loss", "min", stop=Target(0.5), max_t=20)
    reached, full = explained(policy, stopped(policy, FLAT), trial("b", [0.9] * 20))
    assert reached.confidence is full.confidence is None
    assert full.saved is None


def test_own_curves_come_before_the_public_ones() -> None:
    sweep = experiment(stopped(BALANCED, FLAT), policy=BALANCED)
    many, few = Counts(30, 40, 2, 20.0), Counts(3, 4, 1, 4.0)
    cells = {Cell("STALLED"): many, **{Cell("STALLED", "", part): many for part in range(5)}}
    own = Calibration(cells, "mine", fewest_tasks=1)
    sure = Explainer(sweep, own).explain(1).confidence
    assert sure is not None
    assert (sure.right, sure.stops, sure.source) == (30, 40, "mine")
    rare = Calibration(dict.fromkeys(cells, few), "mine", fewest_tasks=1)
    shared = Explainer(sweep, rare).explain(1).confidence
    assert shared is not None
    assert "public" in shared.source
    assert "mine have too few such stops" in shared.note


def test_other_presets_stop_where_their_policy_does_and_no_later_than_the_record() -> None:
    curve = [0.9, 0.5, *[0.5] * 18]
    full = trial("a", curve)
    found = {each.policy: each for each in explained(BALANCED, full)[0].elsewhere}
    for name in ("safe", "balanced", "aggressive", "patience"):
        decision = Policy("eval_loss", "min", stop=name, max_t=20).first_stop(curve)
        assert decision is not None
        assert (found[name].step, found[name].best) == (decision.step, 0.5)
    assert found["full"].step is None
    assert not found["full"].is_open
    early = Policy("eval_loss", "min", stop=Patience(2), max_t=20)
    cut = {each.policy: each for each in explained(early, stopped(early, curve))[0].elsewhere}
    assert {(each.step, each.is_open) for each in cut.values()} == {(None, True)}


def test_rules_that_compare_trials_judge_the_whole_sweep_in_its_order() -> None:
    sweep = experiments.sweep(12, policy=Policy("eval_loss", "min", stop="none", max_t=20))
    rule = SuccessiveHalving(2, 3)
    policies = other_policies(sweep, ["{SuccessiveHalving: {grace_period: 2}}"])
    found = [each.elsewhere[0].step for each in Explainer(sweep, None, policies).all(True)]
    referee = Referee(Policy("eval_loss", "min", stop=rule, max_t=20))
    results = sorted(
        (time, step, each.trial_id, value)
        for each in sweep.trials
        for time, step, value in zip(each.times, each.steps, each.values["eval_loss"], strict=True)
        if not math.isnan(value) or (each.why is not None and each.why.cause == "BROKEN")
    )
    first: dict[str, float] = {}
    for _, step, trial_id, value in results:
        decision = referee.report(trial_id, {"training_iteration": step, "eval_loss": value})
        if decision.stop and step < 20:
            first.setdefault(trial_id, step)
    assert found == [first.get(each.trial_id) for each in sweep.trials]
    assert len(first) > 3


def test_a_policy_that_pauses_is_refused_for_what_a_record_cannot_say() -> None:
    with pytest.raises(ValueError, match="'AdaptiveQuota' pauses trials"):
        other_policies(experiment(), ["AdaptiveQuota"])
    with pytest.raises(ValueError, match="did you mean 'safe'"):
        other_policies(experiment(), ["save"])


def test_a_delay_of_the_sweep_holds_for_other_presets_too() -> None:
    sweep = experiment(policy=replace(BALANCED, not_before=15))
    assert {each.not_before for each in other_policies(sweep).values()} == {15}


def test_standing_is_by_best_values_among_those_that_came_as_far() -> None:
    sweep = experiment(trial("a", [0.5, 0.9]), trial("b", [0.4, 0.6]), trial("c", [0.1]))
    first, second, third = (each.standing for each in Explainer(sweep).all())
    assert first is not None
    assert (first.step, first.rank, first.trials, first.leader) == (2, 2, 2, 0.4)
    assert second is not None
    assert second.rank == 1
    assert third is not None
    assert (third.rank, third.trials) == (1, 3)


@pytest.mark.parametrize(
    ("one", "word", "why"),
    [
        (trial("a", [], status=Status.PENDING), "waits for a worker", "reported nothing yet"),
        (trial("a", [0.9], status=Status.RUNNING, patience_left=3.0), "is running", "after 3 more"),
        (trial("a", [0.9], status=Status.RUNNING), "is running", "how long it has is not known"),
        (trial("a", [0.9], status=Status.PAUSED), "is paused", "may go on"),
        (trial("a", [0.9] * 20), "ran to its end", "it used its budget"),
        (trial("a", [0.9] * 3), "ran to its end", "ended by itself"),
        (trial("a", [0.9], status=Status.FAILED, error="out of memory"), "failed", "out of memory"),
        (trial("a", [0.9], status=Status.STOPPED), "was stopped", "left no reason"),
    ],
)
def test_whatever_stands_otherwise_is_said_as_it_is(one: TrialRecord, word: str, why: str) -> None:
    sweep = experiment(one)
    found = Explainer(sweep).explain(1)
    assert word in headline(found)
    assert why in said(found, sweep)["why"]
    assert short(found)
    assert found.confidence is None


def test_another_schedulers_sweep_is_explained_without_its_reasons() -> None:
    sweep = experiments.foreign()
    everything = Explainer(sweep).all(with_others=True)
    stops = [each for each in everything if each.status is Status.STOPPED]
    assert stops
    assert all("another scheduler" in said(each, sweep)["why"] for each in stops)
    assert all(len(each.elsewhere) == 5 for each in everything)


def test_a_trial_that_broke_broke_under_every_policy_with_a_guard() -> None:
    policy = Policy("eval_loss", "min", stop=BelowMedian(), max_t=20)
    one = stopped(policy, [0.9, *[math.nan] * 5])
    found = explained(policy, one)[0]
    assert {each.step for each in found.elsewhere} == {one.steps[-1]}
    assert found.confidence is not None
    assert found.confidence.share > 0.99
    assert NonFinite().label in found.confidence.kind


SWEEPS: dict[str, Callable[[], Experiment]] = {
    "hostile": experiments.hostile,
    "running": experiments.running,
    "whole": experiments.sweep,
    **{name: partial(experiments.odd().__getitem__, name) for name in experiments.odd()},
}


@pytest.mark.parametrize("name", SWEEPS)
def test_nothing_odd_keeps_anything_from_being_said(name: str) -> None:
    sweep = SWEEPS[name]()
    for one in Explainer(sweep).all(with_others=True):
        texts = [headline(one), short(one), *said(one, sweep).values()]
        assert all(printable(text) for text in texts)


def test_promotion_is_a_stop_by_comparison() -> None:
    policy = Policy("eval_loss", "min", stop="none", promotion=AdaptiveQuota(), max_t=20)
    evidence = {"rung": 2, "rank": 9, "trials": 11, "best": 1.49, "leader": 1.12, "kept": 6}
    why = Why(2, "HOPELESS", "AdaptiveQuota", evidence)
    one = trial("a", [1.6, 1.49], status=Status.STOPPED, why=why)
    sure = explained(policy, one)[0].confidence
    assert sure is not None
    assert sure.share > 0.9
    assert "beaten the best of the sweep" in sure.meaning


def test_a_trial_is_found_by_id_name_number_or_beginning() -> None:
    sweep = experiment(*(trial(f"ab1_{at:05d}", [0.5], name=f"{at}_lr={at}") for at in range(12)))
    for wanted in ("ab1_00004", "4_lr=4", "5", "#5", "ab1_00004"):
        assert find_trial(sweep, wanted) == 5
    assert find_trial(sweep, "ab1_00011") == find_trial(sweep, "11_") == 12
    with pytest.raises(ValueError, match=r"the beginning of 12 trials: ab1_00000, .* and 4 more"):
        find_trial(sweep, "ab1")
    with pytest.raises(ValueError, match="did you mean 'ab1_00004'"):
        find_trial(sweep, "ab2_00004")
    with pytest.raises(ValueError, match="Valid: 1 to 12"):
        find_trial(sweep, "13")
    with pytest.raises(ValueError, match="the experiment has none"):
        find_trial(experiment(), "1")
