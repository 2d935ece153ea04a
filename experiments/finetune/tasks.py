"""Classification tasks behind one function, `load_task`."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from experiments.finetune import docstrings, files, hub
from experiments.finetune.data import Split, Task, stratified_sample

SPLIT_SEED = 0
"""Seed of the validation split where a data set brings none; the same for every trial."""

Loader = Callable[[str, int], Task]

LOADERS: Mapping[str, Loader] = MappingProxyType(
    {
        "docstrings": docstrings.load,
        "hub": hub.load,
        **{name: partial(files.load, form) for name, form in files.FORMATS.items()},
    }
)


def load_task(
    name: str,
    *,
    seed: int = SPLIT_SEED,
    max_train: int | None = None,
    max_eval: int | None = None,
) -> Task:
    """The task of that name.

    - `docstrings`: which library a docstring documents; needs no file and no network;
    - `trec:/folder` (`mrpc`, `rte`, `cola`, `sst2`): the canonical files of that corpus;
    - `glue/mrpc`, `owner/name`, `owner/name/configuration`, `hub:anything`, or a folder that
      `datasets.load_dataset` can read.

    `seed` fixes the validation rows where the corpus has no validation file. `max_train` and
    `max_eval` keep a stratified part of the rows, for quick looks.

    Raises `ValueError` for an unknown name and for a file that is not in the expected format
    (with file, row and columns), `FileNotFoundError` where a file is missing.
    """
    loader, argument = _resolve(name)
    task = replace(loader(argument, seed), name=name)
    return replace(
        task,
        train=_capped(task.train, max_train, seed),
        validation=_capped(task.validation, max_eval, seed),
        test=_capped(task.test, max_eval, seed),
    )


def needs_hub(name: str) -> bool:
    """Whether reading that task may need a network."""
    loader, argument = _resolve(name)
    return loader is LOADERS["hub"] and not os.path.isdir(argument)


def _resolve(name: str) -> tuple[Loader, str]:
    kind, _, argument = name.partition(":")
    if kind in LOADERS:
        return LOADERS[kind], argument
    if "/" in name or os.path.isdir(name):
        return LOADERS["hub"], name
    known = sorted(LOADERS)
    near = difflib.get_close_matches(kind, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"load_task: no task named {name!r}{hint} Known: {', '.join(known)}, "
        "or a data set of the hub such as 'glue/mrpc'"
    )


def _capped(split: Split, limit: int | None, seed: int) -> Split:
    if limit is None or limit >= len(split):
        return split
    chosen: Sequence[int] = stratified_sample(split.labels, limit, seed)
    return split.take(chosen)
