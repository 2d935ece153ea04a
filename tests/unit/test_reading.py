"""Numbers out of what trials report: odd values, nested and flat keys."""

from __future__ import annotations

import decimal
import fractions
import math
from typing import Any

import numpy as np
import pytest

from tune_es import Patience, Policy
from tune_es.criteria import Composite
from tune_es.params import params_of
from tune_es.ray_files import metrics_of
from tune_es.reading import LEVELS, ODDITIES, flat_items, lookup, problem_of, read_number

NAN, INF = math.nan, math.inf


class Unreadable:
    """A tensor that is somewhere else."""

    def item(self) -> float:
        raise RuntimeError("no such device")


class Odd:
    """A scalar that raises whatever it is asked."""

    def __init__(self, error: type[Exception]) -> None:
        self.error = error

    def item(self) -> float:
        raise self.error

    def __float__(self) -> float:
        raise self.error

    def __repr__(self) -> str:
        raise self.error


class Hidden:
    """Says so when it is only looked at."""

    @property
    def item(self) -> float:
        raise KeyError("item")


class Itself:
    """A scalar that gives itself."""

    ndim = 0

    def item(self) -> Itself:
        return self


class Lazy:
    """What a metrics library may hand out: a number on asking."""

    def item(self) -> float:
        return 0.5


NUMBERS: list[tuple[Any, float]] = [
    (3, 3.0), (0, 0.0), (-2, -2.0), (0.5, 0.5), (NAN, NAN), (INF, INF), (-INF, -INF),
    (5e-324, 5e-324), (1e308, 1e308), (-0.0, -0.0), (2**70, 2.0**70), (10**300, 1e300),
    (fractions.Fraction(1, 4), 0.25),
    (np.float64(0.5), 0.5), (np.float32(0.5), 0.5), (np.float16(0.5), 0.5), (np.int64(3), 3.0),
    (np.uint8(3), 3.0), (np.array(0.5), 0.5), (np.array(3), 3.0), (np.float64(NAN), NAN),
    (Lazy(), 0.5),
]  # fmt: skip

NO_NUMBERS: list[Any] = [
    None, True, False, "0.5", "nan", "", b"1", [0.5], (0.5,), {0.5}, {"a": 0.5}, 1j, object(), int,
    10**400, -(10**400), fractions.Fraction(10**400), decimal.Decimal("0.5"),
    np.array([0.5]), np.array([0.5, 0.6]), np.array([]), np.array([[1.0]]), np.bool_(True),
    np.array(True), np.str_("0.5"), np.datetime64("2020-01-01"), np.complex128(1j), Unreadable(),
    lambda: 0.5, *map(Odd, ODDITIES), Hidden(), Itself(), 10**5000,
    np.array({"a": 1}, dtype=object),
]  # fmt: skip


@pytest.mark.parametrize(("value", "number"), NUMBERS)
def test_what_is_read_as_a_number(value: Any, number: float) -> None:
    found = read_number(value)
    assert type(found) is float
    assert repr(found) == repr(number)


