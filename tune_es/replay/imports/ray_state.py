"""What Ray keeps of a sweep beside its numbers: who joined when, who failed, who saved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from tune_es.params import POLICY_FILE
from tune_es.policy import Policy
from tune_es.ray_files import Known
from tune_es.replay.imports.sweep import Evaluation, Trials
from tune_es.replay.life import FAILED, SAVED


def joined(trial_ids: Iterable[str], known: Known) -> Mapping[str, str]:
    """A name for every trial, such that they sort in the order in which they joined the sweep.

    Ray numbers its trials, but the ids of those that a searcher suggests are random: the names of
    such begin with the number.

    >>> known = {"f0": {"experiment_tag": "1_lr=1"}, "a1": {"experiment_tag": "2_lr=2"}}
    >>> joined(["a1", "f0"], known), joined(["a1"], known)
    ({'f0': '00001_f0', 'a1': '00002_a1'}, {'a1': 'a1'})
    """
    names = sorted(trial_ids)
    tags = [re.match(r"\d+", str(known.get(name, {}).get("experiment_tag"))) for name in names]
    numbers = {name: int(tag[0]) for name, tag in zip(names, tags, strict=True) if tag}
    order = sorted(numbers, key=numbers.__getitem__)
    if order == names or len(set(numbers.values())) < len(names):
        return {name: name for name in names}
    return {name: f"{numbers[name]:05d}_{name}" for name in order}


def saved_at(result: Mapping[str, object], has_saved: bool) -> float:
    """1 where a trial would go on from this result after a pause.

    A function saves where it reports a checkpoint; a class whenever Ray wants it, or never.
    """
    is_function = "checkpoint_dir_name" in result
    return float(bool(result["checkpoint_dir_name"]) if is_function else has_saved)


def marked(folder: Path, rows: Trials, known: Known) -> Trials:
    """The rows with what a replay has to know beside the metrics, where it is out of the ordinary.

    :data:`FAILED` is 1 at the last evaluation of a trial that failed for good. :data:`SAVED` is
    given where the sweep was to pause trials, and some evaluation came without a checkpoint.
    """
    saves = _promotes(folder) and not all(
        row.values[SAVED] for each in rows.values() for row in each
    )
    failed = {name for name in rows if known.get(name, {}).get("status") == "ERROR"}

    def mark(name: str, row: Evaluation, is_last: bool) -> Evaluation:
        values = {key: value for key, value in row.values.items() if key != SAVED or saves}
        fails = {FAILED: float(is_last and name in failed)} if failed else {}
        return replace(row, values={**values, **fails})

    return {
        name: [mark(name, row, at == len(each)) for at, row in enumerate(each, start=1)]
        for name, each in rows.items()
    }


def _promotes(folder: Path) -> bool:
    file = folder / POLICY_FILE
    return file.is_file() and Policy.from_file(file).promotion is not None
