from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.finetune.data import Split, Task, hold_out, stratified_sample


@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.data())
def test_a_stratified_sample_keeps_every_labels_share(
    labels: list[int], data: st.DataObject
) -> None:
    size = data.draw(st.integers(0, len(labels)))
    rows = stratified_sample(labels, size, seed=3)
    assert len(set(rows)) == len(rows) == size
    assert rows == sorted(rows)
    found, whole = Counter(labels[row] for row in rows), Counter(labels)
    for label, count in whole.items():
        assert abs(found[label] - size * count / len(labels)) < 1


def test_the_sample_depends_on_the_seed_alone() -> None:
    labels = [0, 1] * 50
    assert stratified_sample(labels, 20, 1) == stratified_sample(labels, 20, 1)
    assert stratified_sample(labels, 20, 1) != stratified_sample(labels, 20, 2)


def test_what_is_held_out_is_missing_from_the_rest() -> None:
    split = Split(tuple(f"text {i}" for i in range(30)), tuple(i % 3 for i in range(30)))
    rest, held = hold_out(split, 0.2, seed=0)
    assert (len(rest), len(held)) == (24, 6)
    assert {*rest.texts, *held.texts} == set(split.texts)


def test_a_task_is_checked_when_it_is_built() -> None:
    one, none = Split(("a",), (0,)), Split((), ())
    with pytest.raises(ValueError, match="the test split is empty"):
        Task("t", ("x",), one, one, none)
    with pytest.raises(ValueError, match="outside label_names"):
        Task("t", ("x",), one, Split(("a",), (1,)), one)
    with pytest.raises(ValueError, match="1 texts but 2 labels"):
        Split(("a",), (0, 1))
