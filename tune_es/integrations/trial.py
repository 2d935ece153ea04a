"""Where a run is a trial of Ray Tune: what is reported there, and nothing anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tune_es.reading import SECONDS_ATTR, read_number

#: The number of evaluations so far; in a trial Ray counts results by itself.
COUNT = "training_iteration"

RAYS = (COUNT, SECONDS_ATTR)


def in_trial() -> bool:
    """True in a function that Ray Tune runs as a trial; Ray is not imported to find out."""
    if "ray.tune" not in sys.modules:
        return False
    from ray.tune.trainable.trainable_fn_utils import _in_tune_session

    return bool(_in_tune_session())


def report(row: Mapping[str, object], folder: Path | None = None) -> None:
    """Report the numbers of a row, and a folder as the checkpoint.

    Ray answers when the scheduler has decided: where it stops the trial, nothing after this call
    is run, because SystemExit is raised in it.
    """
    from ray import tune

    checkpoint = None if folder is None else tune.Checkpoint.from_directory(str(folder))
    own = {name: number for name, number in numbers(row).items() if name not in RAYS}
    tune.report(own, checkpoint=checkpoint)


def numbers(row: Mapping[str, object]) -> dict[str, float]:
    """What of a row is a number, tensors of no dimensions included.

    >>> numbers({"loss": 0.5, "note": "warm-up"})
    {'loss': 0.5}
    """
    read = {name: read_number(value) for name, value in row.items()}
    return {name: number for name, number in read.items() if number is not None}
