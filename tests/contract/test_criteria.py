"""What every criterion promises, on every sample curve and on floats of every kind."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings

from tests.builders import NOBODY, shown, verdicts_on, walked
from tests.samples import CURVES, TAME, criterion_samples, observations
from tests.strategies import wild_curves
from tune_es import Cause, Criterion, Observation

SAMPLES = criterion_samples()
every_criterion = pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)

#: Distances in units of the best, which is zero on some curves: infinite there, as documented.
UNBOUNDED = {"loss_percent", "progress"}


@every_criterion
def test_a_stop_has_cause_and_evidence_and_nothing_else_has_a_cause(criterion: Criterion) -> None:
    for name, seen in CURVES.items():
        for verdict in verdicts_on(criterion, seen):
            assert isinstance(verdict.stop, bool)
            assert verdict.criterion, name
            assert isinstance(verdict.cause, Cause) == verdict.stop, name
            assert verdict.evidence or not verdict.stop, name


@every_criterion
def test_evidence_is_numbers_by_name(criterion: Criterion) -> None:
    for name, seen in CURVES.items():
        for verdict in verdicts_on(criterion, seen):
            for key, number in verdict.evidence.items():
                assert isinstance(key, str)
                assert isinstance(number, (int, float)), (name, key)
                assert not isinstance(number, bool), (name, key)


@every_criterion
def test_evidence_on_an_ordinary_curve_is_finite(criterion: Criterion) -> None:
    for name in TAME:
        for verdict in verdicts_on(criterion, CURVES[name]):
            strange = {
                key: number
                for key, number in verdict.evidence.items()
                if not math.isfinite(number) and key.rpartition(".")[2] not in UNBOUNDED
            }
            assert strange == {}, name


@every_criterion
def test_left_is_a_count_and_zero_at_a_stop(criterion: Criterion) -> None:
    for name, seen in CURVES.items():
        for at, verdict in enumerate(verdicts_on(criterion, seen)):
            assert verdict.left is None or verdict.left >= 0, f"{name} at {at}"
            assert verdict.left == 0 or not verdict.stop, f"{name} at {at}"


@every_criterion
def test_a_state_outlives_its_successors(criterion: Criterion) -> None:
    """Every old state, stepped again after the whole run and after a branch, gives what it gave."""
    for name, seen in CURVES.items():
        path = walked(criterion, seen)
        verdicts = [verdict for _, verdict in path]
        states = [criterion.init(), *(state for state, _ in path)]
        before = [repr(state) for state in states]
        elsewhere = CURVES["overfit"] if name != "overfit" else CURVES["noisy"]
        for at in range(0, len(seen), 4):
            walked(criterion, elsewhere[:9], states[at])
            again = [verdict for _, verdict in walked(criterion, seen[at:], states[at])]
            assert shown(again) == shown(verdicts[at:]), f"{name} from {at}"
        assert [repr(state) for state in states] == before, name


@every_criterion
def test_a_step_changes_neither_observation_nor_specification(criterion: Criterion) -> None:
    for seen in CURVES.values():
        before = (repr(criterion), repr(seen))
        verdicts_on(criterion, seen)
        assert (repr(criterion), repr(seen)) == before


@every_criterion
def test_one_object_serves_many_trials_at_once(criterion: Criterion) -> None:
    alone = {name: shown(verdicts_on(criterion, seen)) for name, seen in CURVES.items()}
    states: dict[str, Any] = {name: criterion.init() for name in CURVES}
    together: dict[str, list[str]] = {name: [] for name in CURVES}
    for at in range(max(map(len, CURVES.values()))):
        for name, seen in CURVES.items():
            if at < len(seen):
                states[name], verdict = criterion.step(states[name], seen[at], NOBODY)
                together[name].append(repr(verdict))
    assert together == alone


@pytest.mark.parametrize("max_t", [None, 1, 0.5, 1e6])
@every_criterion
def test_any_budget_or_none_is_lived_with(criterion: Criterion, max_t: float | None) -> None:
    for scores in ([0.5, 0.6, 0.6], [0.1 * i for i in range(20)]):
        verdicts_on(criterion, observations(scores, max_t))


@every_criterion
@settings(max_examples=30)
@given(scores=wild_curves)
def test_no_sequence_of_floats_raises(criterion: Criterion, scores: list[float]) -> None:
    for verdict in verdicts_on(criterion, observations(scores)):
        assert verdict.left is None or verdict.left >= 0
        assert (verdict.cause is not None) == verdict.stop


@every_criterion
def test_a_step_reported_twice_does_not_raise(criterion: Criterion) -> None:
    """A referee never lets this happen; `first_stop` and users of a bare criterion can."""
    values = {"f1": 0.5, "loss": -0.5, "train": -1.0}
    seen = Observation("trial", 1, 0.5, values, max_t=9, seconds=1.0, cost=0.1)
    verdicts_on(criterion, [seen] * 12)


@pytest.mark.parametrize("step", [0, -3, 5e-324, 1e300])
@every_criterion
def test_any_step_is_lived_with(criterion: Criterion, step: float) -> None:
    values = {"f1": 0.5, "loss": -0.5, "train": -1.0}
    for steps in ([step], [step, step + 1, step + 2], [step, 2 * step, 3 * step]):
        seen = [Observation("trial", at, 0.5, values, max_t=9) for at in steps]
        verdicts_on(criterion, seen)
