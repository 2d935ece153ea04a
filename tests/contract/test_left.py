"""`Verdict.left` is right should nothing improve; otherwise a rule fires later, not earlier."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders import verdicts_on
from tests.samples import CURVES, criterion_samples, observations
from tests.strategies import bad, levels
from tune_es import Criterion, Observation

#: Samples for which `left` is no bound, and why.
NO_BOUND = {
    "Adaptive-3": "a new worst value widens the range that gains are measured by",
    "AnyOf-2": "a part that cannot tell its `left` may fire first",
    "Composite-0": "a new scale gives the whole history to the rule again",
    "Composite-1": "new weights give the whole history to the rule again",
    "Patience-7": "its thresholds and its finite check need no patience",
    "ShrinkingPatience-0": "the limit shrinks past 70 % of the budget",
    "ShrinkingPatience-1": "the limit shrinks past 70 % of the budget",
}
SAMPLES = criterion_samples()
BOUNDED = {name: each for name, each in SAMPLES.items() if name not in NO_BOUND}


def broken_bound(criterion: Criterion, seen: list[Observation]) -> str:
    """The first verdict whose `left` was too large, in words; nothing where all were right."""
    said = verdicts_on(criterion, seen)
    kept = [verdict for verdict, each in zip(said, seen, strict=True) if each.score is not None]
    stop = next((at for at in range(len(kept)) if kept[at].stop), len(kept))
    for at, verdict in enumerate(kept[:stop]):
        if verdict.left is not None and stop < len(kept) and at + verdict.left > stop:
            return f"left was {verdict.left} at evaluation {at}, but it fired at {stop}"
    return ""


@pytest.mark.parametrize("criterion", BOUNDED.values(), ids=BOUNDED)
def test_nothing_fires_before_left_on_the_sample_curves(criterion: Criterion) -> None:
    broken = {name: broken_bound(criterion, seen) for name, seen in CURVES.items()}
    assert {name: what for name, what in broken.items() if what} == {}


@pytest.mark.parametrize("criterion", BOUNDED.values(), ids=BOUNDED)
@settings(max_examples=25)
@given(scores=st.lists(levels | bad, max_size=24))
def test_nothing_fires_before_left(criterion: Criterion, scores: list[float]) -> None:
    assert broken_bound(criterion, observations(scores)) == ""


@pytest.mark.parametrize("name", NO_BOUND)
def test_the_exceptions_are_exceptions(name: str) -> None:
    widened = observations([0.5, 0.9, 0.905, 0.905, *range(-3, -30, -3)])
    assert any(broken_bound(SAMPLES[name], seen) for seen in (widened, *CURVES.values()))
