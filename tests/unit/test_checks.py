"""Argument checks: who, rule, value, nearest valid choice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.builders import refusal
from tune_es.checks import (
    SYNONYMS,
    check_count,
    check_count_or_share,
    check_fields,
    check_name,
    check_number,
    is_number,
    nearest,
)

#: Given, and what is no number: everything but ints and floats that are finite.
NO_NUMBERS: list[Any] = [
    None, True, False, "3", "", b"3", math.nan, math.inf, -math.inf, [3], (3,), {}, {3}, 3j,
    object(), int, 10**400, -(10**400),
]  # fmt: skip


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_no_number(value: Any) -> None:
    assert not is_number(value)
    assert "Owner.field must be a number" in refusal(check_number, "Owner", "field", value)
    assert "Owner.field must be a whole number" in refusal(check_count, "Owner", "field", value)
    refusal(check_count_or_share, "Owner", "field", value)


@pytest.mark.parametrize("value", [0, 1, -1, 0.0, -0.0, 5e-324, 1e308, 10**15, np.float64(2.5)])
def test_a_number(value: float) -> None:
    assert is_number(value)
    check_number("Owner", "field", value)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "rule"),
    [
        ({"least": 0}, [0, 0.5, 9], [-1, -5e-324], "at least 0"),
        ({"above": 0}, [5e-324, 1], [0, 0.0, -1], "above 0"),
        ({"above": 0, "most": 1}, [0.5, 1], [0, 1.0001], "above 0 and at most 1"),
        ({"least": 0, "most": 0.95}, [0, 0.95], [0.96], "at least 0 and at most 0.95"),
    ],
)
def test_bounds_are_kept_and_told(
    bounds: dict[str, float], inside: list[float], outside: list[float], rule: str
) -> None:
    for value in inside:
        check_number("Owner", "field", value, **bounds)
    for value in outside:
        message = refusal(check_number, "Owner", "field", value, **bounds)
        assert message == f"Owner.field must be a number {rule}, got {value!r}"


def test_counts() -> None:
    check_count("Owner", "field", 1)
    check_count("Owner", "field", 0, least=0)
    for value, least in ((0, 1), (-1, 0), (2, 3)):
        message = refusal(check_count, "Owner", "field", value, least)
        assert message == f"Owner.field must be a whole number of at least {least}, got {value}"
    for odd in (1.0, 2.5, np.float64(3)):
        assert repr(odd) in refusal(check_count, "Owner", "field", odd)


@pytest.mark.parametrize("value", [1, 5, 0.5, 0.01, 0.999])
def test_a_count_or_a_share(value: float) -> None:
    check_count_or_share("Owner", "field", value)


@pytest.mark.parametrize("value", [0, -1, 0.0, 1.0, 1.5, -0.5])
def test_neither_count_nor_share(value: float) -> None:
    message = refusal(check_count_or_share, "Owner", "field", value)
    assert "whole number of evaluations (at least 1) or a share of max_t" in message
    assert message.endswith(f"got {value!r}")


@pytest.mark.parametrize(
    ("name", "valid", "hint"),
    [
        (
            "eval_los",
            ["eval_loss", "eval_f1"],
            "did you mean 'eval_loss'? Valid: eval_f1, eval_loss",
        ),
        ("PATIENCE", ["Patience", "Plateau"], "did you mean 'Patience'? Valid: Patience, Plateau"),
        (
            "Patiense",
            ["patience", "Patience"],
            "did you mean 'Patience'? Valid: Patience, patience",
        ),
        (
            "patiense",
            ["patience", "Patience"],
            "did you mean 'patience'? Valid: Patience, patience",
        ),
        ("zzz", ["a", "b"], "Valid: a, b"),
        ("", ["a"], "Valid: a"),
        (None, ["one"], "did you mean 'one'? Valid: one"),
        (3, ["three"], "Valid: three"),
        ("x", [], "Valid: none"),
    ],
)
def test_the_nearest_name(name: object, valid: list[str], hint: str) -> None:
    assert nearest(name, valid) == hint


def test_a_name_of_a_list() -> None:
    check_name("Owner", "field", "min", ("min", "max"))
    for odd in ("Min", "", None, 3, True, ["min"]):
        message = refusal(check_name, "Owner", "field", odd, ("min", "max"))
        assert message.startswith(f"Owner.field must be a known name, got {odd!r}; ")
        assert message.endswith("Valid: max, min")


def test_fields() -> None:
    check_fields("Owner", ["a", "b"], ["a", "b", "c"])
    message = refusal(check_fields, "Owner", ["a", "patiense"], ["a", "patience"])
    assert message == "Owner has no field 'patiense'; did you mean 'patience'? Valid: a, patience"
    assert "Owner has no field 3" in refusal(check_fields, "Owner", [3], ["a"])
    assert "Owner has no field None" in refusal(check_fields, "Owner", [None], ["a"])


@pytest.mark.parametrize("name", SYNONYMS)
def test_what_others_call_a_field_is_known(name: str) -> None:
    meant = SYNONYMS[name]
    assert f"it is called {meant!r} here" in refusal(check_fields, "O", [name], [meant, "other"])
    assert "it is called" not in refusal(check_fields, "O", [name], ["something", "else"])
