"""A result without the metric is no evaluation: it changes nothing and stops nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.builders import NOBODY, shown, verdicts_on, walked
from tests.samples import CURVES, SCORES, criterion_samples, observations
from tune_es import Budget, Criterion, Observation

#: Spending is read from every result, whatever metrics it holds.
SAMPLES = {
    name: each
    for name, each in criterion_samples().items()
    if not any(isinstance(part, Budget) for part in each.walk())
}
every_criterion = pytest.mark.parametrize("criterion", SAMPLES.values(), ids=SAMPLES)


@every_criterion
def test_a_result_without_metrics_leaves_the_state_as_it_was(criterion: Criterion) -> None:
    for name, seen in CURVES.items():
        for at, (state, _) in enumerate(walked(criterion, seen)):
            empty = Observation("trial", seen[at].step + 0.5, None, max_t=seen[at].max_t)
            after, verdict = criterion.step(state, empty, NOBODY)
            assert repr(after) == repr(state), f"{name} after {at}"
            assert not verdict.stop, f"{name} after {at}"
            assert verdict.left is None or verdict.left >= 0, f"{name} after {at}"


@every_criterion
def test_results_without_metrics_between_evaluations_change_no_verdict(
    criterion: Criterion,
) -> None:
    for name, scores in SCORES.items():
        plain = verdicts_on(criterion, observations(scores))
        mixed = verdicts_on(criterion, _with_empty_results(scores))
        assert shown(mixed[::2]) == shown(plain), name


def _with_empty_results(scores: Sequence[float | None]) -> list[Observation]:
    """Each evaluation followed by a result without metrics, half a step later."""
    mixed = []
    for seen in observations(scores):
        mixed += [seen, Observation(seen.trial_id, seen.step + 0.5, None, max_t=seen.max_t)]
    return mixed


@every_criterion
def test_a_trial_without_metrics_is_never_stopped(criterion: Criterion) -> None:
    assert not any(verdict.stop for verdict in verdicts_on(criterion, CURVES["no metric"]))
