"""Nothing escapes the contract: every criterion and signal has a sample."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, is_dataclass

import pytest

import tune_es
from tests.samples import criterion_samples, missing_samples, policy_with, signal_samples
from tune_es import Criterion, criteria, promotion, signals
from tune_es.spec import KINDS


def test_every_criterion_and_signal_has_a_sample() -> None:
    assert missing_samples() == []


def test_the_message_for_a_new_criterion_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    class Hunch(tune_es.Patience):
        pass

    monkeypatch.setitem(KINDS, "Hunch", Hunch)
    assert missing_samples() == [
        "Hunch has no sample: add one to CRITERIA in tests/samples.py",
    ]


def test_every_criterion_and_signal_can_be_had_from_the_package_itself() -> None:
    hidden = {name for name, kind in KINDS.items() if getattr(tune_es, name, None) is not kind}
    assert hidden == set()


def test_every_kind_is_exported_under_its_own_name() -> None:
    assert all(kind.__name__ == name for name, kind in KINDS.items())
    exported = {*criteria.__all__, *signals.__all__, *promotion.__all__}
    assert set(KINDS) <= exported


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_a_frozen_dataclass(name: str) -> None:
    kind = KINDS[name]
    assert is_dataclass(kind)
    with pytest.raises(FrozenInstanceError):
        kind.__setattr__(object.__new__(kind), "anything", 1)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_says_what_it_is(name: str) -> None:
    first = (KINDS[name].__doc__ or "").splitlines()[0]
    assert first.endswith(".")
    assert not first.startswith(f"{name}(")


@pytest.mark.parametrize("criterion", criterion_samples().values(), ids=criterion_samples())
def test_every_sample_fits_the_policy_of_the_samples(criterion: Criterion) -> None:
    assert policy_with(criterion).criterion == criterion


def test_samples_are_different() -> None:
    shown = [repr(each) for each in (*criterion_samples().values(), *signal_samples().values())]
    assert len(set(shown)) == len(shown)
