"""Every criterion survives a pickle, a copy and a file, and so do its state and its verdicts."""

from __future__ import annotations

import copy
import pickle

import pytest

from tests.builders import NOBODY, shown, verdicts_on
from tests.samples import CURVES, criterion_samples, policy_with
from tune_es import Criterion, Policy
from tune_es.spec import from_spec, to_spec

SAMPLES = criterion_samples()
every_criterion = pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)


@every_criterion
def test_a_state_pickled_at_every_step_goes_on_as_if_nothing_had_happened(
    criterion: Criterion,
) -> None:
    for name, seen in CURVES.items():
        state, said = criterion.init(), []
        for observation in seen:
            state = pickle.loads(pickle.dumps(state))
            state, verdict = criterion.step(state, observation, NOBODY)
            said.append(pickle.loads(pickle.dumps(verdict)))
        assert shown(said) == shown(verdicts_on(criterion, seen)), name


@every_criterion
def test_a_criterion_can_be_pickled_copied_and_compared(criterion: Criterion) -> None:
    said = shown(verdicts_on(criterion, CURVES["waves"]))
    for twin in (pickle.loads(pickle.dumps(criterion)), copy.deepcopy(criterion)):
        assert twin == criterion
        assert repr(twin) == repr(criterion)
        assert hash(twin) == hash(criterion)
        assert shown(verdicts_on(twin, CURVES["waves"])) == said


@every_criterion
def test_a_criterion_is_what_its_plain_data_describe(criterion: Criterion) -> None:
    twin = from_spec(to_spec(criterion))
    assert twin == criterion
    assert repr(twin) == repr(criterion)


@every_criterion
def test_a_policy_with_it_is_what_its_yaml_describes(criterion: Criterion) -> None:
    policy = policy_with(criterion)
    twin = Policy.from_yaml(policy.to_yaml())
    assert twin == policy
    assert repr(twin) == repr(policy)
    assert twin.to_yaml() == policy.to_yaml()
    assert pickle.loads(pickle.dumps(policy)) == policy
    assert hash(twin) == hash(policy)


@every_criterion
def test_different_criteria_are_not_equal(criterion: Criterion) -> None:
    assert [name for name, other in SAMPLES.items() if other == criterion] == [
        name for name, other in SAMPLES.items() if other is criterion
    ]


@every_criterion
def test_on_names_a_metric_or_says_that_there_is_none(criterion: Criterion) -> None:
    if hasattr(criterion, "metric"):
        assert "f1" in criterion.on("f1").metric_names
    else:
        with pytest.raises(ValueError, match=type(criterion).__name__):
            criterion.on("f1")


@every_criterion
def test_walking_the_parts_meets_every_criterion_once(criterion: Criterion) -> None:
    met = list(criterion.walk())
    assert met[0] is criterion
    assert len(met) == 1 + sum(len(list(part.walk())) for part in criterion.parts)
    assert criterion.map_parts(lambda part: part) == criterion
