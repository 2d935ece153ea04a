"""Tasks are split whole: none is tuned on and judged on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.meta.tasks import early
from tune_es.meta import Split, family_of, leave_one_out, name_of, split, split_by_name
from tune_es.replay import TaskCurves

#: Sets of one to four tasks.
SETS = st.lists(st.integers(1, 4), min_size=2, max_size=5)


def made(sizes: list[int]) -> list[TaskCurves]:
    return [
        early(f"t{task}", source=f"set{at}")
        for at, size in enumerate(sizes)
        for task in range(size)
    ]


def names(tasks: tuple[TaskCurves, ...]) -> set[str]:
    return {name_of(each) for each in tasks}


@given(SETS, st.floats(0.01, 0.6), st.integers(0, 9))
def test_no_task_is_on_both_sides_and_none_is_lost(
    sizes: list[int], share: float, seed: int
) -> None:
    tasks = made(sizes)
    parts = split(tasks, share, seed)
    assert names(parts.tuning) | names(parts.held_out) == {name_of(each) for each in tasks}
    assert not names(parts.tuning) & names(parts.held_out)
    assert len(parts.held_out) == max(1, round(share * len(tasks)))


@given(SETS, st.integers(0, 9))
def test_the_draw_knows_names_and_seed_alone(sizes: list[int], seed: int) -> None:
    tasks = made(sizes)
    one, other = split(tasks, 0.4, seed), split(tasks[::-1], 0.4, seed)
    assert names(one.held_out) == names(other.held_out)
    assert [name_of(each) for each in one.tuning] == [name_of(each) for each in other.tuning]


@given(SETS, st.integers(0, 9))
def test_sets_stay_together_where_asked(sizes: list[int], seed: int) -> None:
    parts = split(made([1, *sizes]), 0.1, seed, family_of)
    assert not {family_of(each) for each in parts.tuning} & {family_of(x) for x in parts.held_out}


def test_seeds_differ_and_no_share_holds_out_nothing() -> None:
    tasks = made([4, 4, 4])
    assert len({frozenset(names(split(tasks, 0.3, seed).held_out)) for seed in range(8)}) > 1
    assert split(tasks, 0.0).held_out == ()


def test_names_of_tasks_and_sets_are_held_out() -> None:
    tasks = made([2, 2, 1])
    parts = split_by_name(tasks, ["set0", "set1/t1"])
    assert names(parts.held_out) == {"set0/t0", "set0/t1", "set1/t1"}
    with pytest.raises(ValueError, match="no task or curve set is called 'set9'"):
        split_by_name(tasks, ["set9"])
    with pytest.raises(ValueError, match="all of them were held out"):
        split_by_name(tasks, ["set0", "set1", "set2"])


def test_each_is_left_out_once() -> None:
    tasks = made([2, 3])
    assert [len(each.held_out) for each in leave_one_out(tasks)] == [1] * 5
    assert [len(each.held_out) for each in leave_one_out(tasks, family_of)] == [2, 3]
    left = [name for each in leave_one_out(tasks) for name in names(each.held_out)]
    assert sorted(left) == sorted(name_of(each) for each in tasks)


def test_a_task_on_both_sides_is_refused() -> None:
    task = early("t")
    with pytest.raises(ValueError, match="among tuning and held-out tasks"):
        Split((task,), (task,))
