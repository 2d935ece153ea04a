"""What a certificate holds, how it is read, and what it does not cover."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_es import Patience, Policy
from tune_es.certificate import Certificate, noise_of, typical_noise
from tune_es.documents import dump_yaml

CERTIFICATE = Certificate(
    max_regret=0.01,
    confidence=0.9,
    bound=0.17,
    tasks=12,
    over=0,
    candidates=1,
    sweeps_over=0.02,
    sweeps_bound=0.2,
    cost=0.14,
    tuned_on=25,
    tried=500,
    curves="sha256:0123456789abcdef",
    exchangeable="tasks come in no order",
    metrics=("val_loss min", "val_accuracy max"),
    max_t=(20, 100),
    trials=(40, 100),
    noise=(0.01, 0.1),
    workers=8,
)
POLICY = Policy("val_loss", "min", stop=Patience(3, metric="val_loss"), max_t=50)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(dump_yaml({**POLICY.to_dict(), "certificate": CERTIFICATE.to_dict()}))
    return path


def test_a_file_holds_both_and_each_reads_its_own(file: Path) -> None:
    assert Policy.from_file(file) == POLICY
    assert Certificate.from_file(file) == CERTIFICATE


def test_no_certificate_is_none(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY.to_yaml())
    assert Certificate.from_file(path) is None
    path.write_text("just text")
    assert Certificate.from_file(path) is None


def test_a_file_is_used_for_another_metric(file: Path) -> None:
    policy = Policy.from_file(file, metric="f1", mode="max", max_t=20)
    assert policy == Policy("f1", "max", stop=Patience(3, metric="f1"), max_t=20)
    assert Policy.from_file(file, stop="safe").criterion != POLICY.criterion
    with pytest.raises(ValueError, match="Policy has no field 'metrik'"):
        Policy.from_file(file, metrik="f1")


@pytest.mark.parametrize(
    ("sweep", "outside"),
    [
        ({"metric": "val_loss", "mode": "min", "max_t": 50, "trials": 100, "noise": 0.05}, []),
        ({"metric": "val_loss", "mode": "max"}, ["metric"]),
        ({"metric": "f1", "mode": "max"}, ["metric"]),
        ({"max_t": 125, "trials": 32, "noise": 0.15}, []),
        ({"max_t": 126}, ["max_t"]),
        ({"max_t": 15, "trials": 31, "noise": 0.2}, ["max_t", "trials", "noise"]),
        ({"noise": 0.001}, ["noise"]),
        ({}, []),
    ],
)
def test_what_lies_outside_is_said(sweep: dict[str, Any], outside: list[str]) -> None:
    assert list(CERTIFICATE.uncovered(**sweep)) == outside


def test_the_sentence_has_both_numbers() -> None:
    assert CERTIFICATE.uncovered(max_t=400)["max_t"] == (
        "it was tuned on budgets of 20 to 100 evaluations, and the sweep has 400"
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bound": 1.1}, r"Certificate\.bound must be a number at least 0 and at most 1"),
        ({"tasks": -1}, r"Certificate\.tasks must be a whole number"),
        ({"max_t": (1,)}, r"Certificate\.max_t must be two numbers"),
        ({"noise": "much"}, r"Certificate\.noise must be two numbers"),
        ({"metrics": "val_loss min"}, r"Certificate\.metrics must be a list"),
    ],
)
def test_numbers_that_cannot_be_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(CERTIFICATE, **change)


def test_unknown_and_missing_fields_are_named() -> None:
    with pytest.raises(ValueError, match="Certificate has no field 'bounds'; did you mean 'bound'"):
        Certificate.from_dict({**CERTIFICATE.to_dict(), "bounds": 1})
    data = {key: value for key, value in CERTIFICATE.to_dict().items() if key != "curves"}
    with pytest.raises(ValueError, match="Certificate lacks the field 'curves'"):
        Certificate.from_dict(data)
    with pytest.raises(ValueError, match="must map fields to values"):
        Certificate.from_dict(cast(Any, []))
    assert replace(CERTIFICATE, noise=None).uncovered(noise=9.0) == {}


@given(
    st.lists(st.integers(-500, 500).map(lambda n: n / 100), min_size=6, max_size=12),
    st.floats(0.1, 100),
    st.sampled_from((-1.0, 1.0)),
)
def test_noise_has_no_unit_and_no_sign(values: list[float], scale: float, sign: float) -> None:
    one, other = noise_of(values), noise_of([sign * scale * value for value in values])
    assert other == (None if one is None else pytest.approx(one, rel=1e-6, abs=1e-6))


def test_noise_of_few_values_or_flat_ones_is_unknown() -> None:
    assert noise_of([1.0] * 10) is None
    assert noise_of([1.0, 0.5, float("nan"), 0.2, 0.1, 0.0]) is None
    assert typical_noise([[1.0], [2.0]]) is None
    assert typical_noise([[0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5], [1, 2]]) == pytest.approx(
        0.6, abs=0.7
    )
