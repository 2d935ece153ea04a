"""What a trial reported, over its lives, and the values it is told with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tune_es.search import Objectives, Record

values = st.none() | st.integers(-9, 9).map(float)
reports = st.lists(st.tuples(st.integers(1, 8), values, values), max_size=40)

Report = tuple[int, float | None, float | None]


@given(reports)
def test_only_the_present_life_counts(
    given_reports: list[tuple[int, float | None, float | None]],
) -> None:
    """Beside the slow reading: of all reports, those that no earlier step came after."""
    record = Record()
    for step, *row in given_reports:
        before = {*record.rows}
        dropped = record.note(step, row)
        assert {*dropped} == {each for each in before if each > step}
    steps = [step for step, *_ in given_reports]
    alive = [at for at, step in enumerate(steps) if min(steps[at:]) == step]
    wanted: dict[int, list[float | None]] = {}
    for at in alive:
        step, *row = given_reports[at]
        is_same = wanted and at and steps[at - 1] == step
        known = wanted.get(step, [None, None]) if is_same else [None, None]
        wanted[step] = [new if old is None else old for old, new in zip(known, row, strict=True)]
    assert {step: [*row] for step, row in record.rows.items()} == wanted
    assert [*record.rows] == sorted(record.rows)


def test_the_same_step_again_changes_nothing_and_fills_in() -> None:
    record = Record()
    record.note(1, [0.5, None])
    assert record.note(1, [0.9, 2.0]) == []
    assert record.rows == {1: (0.5, 2.0)}


@pytest.mark.parametrize(
    ("modes", "rows", "best"),
    [
        (("min",), {1: (3.0,), 2: (1.0,), 3: (1.0,), 4: (2.0,)}, (2, (1.0,))),
        (("max",), {1: (3.0,), 2: (None,), 4: (2.0,)}, (1, (3.0,))),
        (("max",), {1: (None,)}, None),
        (("max",), {}, None),
        (("min", "max"), {1: (3.0, 1.0), 2: (1.0, None), 3: (2.0, 9.0)}, (2, (1.0, 1.0))),
        (("min", "max"), {1: (1.0, None), 2: (2.0, 5.0)}, (2, (2.0, 5.0))),
        (("min", "max"), {1: (1.0, None), 2: (2.0, None)}, None),
    ],
)
def test_the_best_step(
    modes: tuple[str, ...],
    rows: dict[int, tuple[float | None, ...]],
    best: tuple[int, tuple[float, ...]] | None,
) -> None:
    metrics = ("a", "b")[: len(modes)]
    assert Objectives(metrics, modes).best(Record(rows)) == best


def test_what_grows_is_drawn_out_to_a_full_training() -> None:
    """A trial that was stopped half-way and one that was not cost the same; the loss decides."""
    two = Objectives.of(["loss", "cost"], ["min", "min"], ["cost"], 10)
    stopped = Record({step: (1.0, 3.0 * step) for step in (1, 2, 5)})
    full = Record({step: (1 / step, 3.0 * step) for step in range(1, 11)})
    assert two.best(stopped) == (1, (1.0, 30.0))
    assert two.best(full) == (10, (0.1, 30.0))
    longer = Record({**full.rows, 20: (0.05, 60.0)})
    assert two.best(longer) == (20, (0.05, 60.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["loss", "cost"], ["min", "min"], ["costs"], 9), r"got 'costs'; did you mean 'cost'\?"),
        ((["loss", "cost"], ["min", "min"], ["loss"], 9), r"after the first, got 'loss'"),
        ((["loss", "cost"], ["min", "min"], ["cost"]), r"max_t must be given .*grows=\['cost'\]"),
        ((["loss", "cost"], ["min", "min"], ["cost"], 0), r"max_t must be a number above 0, got 0"),
        ((["loss"], ["low"]), r"modes must be a known name, got 'low'"),
    ],
)
def test_bad_objectives(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Objectives.of(*arguments)
