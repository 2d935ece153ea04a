"""What stopping was worth: tables, and no pair of numbers that divides by zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.builders import late, refusal
from tune_es.monitoring import Savings, Worth, worth_of

NAN, INF = math.nan, math.inf
SAVINGS = Savings(300, 100, seconds_run=10800.0, seconds_saved=3600.0)


@pytest.mark.parametrize(
    ("saved", "lost", "net", "back"),
    [
        (2.0, 0.5, 1.5, 3.0),
        (2.0, 2.0, 0.0, 0.0),
        (2.0, 4.0, -2.0, -0.5),
        (0.0, 4.0, -4.0, -1.0),
        (2.0, 0.0, 2.0, INF),
        (0.0, 0.0, 0.0, None),
        (0.0, -1.0, 1.0, INF),
        (2.0, -1.0, 3.0, INF),
        (2.0, 5e-324, 2.0, INF),
        (NAN, 1.0, NAN, NAN),
        (1.0, NAN, NAN, NAN),
        (NAN, 0.0, NAN, NAN),
    ],
)
def test_the_return_on_what_was_lost(
    saved: float, lost: float, net: float, back: float | None
) -> None:
    worth = Worth(run=6.0, saved=saved, lost=lost)
    assert worth.net == pytest.approx(net, nan_ok=True)
    found = worth.return_on_loss
    assert found == (back if back is None else pytest.approx(back, nan_ok=True))


def test_the_price_is_the_savings_own_where_none_is_given() -> None:
    priced = Savings(300, 100, 10800.0, 3600.0, money_run=9.0, money_saved=3.0)
    assert worth_of(priced, quality_lost=0.0) == Worth(9.0, 3.0, 0.0)
    assert worth_of(priced, 1.0, 0.0) == Worth(3.0, 1.0, 0.0)
    assert math.isnan(worth_of(SAVINGS, quality_lost=0.0).saved)


def test_a_loss_needs_what_a_unit_is_worth_unless_there_is_none() -> None:
    assert worth_of(SAVINGS, 2.0, 0.01, 50.0).lost == 0.5
    assert worth_of(SAVINGS, 2.0, -0.01, 50.0).lost == -0.5
    assert worth_of(SAVINGS, 2.0, 0.0).lost == 0.0
    assert math.isnan(worth_of(SAVINGS, 2.0, 0.01).lost)
    assert math.isnan(worth_of(SAVINGS, 2.0).lost)
    assert math.isnan(worth_of(SAVINGS, 2.0, NAN, 50.0).lost)


def test_the_share_is_of_full_training() -> None:
    assert Worth(30.0, 10.0, 0.0).share_saved == 0.25
    assert math.isnan(Worth(0.0, 0.0, 0.0).share_saved)
    assert math.isnan(Worth(NAN, 1.0, 0.0).share_saved)


@pytest.mark.parametrize(
    ("worth", "words"),
    [
        (Worth(0.0, 0.0, 0.0), "saved 0.00 of 0.00, lost nothing: there is nothing to return"),
        (Worth(30.0, 10.0, NAN), "saved 10.00 of 40.00 (25 %), loss of quality unknown"),
        (
            Worth(NAN, NAN, 0.0),
            "saving unknown: no price, or no result says its seconds, lost nothing",
        ),
        (
            Worth(NAN, NAN, 2.0),
            "saving unknown: no price, or no result says its seconds, lost 2.00",
        ),
        (
            Worth(30.0, 10.0, 20.0),
            "saved 10.00 of 40.00 (25 %), lost 20.00: net -10.00, a return of -50 % on the loss",
        ),
        (
            Worth(30.0, 10.0, -1.0),
            "saved 10.00 of 40.00 (25 %), gained 1.00: every saving is a gain",
        ),
    ],
)
def test_it_is_said_in_words(worth: Worth, words: str) -> None:
    assert worth.sentence() == words


amounts = st.floats(0, allow_infinity=False) | st.just(NAN) | st.sampled_from([0.0, 5e-324])


@given(amounts, amounts, st.floats(), amounts, st.none() | amounts.filter(math.isfinite))
@example(0.0, 0.0, 0.0, 0.0, 0.0)
@example(10.0, 0.0, -0.0, 1.0, None)
def test_no_numbers_divide_by_zero_or_say_nothing(
    seconds_run: float,
    seconds_saved: float,
    quality_lost: float,
    price: float,
    value: float | None,
) -> None:
    savings = Savings(1, 1, seconds_run, seconds_saved)
    given_price = price if math.isfinite(price) else None
    worth = worth_of(savings, given_price, quality_lost, value)
    back = worth.return_on_loss
    if back is None:
        assert worth.lost <= 0
        assert worth.net <= 0
    elif math.isnan(back):
        assert not math.isfinite(worth.saved) or not math.isfinite(worth.lost)
    elif worth.lost > 0:
        assert (back > 0) == (worth.net > 0) or back == 0.0
    assert worth.sentence()
    assert math.isnan(worth.share_saved) or 0 <= worth.share_saved <= 1


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            late(worth_of, SAVINGS, -1),
            "worth_of.price_per_hour must be a number at least 0, got -1",
        ),
        (late(worth_of, SAVINGS, NAN), "got nan"),
        (late(worth_of, SAVINGS, 1, 0.1, -5), "worth_of.value_of_quality must be a number at"),
    ],
)
def test_what_is_refused(build: Callable[[], Any], words: str) -> None:
    assert words in refusal(build)
