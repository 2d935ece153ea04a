"""What every signal promises: pure, deaf to what is not finite, None before it has a number."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
from hypothesis import given, settings

from tests.samples import signal_samples
from tests.strategies import curves, wild_curves
from tune_es.signals import Signal
from tune_es.spec import KINDS

SAMPLES = signal_samples()
every_signal = pytest.mark.parametrize("signal", SAMPLES.values(), ids=SAMPLES)


def numbers(signal: Signal, values: list[float]) -> list[float | None]:
    state, found = signal.init(), []
    for value in values:
        state, number = signal.step(state, value)
        found.append(number)
    return found


@every_signal
@settings(max_examples=50)
@given(values=curves)
def test_an_old_state_can_be_stepped_again(signal: Signal, values: list[float]) -> None:
    states = [signal.init()]
    found = []
    for value in values:
        state, number = signal.step(states[-1], value)
        states.append(state)
        found.append(number)
    before = [repr(state) for state in states]
    for at, value in enumerate(values):
        signal.step(states[at], 17.0)
        assert repr(signal.step(states[at], value)[1]) == repr(found[at])
    assert [repr(state) for state in states] == before


@every_signal
@settings(max_examples=50)
@given(values=curves)
def test_a_state_can_be_pickled_at_every_step(signal: Signal, values: list[float]) -> None:
    state, found = signal.init(), []
    for value in values:
        state, number = signal.step(pickle.loads(pickle.dumps(state)), value)
        found.append(number)
    assert repr(found) == repr(numbers(signal, values))


@every_signal
@settings(max_examples=50)
@given(values=wild_curves)
def test_no_sequence_of_floats_raises(signal: Signal, values: list[float]) -> None:
    numbers(signal, values)


@every_signal
@settings(max_examples=50)
@given(values=curves)
def test_what_is_not_finite_poisons_nothing(signal: Signal, values: list[float]) -> None:
    assert all(number is None or math.isfinite(number) for number in numbers(signal, values))


@every_signal
def test_nothing_but_what_is_not_finite_gives_no_number(signal: Signal) -> None:
    assert numbers(signal, [math.nan, math.inf, -math.inf] * 5) == [None] * 15


@every_signal
def test_a_signal_can_be_pickled_copied_and_compared(signal: Signal) -> None:
    for twin in (pickle.loads(pickle.dumps(signal)), copy.deepcopy(signal)):
        assert twin == signal
        assert numbers(twin, [1.0, 2.0, 4.0, 3.0]) == numbers(signal, [1.0, 2.0, 4.0, 3.0])


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if issubclass(kind, Signal)])
def test_every_signal_works_as_it_comes(name: str) -> None:
    signal = KINDS[name]()
    assert isinstance(signal, Signal)
    assert numbers(signal, [1.0, 2.0, 3.0, 4.0, 5.0])[-1] is not None
