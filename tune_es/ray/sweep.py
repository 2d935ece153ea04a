"""What is read off a sweep's controller, and what its searcher is told where Ray does not."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyarrow.fs import copy_files
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.result import TRIAL_ID
from ray.tune.utils import flatten_dict

from tune_es.ray.judge import logger
from tune_es.reading import read_number

#: Where Ray's JSON logger writes the results of a trial.
RESULTS = "result.json"


def unwrapped(controller: TuneController) -> TuneController:
    """The controller itself; Ray hands schedulers a wrapped one."""
    inner: TuneController = getattr(controller, "_tune_controller", controller)
    return inner


def trials_to_come(controller: TuneController) -> int | None:
    """How many trials the sweep will have; None where its searcher has no end."""
    total = controller.search_alg.total_samples
    return total if 0 < total < sys.maxsize else None


def warn_of_limit(controller: TuneController, trials: int | None) -> None:
    """Say that a limit on trials at a time counts paused ones, where there is such a limit."""
    limits = [getattr(each, "max_concurrent", 0) for each in _searchers(controller)]
    limit = min((each for each in limits if each), default=0)
    if limit and (trials is None or limit < trials):
        logger.warning(
            "max_concurrent=%s counts paused trials, too: trials are compared by %s at a time. "
            "Leave it out, and limit what runs at once by the resources of a trial",
            limit,
            limit,
        )


def shield_searcher(controller: TuneController, result: dict[str, Any]) -> None:
    """Put NaN where the searcher, which is given this dictionary next, would fail.

    Ours reads anything, and takes NaN for a broken trial.
    """
    searchers = [*_searchers(controller)]
    if any(getattr(each, "bears_anything", False) for each in searchers):
        return
    for searcher in searchers:
        metric = getattr(searcher, "metric", None)
        for name in [metric] if isinstance(metric, str) else metric or ():
            if read_number(result.get(name)) is None:
                result[name] = math.nan


def tell_of_end(controller: TuneController, trial: Trial) -> None:
    """Tell the searcher of a trial that Ray has ended without a word, with its last result."""
    result = flatten_dict(trial.run_metadata.last_result)
    if result.keys() <= {TRIAL_ID}:
        result = None
    else:
        shield_searcher(controller, result)
    failed = trial.status == Trial.ERROR
    controller.search_alg.on_trial_complete(trial.trial_id, result=result, error=failed)


def keep_results(trial: Trial) -> None:
    """Bring a trial's stored results up to date before it goes on.

    Where a trial has a checkpoint, Ray's JSON logger starts from the stored file at every start,
    and that is as old as the last upload: all results since then are lost. A disk that refuses it
    stops nothing.
    """
    written = Path(trial.local_path or "", RESULTS)
    if trial.checkpoint is None or trial.storage is None or not written.is_file():
        return
    storage, folder = trial.storage.storage_filesystem, Path(trial.storage.trial_fs_path)
    try:
        storage.create_dir(folder.as_posix(), recursive=True)
        copy_files(str(written), (folder / RESULTS).as_posix(), destination_filesystem=storage)
    except OSError as error:
        logger.warning("%s could not be stored: %s", written, error)


def _searchers(controller: TuneController) -> Iterator[Any]:
    """Limiters and repeaters hold the searcher that knows its metric."""
    searcher: Any = controller.search_alg
    while searcher is not None:
        yield searcher
        searcher = getattr(searcher, "searcher", None)
