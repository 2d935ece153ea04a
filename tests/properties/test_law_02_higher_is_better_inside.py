"""Law 2. Higher is better inside; the sign returns only where a person reads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from tests.samples import OTHERS, SCORES, criterion_samples, policy_with
from tests.strategies import curves, sample_criteria
from tune_es import (
    Composite,
    Criterion,
    Decision,
    Divergence,
    ParetoHalving,
    Patience,
    Plateau,
    Policy,
    Private,
    Referee,
    Target,
)

#: What a user writes in the sign of the metric.
IN_USERS_SIGN: dict[type[Criterion], tuple[str, ...]] = {
    Patience: ("baseline", "stopping_threshold", "divergence_threshold"),
    Target: ("value",),
    Divergence: ("threshold",),
    Plateau: ("threshold",),
    ParetoHalving: ("constraints",),
    Private: ("target", "bounds"),
}
#: What a user reads in the sign of the metric; everything else in the evidence is counts,
#: distances and shares.
SHOWN = {"value", "smooth", "best", "floor", "too_bad", "target", "median", "to_beat", *OTHERS}
FLIP = {"min": "max", "max": "min"}
SAMPLES = criterion_samples()


def mirrored(criterion: Criterion) -> Criterion:
    """The same rule for the negated metrics."""
    criterion = criterion.map_parts(mirrored)
    named = IN_USERS_SIGN.get(type(criterion), ())
    given = {name: getattr(criterion, name) for name in named}
    change = {name: _negated(value) for name, value in given.items() if value is not None}
    return replace(criterion, **change) if change else criterion


def _negated(value: Any) -> Any:
    """A number, or every number of a mapping or between bounds, with its sign turned."""
    if isinstance(value, tuple):
        return tuple(-number for number in reversed(value))
    if isinstance(value, Mapping):
        return {name: -number for name, number in value.items()}
    return -value


def mirrored_policy(policy: Policy) -> Policy:
    others = {name: FLIP[mode] for name, mode in policy.other_metrics.items()}
    stop = mirrored(policy.criterion)
    return replace(policy, mode=FLIP[policy.mode], other_metrics=others, stop=stop)


def decisions(policy: Policy, scores: list[float], sign: int) -> list[Decision]:
    """What a referee says on a trial and a rival whose results are multiplied by the sign."""
    referee = Referee(policy)
    said = []
    for step, score in enumerate(scores, start=1):
        row = {"score": score, "f1": scores[-step], "loss": 1 - score, "train": 2 - 0.05 * step}
        result = {name: sign * value for name, value in row.items()}
        clock = {"training_iteration": step, "time_total_s": 10.0 * step}
        rival = {"score": sign * 0.25, "f1": 0.0, "loss": 0.0, "train": 0.0}
        referee.report("rival", {**rival, **clock})
        said.append(referee.report("trial", {**result, **clock}))
    return said


def read(decision: Decision, sign: int) -> list[object]:
    """The decision with what a user reads turned back by the sign."""
    verdict = decision.verdict
    evidence = {
        key: repr(_turned(key, number, sign)) for key, number in sorted(verdict.evidence.items())
    }
    causes = (decision.action, verdict.cause, verdict.left)
    return [*causes, evidence, repr(sign * decision.best + 0.0), decision.best_step]


def _turned(key: str, number: float, sign: int) -> float:
    flipped = sign * number if key.rpartition(".")[2] in SHOWN else number
    return float("nan") if math.isnan(flipped) else flipped + 0.0


def assert_mirrored(policy: Policy, scores: list[float]) -> None:
    there = [read(each, 1) for each in decisions(policy, scores, 1)]
    back = [read(each, -1) for each in decisions(mirrored_policy(policy), scores, -1)]
    assert back == there


HOLDS_COMPOSITE = {
    name for name, each in SAMPLES.items() if any(isinstance(p, Composite) for p in each.walk())
}


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - HOLDS_COMPOSITE))
def test_law_2_mirrored_metrics_give_mirrored_decisions_on_sample_curves(name: str) -> None:
    for scores in SCORES.values():
        assert_mirrored(
            policy_with(SAMPLES[name]), [score for score in scores if score is not None]
        )


@settings(max_examples=200)
@given(criterion=sample_criteria, scores=curves)
def test_law_2_mirrored_metrics_give_mirrored_decisions(
    criterion: Criterion, scores: list[float]
) -> None:
    if not any(isinstance(part, Composite) for part in criterion.walk()):
        assert_mirrored(policy_with(criterion), scores)


@pytest.mark.parametrize("name", sorted(HOLDS_COMPOSITE))
def test_law_2_a_composite_is_the_same_whichever_way_its_metrics_point(name: str) -> None:
    """Its evidence is about the composite, which has no user's sign to return to."""
    policy = policy_with(SAMPLES[name])
    for scores in SCORES.values():
        given = [score for score in scores if score is not None]
        there, back = decisions(policy, given, 1), decisions(mirrored_policy(policy), given, -1)
        assert [_outcome(each) for each in back] == [_outcome(each) for each in there]


def _outcome(decision: Decision) -> object:
    return decision.action, decision.verdict.cause, repr(dict(decision.verdict.evidence))


@pytest.mark.parametrize("mode", ["min", "max"])
def test_law_2_a_reader_turns_every_metric_by_its_own_mode(mode: str) -> None:
    modes: Mapping[str, str] = {**OTHERS}
    policy = Policy("score", mode, stop=Patience(3), other_metrics=modes)
    result = {"training_iteration": 1, "score": 1.0, "f1": 2.0, "loss": 3.0, "train": 4.0}
    seen = policy.read("trial", result).observation
    assert seen is not None
    assert seen.values == {
        "score": 1.0 if mode == "max" else -1.0, "f1": 2.0, "loss": -3.0, "train": -4.0
    }  # fmt: skip
    assert seen.score == seen.values["score"]
    assert [seen.sign_of(name) * value for name, value in seen.values.items()] == [1, 2, 3, 4]
