"""Law 5. Warm-up mutes verdicts but still feeds state."""

from __future__ import annotations

from dataclasses import replace
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from tests.builders import curve, shown, verdicts_on
from tests.samples import observations, policy_with
from tests.strategies import curves, rules, sample_criteria
from tune_es import After, Criterion, Decision, Every, Patience, Policy, Referee
from tune_es.records import JUDGEMENTS


@given(criterion=sample_criteria | rules, scores=curves, first_step=st.integers(0, 32))
def test_law_5_after_the_warm_up_a_rule_says_what_it_would_have_said(
    criterion: Criterion, scores: list[float], first_step: int
) -> None:
    seen = observations(scores)
    plain, muted = verdicts_on(criterion, seen), verdicts_on(After(first_step, criterion), seen)
    spoken = max(0, first_step - 1)
    assert shown(muted[spoken:]) == shown(plain[spoken:])
    for before, after in zip(plain[:spoken], muted[:spoken], strict=False):
        assert not after.stop
        assert after.cause is None
        assert repr(after.evidence) == repr(before.evidence)


@given(criterion=sample_criteria | rules, scores=curves, n=st.integers(1, 5))
def test_law_5_every_nth_time_a_rule_says_what_it_would_have_said(
    criterion: Criterion, scores: list[float], n: int
) -> None:
    seen = observations(scores)
    plain, muted = verdicts_on(criterion, seen), verdicts_on(Every(n, criterion), seen)
    turns = list(accumulate(verdict.heard for verdict in plain))
    for turn, before, after in zip(turns, plain, muted, strict=True):
        if turn % n:
            assert not after.stop
            assert repr(after.evidence) == repr(before.evidence)
        else:
            assert repr(after) == repr(before)


def decisions(policy: Policy, scores: list[float]) -> list[Decision]:
    referee = Referee(policy)
    return [
        referee.report(
            "trial",
            {"training_iteration": at, "score": score, "f1": score, "loss": -score, "train": -at},
        )
        for at, score in enumerate(scores, start=1)
    ]


@given(
    criterion=sample_criteria | rules,
    scores=curves,
    milestones=st.lists(st.integers(0, 32), min_size=1, max_size=3),
)
def test_law_5_not_before_mutes_judgements_alone(
    criterion: Criterion, scores: list[float], milestones: list[int]
) -> None:
    policy = policy_with(criterion)
    plain = decisions(policy, scores)
    muted = decisions(replace(policy, not_before=tuple(milestones)), scores)
    for before, after in zip(plain, muted, strict=True):
        early = before.step < max(milestones)
        if criterion.reduces:  # a reduction is put off too, so what follows it is another run
            assert not early or after.verdict.rate == 1
            assert not early or after.verdict.cause not in JUDGEMENTS
        elif early and before.verdict.cause in JUDGEMENTS:
            assert not after.stop
            assert repr(after.verdict.evidence) == repr(before.verdict.evidence)
        else:
            assert repr(after) == repr(before)


@given(scores=curves, start_from=st.integers(0, 32), patience=st.integers(1, 5))
def test_law_5_patience_follows_the_best_before_it_counts(
    scores: list[float], start_from: int, patience: int
) -> None:
    late = verdicts_on(Patience(patience, start_from=start_from), curve(*scores))
    plain = verdicts_on(Patience(patience), curve(*scores))
    for step, (one, other) in enumerate(zip(late, plain, strict=True), start=1):
        assert one.evidence.get("best") == other.evidence.get("best")
        counted = max(0, step - start_from + 1)
        assert one.evidence["misses"] == min(other.evidence["misses"], counted)