@pytest.mark.parametrize("value", NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_what_is_not(value: Any) -> None:
    assert read_number(value) is None


def test_tensors_without_dimensions_are_numbers_and_others_are_not() -> None:
    torch = pytest.importorskip("torch")
    assert read_number(torch.tensor(0.5)) == 0.5
    assert read_number(torch.tensor(3)) == 3.0
    assert read_number(torch.tensor(0.5, requires_grad=True)) == 0.5
    assert read_number(torch.tensor(0.5, dtype=torch.bfloat16)) == 0.5
    assert math.isnan(read_number(torch.tensor(NAN)) or 0.0)
    for odd in ([0.5], [0.5, 0.6], [], [[0.5]], True):
        assert read_number(torch.tensor(odd)) is None
    assert read_number(torch.tensor(0.5, device="meta")) is None


@pytest.mark.parametrize(
    ("result", "name", "found"),
    [
        ({"loss": 0.5}, "loss", 0.5),
        ({"val/loss": 0.5}, "val/loss", 0.5),
        ({"val": {"loss": 0.5}}, "val/loss", 0.5),
        ({"a": {"b": {"c": 1}}}, "a/b/c", 1),
        ({"a": {"b/c": 1}}, "a/b/c", 1),
        ({"val": {"loss": 0.0}}, "val/loss", 0.0),
        ({"val": 3}, "val/loss", None),
        ({"val": {}}, "val/loss", None),
        ({"val": {"loss": None}}, "val/loss", None),
        ({"loss": 0.5}, "val/loss", None),
        ({}, "loss", None),
        ({"val": {"loss": 0.5}}, "val", {"loss": 0.5}),
        ({"": 1}, "", 1),
        ({"/": 1}, "/", 1),
        ({3: 1}, "3", None),
    ],
)
def test_keys_are_flat_or_nested(result: dict[Any, Any], name: str, found: object) -> None:
    assert lookup(result, name) == found


def test_what_holds_itself_or_is_too_deep_is_left_as_it_is() -> None:
    circle: dict[str, Any] = {"x": 1}
    circle["y"] = circle["z"] = circle
    assert [*dict(flat_items({"c": circle}))] == ["c/x", "c/y", "c/z"]
    deep: dict[str, Any] = {}
    for _ in range(3000):
        deep = {"d": deep}
    assert [*dict(flat_items(deep))] == ["/".join(["d"] * (LEVELS + 1))]


def test_a_key_that_cannot_be_written_out_is_left_out() -> None:
    huge: dict[Any, Any] = {10**5000: 1.0, "loss": 2.0, "val": {10**5000: 3.0, None: 4.0}}
    assert dict(flat_items(huge)) == {"loss": 2.0, "val/None": 4.0}
    assert metrics_of(huge) == {"loss": 2.0, "val/None": 4.0}
    assert params_of({**huge, "es/patience": 3}) == {"patience": 3}
    reading = Policy("loss", "min", stop=Patience(3)).read("a", {**huge, "training_iteration": 1})
    assert reading.observation is not None


def test_what_a_person_is_told() -> None:
    assert problem_of(None) == "is missing"
    assert problem_of("0.5") == "is str, not a number"
    assert problem_of([0.5]) == "is list, not a number"
    assert problem_of(NAN) != "is float, not a number", "a float is a number; say what is wrong"


POLICY = Policy(
    "val/loss",
    "min",
    stop=Patience(3),
    other_metrics={"val/f1": "max"},
    max_t=30,
    price_per_hour=7.2,
)


def test_an_observation_is_oriented_and_complete() -> None:
    result = {
        "training_iteration": 4, "val": {"loss": 0.5, "f1": 0.75}, "time_total_s": 50.0, "lr": 1e-4,
    }  # fmt: skip
    reading = POLICY.read("t1", result)
    seen = reading.observation
    assert reading.problems == {}
    assert seen is not None
    assert (seen.trial_id, seen.step, seen.score, seen.sign) == ("t1", 4, -0.5, -1)
    assert seen.values == {"val/loss": -0.5, "val/f1": 0.75}
    assert (seen.max_t, seen.seconds) == (30, 50.0)
    assert seen.cost == pytest.approx(0.1)


def test_flat_and_nested_results_are_read_alike() -> None:
    nested = {"training_iteration": 1, "val": {"loss": 0.5, "f1": 0.75}}
    flat = {"training_iteration": 1, "val/loss": 0.5, "val/f1": 0.75}
    assert POLICY.read("t", nested) == POLICY.read("t", flat)


@pytest.mark.parametrize(
    ("value", "problem"),
    [("0.5", "is str, not a number"), (None, "is missing"), ([0.5], "is list, not a number")],
)
def test_a_metric_that_cannot_be_read_is_absent_and_named(value: object, problem: str) -> None:
    reading = POLICY.read("t", {"training_iteration": 1, "val/loss": value, "val/f1": 0.5})
    assert reading.problems == {"val/loss": problem}
    assert reading.observation is not None
    assert reading.observation.score is None
    assert reading.observation.values == {"val/f1": 0.5}


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_a_metric_that_is_not_finite_is_a_number_that_was_reported(value: float) -> None:
    reading = POLICY.read("t", {"training_iteration": 1, "val/loss": value, "val/f1": 0.5})
    assert reading.problems == {}
    assert reading.observation is not None
    assert repr(reading.observation.score) == repr(-value)


@pytest.mark.parametrize("step", [None, "3", True, [3], NAN, INF, 10**400])
def test_without_a_step_there_is_no_observation(step: object) -> None:
    reading = POLICY.read("t", {"training_iteration": step, "val/loss": 0.5})
    assert reading.observation is None
    assert "training_iteration" in reading.problems


@pytest.mark.parametrize(
    ("step", "read"), [(3, 3), (3.0, 3), (2.5, 2.5), (0, 0), (np.int64(7), 7), (1e6, 1_000_000)]
)
def test_whole_steps_are_ints(step: float, read: float) -> None:
    seen = POLICY.read("t", {"training_iteration": step, "val/loss": 0.5}).observation
    assert seen is not None
    assert (seen.step, type(seen.step)) == (read, type(read))


def test_another_clock_and_another_bill() -> None:
    policy = Policy(
        "loss", "min", stop=Patience(3), time_attr="progress/epoch", cost_attr="bill/usd"
    )
    result = {"progress": {"epoch": 2.5}, "loss": 1.0, "bill": {"usd": 3.5}}
    seen = policy.read("t", result).observation
    assert seen is not None
    assert (seen.step, seen.cost, seen.seconds) == (2.5, 3.5, None)


def test_reported_weights_are_read_as_they_are() -> None:
    rule = Composite(Patience(3), weights={"loss": 1}, weights_from={"loss": "weights/loss"})
    policy = Policy("loss", "min", stop=rule)
    result = {"training_iteration": 1, "loss": 2.0, "weights": {"loss": 0.25}}
    seen = policy.read("t", result).observation
    assert seen is not None
    assert seen.values == {"loss": -2.0, "weights/loss": 0.25}


def test_reading_changes_nothing() -> None:
    result = {"training_iteration": 1, "val": {"loss": 0.5}}
    POLICY.read("t", result)
    assert result == {"training_iteration": 1, "val": {"loss": 0.5}}
