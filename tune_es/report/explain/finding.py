"""Which trial somebody means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from tune_es.monitoring import Experiment

#: Names that an error lists at most.
LISTED = 8


def find_trial(experiment: Experiment, wanted: str) -> int:
    """The number of a trial, from 1, by its id, its name, its number or the beginning of either.

    Raises:
        ValueError: No trial is meant, with the nearest ones, or several are.
    """
    ids = [each.trial_id for each in experiment.trials]
    names = [each.name for each in experiment.trials]
    for exact in (ids, names):
        if wanted in exact:
            return exact.index(wanted) + 1
    number = wanted.removeprefix("#")
    if number.isdecimal() and len(number) < 10 and 1 <= int(number) <= len(ids):
        return int(number)
    for several in (ids, names):
        begun = [
            at for at, name in enumerate(several, start=1) if wanted and name.startswith(wanted)
        ]
        if len(begun) == 1:
            return begun[0]
        if begun:
            some = _listed([several[at - 1] for at in begun])
            raise ValueError(f"--trial {wanted!r} is the beginning of {len(begun)} trials: {some}")
    raise ValueError(f"there is no trial {wanted!r}; {_nearest(wanted, ids, names)}")


def _nearest(wanted: str, ids: Sequence[str], names: Sequence[str]) -> str:
    if not ids:
        return "the experiment has none"
    close = difflib.get_close_matches(wanted, [*ids, *names], n=1, cutoff=0.5)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Valid: 1 to {len(ids)}, or {_listed(ids)}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED
    return ", ".join(names[:LISTED]) + (f" and {more} more" if more > 0 else "")
